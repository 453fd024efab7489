"""Make the demo again from its text: tokenizer, model, figures, cache, dictionaries, their indices, and session.

Run again, it goes on where it stopped.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parents[2]))

from resources.demo import bundle, corpus, dictionaries, figures, samples, training, vocabulary
from resources.demo.training import BATCH_TOKENS, SAVE_EVERY, Plan, Training

HERE = Path(__file__).parent
SEED = 0
MIX_TOKENS = 12_600_000


def arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="where the model and its figures go")
    parser.add_argument("--work", type=Path, default=HERE.parents[1] / "build" / "demo", help="where checkpoints go")
    parser.add_argument("--tokens", type=int, default=MIX_TOKENS, help="how many tokens of the mix to train on")
    parser.add_argument("--keep-model", action="store_true", help="build anew only what is built on the model")
    options = parser.parse_args()
    options.out = options.out.resolve()
    return options


def tokenizer_in(folder: Path) -> Tokenizer:
    """The tokenizer of this build, trained if it is not there yet."""
    if not (folder / "tokenizer.json").exists():
        vocabulary.save_tokenizer(vocabulary.train_tokenizer(SEED), folder)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def mix_in(folder: Path, tokenizer: Tokenizer) -> corpus.Mix:
    """The natural text as tokens, kept between runs, and the tokenizer that made them."""
    path = folder / "natural.safetensors"
    if not path.exists():
        save_file({source: corpus.stream(tokenizer, source) for source in corpus.SOURCES}, path)
    return corpus.Mix(tokenizer, load_file(path))


def train(run: Training, checkpoint: Path, console: Console) -> None:
    """Train to the end of the plan, saving every five minutes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=run.plan.mix_steps, completed=run.progress.mix_step)
        saved = time.monotonic()
        while not run.done:
            run.step()
            bar.update(task, completed=run.progress.mix_step, description=described(run))
            if time.monotonic() - saved > SAVE_EVERY:
                run.save(checkpoint)
                saved = time.monotonic()
                console.log(described(run))
    run.save(checkpoint)


def described(run: Training) -> str:
    progress = run.progress
    phase = "mix" if progress.in_mix else f"circuits, level {progress.level + 1} of {len(training.LEVELS)}"
    speed = progress.step * BATCH_TOKENS / max(progress.seconds, 1e-9)
    return f"{phase}: step {progress.step:,}, loss {progress.loss:.3f}, {speed:,.0f} tokens/s"


def export(run: Training, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the model as a Hugging Face folder, and the held-out samples beside it."""
    run.model.save_pretrained(folder / "model")
    vocabulary.save_tokenizer(tokenizer, folder / "model")
    samples.write_samples(tokenizer, folder)


def measure(folder: Path, console: Console) -> None:
    """Measure the exported model, print the table and write the figures."""
    measured, scores = figures.measure(figures.Subject.from_folder(folder / "model"))
    figures.write(measured, scores, folder / "figures.json")
    console.print(figures.table(measured))


def make_model(options: Namespace, console: Console) -> None:
    """Train, export and measure the model."""
    tokenizer = tokenizer_in(options.work)
    run = Training(
        training.new_model(SEED), mix_in(options.work, tokenizer), Plan(SEED, options.tokens // BATCH_TOKENS)
    )
    checkpoint = options.work / "checkpoint.safetensors"
    if checkpoint.exists():
        run.resume(checkpoint)
    train(run, checkpoint, console)
    export(run, tokenizer, options.out)
    measure(options.out, console)


def main() -> None:
    options, console = arguments(), Console()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    if not options.keep_model:
        make_model(options, console)
    tokenizer = Tokenizer.from_file(str(options.out / "model" / "tokenizer.json"))
    bundle.write_cache(options.out)
    dictionaries.train(options.out, options.work, mix_in(options.work, tokenizer))
    dictionaries.index(options.out)
    bundle.write_session(options.out)


if __name__ == "__main__":
    main()
