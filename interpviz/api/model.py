"""A loaded model, and all that can be asked of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from interpviz.api import experiment
from interpviz.api.answers import Generation, Run, Sweep, compared
from interpviz.api.asking import ask, engine
from interpviz.api.evaluating import Paths, evaluate
from interpviz.api.experiment import Dictionary, Edit
from interpviz.api.files import Cache
from interpviz.api.sweeps import patching_grid, sweep_layers
from interpviz.core import requests
from interpviz.core.document import ModelFacts, Prompt, Stream
from interpviz.core.feature_results import Fit
from interpviz.core.interventions import Mode
from interpviz.core.path_patching import parse_paths
from interpviz.core.repairs import Hydra, HydraRequest, SelfRepair, SelfRepairRequest
from interpviz.core.report import Report, share, silent
from interpviz.core.results import F4, Continuation, Effects, HeadScores, PathEffects, RunResult, Target, Vocabulary
from interpviz.core.sites import Site


class Model:
    """A loaded model. Make one with `load`.

    In every call `prompt` and `contrast` are texts, with a BOS in front where the tokenizer has one and `bos` is true;
    `contrast` is what patch draws from, as many tokens as the prompt. `target` and `distractor` are one token each,
    exactly as given; the metric is the difference of their logits at the last position, in nats, or without a
    distractor the target's log-probability. `reference` is the cache that mean and resample draw from, in place of the
    bundled text, `seed` numbers resample's draws, `dictionaries` are their folders, whose base names edits use
    (`NAME/123`). InterpvizError says what the caller got wrong.
    """

    def __init__(self, facts: ModelFacts) -> None:
        self.facts = facts

    def __repr__(self) -> str:
        return f"Model({self.facts.name!r}, {self.facts.layers} layers of {self.facts.heads} heads)"

    def run(
        self,
        prompt: str,
        ablate: Iterable[Edit] = (),
        *,
        target: str = "",
        distractor: str = "",
        contrast: str = "",
        dictionaries: Iterable[Dictionary] = (),
        freeze: bool = False,
        seed: int = 0,
        top: int = 10,
        loss: bool = False,
        bos: bool = True,
        tokens: Iterable[int] | None = None,
        reference: Cache | None = None,
        report: Report = silent,
    ) -> Run:
        """What the model says after the prompt, clean and with the edits of `ablate` made (`L1H4:mean@2-5`).

        `freeze` holds every attention pattern at that of the clean run; `tokens` are exact ids in place of the text's.
        """
        experiment.check_target(target, distractor)
        edits, opened = experiment.checked(ablate, contrast, dictionaries, report)
        wanted = requests.TargetRequest(self.facts, target, distractor)
        followed: Target | None = ask(wanted, report) if target else None
        asked = requests.RunRequest(self.facts, experiment.prompt(prompt, bos, tokens), loss=loss)
        sources = experiment.sources(contrast, bos, opened, reference, seed)
        started = time.perf_counter()
        clean: RunResult = ask(asked, share(report, 0.0, 0.5))
        edited: RunResult | None = None
        if edits:
            changed = replace(asked, interventions=frozenset(edits), sources=sources, freeze=freeze)
            edited = ask(changed, share(report, 0.5, 1.0))
        seconds = time.perf_counter() - started
        return compared(self.facts.name, clean, edited, followed, self.vocabulary(), top, edits, seconds)

    def generate(
        self,
        prompt: str,
        ablate: Iterable[Edit] = (),
        *,
        count: int = 24,
        temperature: float = 0.0,
        seed: int = 0,
        contrast: str = "",
        dictionaries: Iterable[Dictionary] = (),
        freeze: bool = False,
        bos: bool = True,
        tokens: Iterable[int] | None = None,
        reference: Cache | None = None,
        report: Report = silent,
    ) -> Generation:
        """How the prompt goes on by up to `count` tokens, clean and with the edits of `ablate` made.

        Greedy at temperature 0, else sampled by the seed, the same on both sides. Edits at all positions go on in
        what is generated; edits at some count those of the prompt. Resample draws one document.
        """
        experiment.check_sampling(count, temperature)
        edits, opened = experiment.checked(ablate, contrast, dictionaries, report)
        asked = requests.GenerateRequest(
            self.facts, experiment.prompt(prompt, bos, tokens), count=count, temperature=temperature, seed=seed
        )
        clean: Continuation = ask(asked, share(report, 0.0, 0.5))
        if not edits:
            return Generation(clean, None)
        sources = experiment.sources(contrast, bos, opened, reference, seed)
        changed = replace(asked, interventions=frozenset(edits), sources=sources, freeze=freeze)
        return Generation(clean, ask(changed, share(report, 0.5, 1.0)))

    def sweep(
        self,
        prompt: str,
        target: str,
        distractor: str = "",
        *,
        kind: requests.SweepKind = "component",
        layer: int | None = None,
        contrast: str = "",
        dictionary: Dictionary | None = None,
        mode: Mode | None = None,
        seed: int = 0,
        bos: bool = True,
        reference: Cache | None = None,
        report: Report = silent,
    ) -> Sweep:
        """What cutting each part alone, at all positions, does to the metric.

        `kind` is "head", "mlp", "component" (both), "neuron" (of one `layer`) or "feature" (those of the dictionary
        that are active on the prompt). `mode` is zero, mean, resample or patch; None is patch where there is a
        contrast, else zero. `report` is handed the Effects of one layer after the other.
        """
        mode = experiment.mode_of(mode, contrast)
        experiment.check_target(target, distractor, needed=True)
        experiment.check_sweep(kind, mode, contrast, layer, dictionary)
        opened = experiment.swept(dictionary, report)
        sources = experiment.sources(contrast, bos, opened, reference, seed)
        first = -1 if kind == "feature" else layer or 0
        text = Prompt(prompt, bos=bos)
        asked = requests.SweepRequest(self.facts, text, target, distractor, first, mode, kind, sources)
        layers = range(self.facts.layers) if layer is None and kind != "feature" else [first]
        return sweep_layers(asked, layers, report)

    def patching(
        self,
        prompt: str,
        contrast: str,
        target: str,
        distractor: str = "",
        *,
        stream: Stream = "resid",
        back: bool = False,
        bos: bool = True,
        report: Report = silent,
    ) -> F4:
        """How much of the prompt's answer patching one position of one layer brings back, (layer, pos).

        The prompt's activation of `stream` ("resid" entering the layer, "attn" out, "mlp" out) goes into the
        contrast's run; with `back` the contrast's into the prompt's. 0 is the contrast's metric, 1 the prompt's.
        Source: METRICS.md, Patching normalised.
        """
        experiment.check_target(target, distractor, needed=True)
        experiment.check_contrast("patch", contrast)
        texts = Prompt(prompt, bos=bos), Prompt(contrast, bos=bos)
        return patching_grid(requests.PatchingRequest(self.facts, *texts, target, distractor, stream, 0, back), report)

    def path(
        self,
        prompt: str,
        paths: str,
        target: str,
        distractor: str = "",
        *,
        mode: Mode | None = None,
        contrast: str = "",
        bos: bool = True,
        reference: Cache | None = None,
        report: Report = silent,
    ) -> PathEffects:
        """What editing the sender does through these paths alone, directly, and in all; in nats.

        `paths` is a text such as "L0H4 > L1Q2 > logits, L0H4 > L1M > logits". `mode` is zero, mean or patch; None is
        patch where there is a contrast, else zero. Source: Wang et al. 2022 (2211.00593), path patching.
        """
        mode = experiment.mode_of(mode, contrast)
        sources = experiment.followed(target, distractor, mode, contrast, bos, reference)
        text = Prompt(prompt, bos=bos)
        asked = requests.PathRequest(self.facts, text, target, distractor, parse_paths(paths), mode, sources)
        effects: PathEffects = ask(asked, report)
        return effects

    def attribution(
        self,
        prompt: str,
        target: str,
        distractor: str = "",
        *,
        mode: Mode | None = None,
        contrast: str = "",
        bos: bool = True,
        reference: Cache | None = None,
        report: Report = silent,
    ) -> Effects:
        """Attribution patching: an estimate to first order of what `sweep` measures for every head and MLP.

        `mode` is zero, mean or patch, as in `path`. Source: METRICS.md, Attribution patching.
        """
        mode = experiment.mode_of(mode, contrast)
        sources = experiment.followed(target, distractor, mode, contrast, bos, reference)
        asked = requests.PatchingEstimateRequest(self.facts, Prompt(prompt, bos=bos), target, distractor, mode, sources)
        effects: Effects = ask(asked, report)
        return effects

    def direct(
        self, prompt: str, target: str, distractor: str = "", *, bos: bool = True, report: Report = silent
    ) -> Effects:
        """Direct logit attribution of every head and MLP at the last position, in nats. Source: METRICS.md, DLA."""
        experiment.check_target(target, distractor, needed=True)
        asked = requests.AttributionRequest(self.facts, Prompt(prompt, bos=bos), target, distractor)
        effects: Effects = ask(asked, report)
        return effects

    def self_repair(
        self,
        prompt: str,
        target: str,
        distractor: str = "",
        *,
        site: str | Site,
        mode: Mode = "zero",
        contrast: str = "",
        bos: bool = True,
        reference: Cache | None = None,
        report: Report = silent,
    ) -> SelfRepair:
        """How much others make up for a head or MLP (`site`) that is cut at the last position.

        `mode` is zero, mean or patch. Source: METRICS.md, Self-repair; Rushing and Nanda 2024 (2402.15390).
        """
        sources = experiment.followed(target, distractor, mode, contrast, bos, reference)
        text, part = Prompt(prompt, bos=bos), Site.parse(site) if isinstance(site, str) else site
        asked = SelfRepairRequest(self.facts, text, target, distractor, part, mode, sources)
        repair: SelfRepair = ask(asked, report)
        return repair

    def hydra(
        self,
        prompt: str,
        target: str,
        distractor: str = "",
        *,
        mode: Mode = "zero",
        contrast: str = "",
        bos: bool = True,
        reference: Cache | None = None,
        report: Report = silent,
    ) -> Hydra:
        """What every attention and MLP output writes for the metric, beside what cutting it by `mode` takes from it.

        At the last position; `mode` is zero, mean or patch, and `report` is handed the Hydra as it grows.
        Source: METRICS.md, Hydra; McGrath et al. 2023 (2307.15771).
        """
        sources = experiment.followed(target, distractor, mode, contrast, bos, reference)
        asked = HydraRequest(self.facts, Prompt(prompt, bos=bos), target, distractor, mode, sources)
        impacts: Hydra = ask(asked, report)
        return impacts

    def evaluate(
        self, dictionary: Dictionary, text: Paths = (), *, tokens: int | None = None, report: Report = silent
    ) -> Fit:
        """How a dictionary does on text files, the bundled text where none are given; `report` is handed Fits.

        It stops after `tokens`, BOS included. `fit.problems` are sentences on what is wrong. Source: METRICS.md.
        """
        return evaluate(self.facts, dictionary, text, tokens, report)

    def heads(self, report: Report = silent) -> HeadScores:
        """Induction, previous-token and duplicate-token score of every head, each (layer, head), 0 to 1."""
        scores: HeadScores = ask(requests.HeadsRequest(self.facts), report)
        return scores

    def vocabulary(self) -> tuple[str, ...]:
        """The text of every token, by id."""
        return self._words.texts

    def text(self, ids: Iterable[int]) -> str:
        """What these tokens say together; a token alone may be half a character."""
        tokenizer = engine().loaded(self.facts).model.tokenizer
        said = tokenizer.decode([int(i) for i in ids], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return str(said)

    @cached_property
    def _words(self) -> Vocabulary:
        words: Vocabulary = ask(requests.VocabularyRequest(self.facts))
        return words
