"""Train the demo: first the circuits on random repeats, then the mix; stopped, it goes on where it was."""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from resources.demo.corpus import BOS, CONTEXT, IGNORED, Mix, batch, random_repeat

# (shortest segment, longest segment, context): up a level when the loss is under its goal.
LEVELS = ((5, 10, 40), (5, 20, 64), (5, 40, 96), (5, 60, 128))
GOALS = (0.5, 0.4, 0.4, 0.3)
BATCH_TOKENS = 16 * CONTEXT
PEAK_RATE, LAST_SHARE, WARM_UP = 3e-3, 0.05, 100
HEAD_DROPOUT = 0.1
SAVE_EVERY = 300.0  # seconds


@dataclass(frozen=True)
class Progress:
    """How far training has come: what a checkpoint holds beside the tensors."""

    step: int = 0
    level: int = 0
    mix_step: int = 0
    loss: float = math.log(4096)
    seconds: float = 0.0

    @property
    def in_mix(self) -> bool:
        return self.level == len(LEVELS)


@dataclass(frozen=True)
class Plan:
    """What to train: the seed, the steps of the mix, and the size of a batch in contexts."""

    seed: int
    mix_steps: int
    rows: int = 16


def new_model(seed: int, vocab: int = 4096, layers: int = 4, d_model: int = 192, heads: int = 6) -> LlamaForCausalLM:
    """An untrained demo; embeddings start at std 0.07, so that a token can be matched against itself early."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=d_model,
        intermediate_size=d_model * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
        bos_token_id=BOS,
        eos_token_id=BOS,
        pad_token_id=None,
    )
    model = LlamaForCausalLM(config)
    nn.init.normal_(model.model.embed_tokens.weight, std=0.07)
    return model


class HeadDropout:
    """Silences whole heads, each context its own, which makes a second head for the same work worth having."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        self.share = 0.0
        self.heads = model.config.num_attention_heads
        for layer in model.model.layers:
            layer.self_attn.o_proj.register_forward_pre_hook(self.drop)

    def drop(self, module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor] | None:
        if self.share == 0:
            return None
        (z,) = inputs
        kept = (torch.rand(z.shape[0], 1, self.heads, 1) >= self.share) / (1 - self.share)
        return ((z.view(*z.shape[:2], self.heads, -1) * kept).flatten(-2),)


def optimizer_of(model: nn.Module) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    scales = [p for p in model.parameters() if p.ndim == 1]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": scales, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.05)


class Training:
    """A model on its way: one step at a time, saved and opened again without a difference."""

    def __init__(self, model: LlamaForCausalLM, mix: Mix, plan: Plan) -> None:
        self.model, self.mix, self.plan = model, mix, plan
        self.optimizer = optimizer_of(model)
        self.dropout = HeadDropout(model)
        self.progress = Progress()

    @property
    def done(self) -> bool:
        return self.progress.mix_step >= self.plan.mix_steps

    def step(self) -> None:
        """One batch of the curriculum or of the mix; every random draw follows from the seed and the step."""
        progress, began = self.progress, time.monotonic()
        rng = Random(f"{self.plan.seed} {progress.step}")
        torch.manual_seed(rng.getrandbits(60))
        draw, rows = self.source()
        tokens, labels = batch(draw, rng, rows)
        self.dropout.share = HEAD_DROPOUT if progress.in_mix else 0.0
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        weights = self.mix.weights(tokens) if progress.in_mix else np.ones(tokens.shape, np.float32)
        loss = loss_of(self.model, *map(torch.from_numpy, (tokens, labels, weights)))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.progress = after(progress, loss.item(), time.monotonic() - began)

    def source(self) -> tuple[Callable[[Random], tuple[list[int], int]], int]:
        """Where the next batch is drawn from, and how many contexts it has."""
        if self.progress.in_mix:
            return self.mix.context, self.plan.rows
        shortest, longest, length = LEVELS[self.progress.level]
        vocab = self.model.config.vocab_size
        rows = self.plan.rows * CONTEXT // length
        return lambda rng: random_repeat(rng, vocab, shortest, longest, length), rows

    def rate(self) -> float:
        """The learning rate: warm-up, then level, then a cosine over the mix down to a twentieth."""
        progress = self.progress
        if not progress.in_mix:
            return PEAK_RATE * min(1.0, (progress.step + 1) / WARM_UP)
        cosine = (1 + math.cos(math.pi * progress.mix_step / self.plan.mix_steps)) / 2
        return PEAK_RATE * (LAST_SHARE + (1 - LAST_SHARE) * cosine)

    def save(self, path: Path) -> None:
        """Write parameters, optimizer and progress to one file, whole or not at all."""
        tensors = {f"model.{name}": p.detach() for name, p in self.model.named_parameters()}
        for name, p in self.model.named_parameters():
            for key, value in self.optimizer.state.get(p, {}).items():
                tensors[f"optimizer.{key}.{name}"] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        save_file(tensors, new, {"progress": json.dumps(asdict(self.progress))})
        os.replace(new, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        with safe_open(path, "pt") as stored:
            self.progress = Progress(**json.loads(stored.metadata()["progress"]))
            for name, p in self.model.named_parameters():
                p.data.copy_(stored.get_tensor(f"model.{name}"))
                self.optimizer.state[p] = {
                    key: stored.get_tensor(f"optimizer.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")
                }


def loss_of(model: LlamaForCausalLM, tokens: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean over the labels that count of weight times loss in nats; only their positions are unembedded."""
    counted = labels != IGNORED
    hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state[counted]
    loss: Tensor = nn.functional.cross_entropy(model.lm_head(hidden), labels[counted], reduction="none")
    return (loss * weights[counted]).mean()


def after(progress: Progress, loss: float, seconds: float) -> Progress:
    """The progress one step on; the loss is smoothed over some ten steps, and a level passed starts it afresh."""
    smooth = 0.9 * progress.loss + 0.1 * loss
    progress = replace(progress, step=progress.step + 1, seconds=progress.seconds + seconds, loss=smooth)
    if progress.in_mix:
        return replace(progress, mix_step=progress.mix_step + 1)
    if smooth < GOALS[progress.level]:
        return replace(progress, level=progress.level + 1, loss=math.log(4096))
    return progress
