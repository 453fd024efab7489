"""Cuts at the last position in plain transformers: the residual stream, and the final norm with its scale held."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from interpviz.core.interventions import Intervention, Mode
from interpviz.core.sites import Site
from tests.engine import oracle
from tests.engine.pairs import Pair

NORMS = {"llama": "model.norm", "gpt2": "transformer.ln_f", "gpt_neox": "gpt_neox.final_layer_norm"}


@dataclass(frozen=True)
class Cuts:
    """Runs of one prompt, each with one site replaced at its last position."""

    pair: Pair
    text: str
    contrast: str
    letters: Path

    def replaced(self, site: Site, mode: Mode) -> tuple[Tensor, Tensor]:
        """The activation (width,) that holds the site at the last position, clean and as the mode has it."""
        was = oracle.activations(self.pair.plain, [site], self.pair.ids(self.text))[site.hook][-1]
        if mode == "zero":
            return was, torch.zeros_like(was)
        if mode == "patch":
            return was, oracle.activations(self.pair.plain, [site], self.pair.ids(self.contrast))[site.hook][-1]
        contexts = self.pair.contexts(self.letters.read_text("utf-8"))
        return was, oracle.mean_activations(self.pair.plain, [site], contexts)[site.hook][1].float()

    def run(self, site: Site | None = None, mode: Mode = "zero") -> tuple[Tensor, Tensor]:
        """What enters the final norm (d_model,) and the logits (vocab,), at the last position."""
        edits: list[tuple[Intervention, Tensor | None]] = []
        if site is not None:
            edits = [(Intervention(site, "mean", positions=(-1,)), self.replaced(site, mode)[1].expand(2, -1))]
        seen: list[Tensor] = []
        norm = self.pair.plain.get_submodule(NORMS[self.pair.plain.config.model_type])
        handle = norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][0, -1].clone()))
        logits = oracle.edited_logits(self.pair.plain, self.pair.ids(self.text), edits)[-1]
        handle.remove()
        return seen[0], logits

    def held(self, residual: Tensor) -> Tensor:
        """Logits of this residual stream with the scale of the final norm held at the clean run's."""
        clean, _ = self.run()
        norm = self.pair.plain.get_submodule(NORMS[self.pair.plain.config.model_type])
        with torch.no_grad():
            if self.pair.plain.config.model_type == "llama":
                normed = norm.weight * residual / (clean.pow(2).mean() + norm.variance_epsilon).sqrt()
            else:
                spread = ((clean - clean.mean()).pow(2).mean() + norm.eps).sqrt()
                normed = norm.weight * (residual - residual.mean()) / spread + norm.bias
            logits: Tensor = normed @ self.pair.plain.get_output_embeddings().weight.T
        return logits


def metric(logits: Tensor, distractor: str) -> float:
    """Of `d` over `f`, or the log-probability of `d` without a distractor."""
    return float(logits[4] - logits[6] if distractor else logits.log_softmax(-1)[4])
