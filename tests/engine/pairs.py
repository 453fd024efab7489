"""The same weights twice: in our engine, and as plain transformers loads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from interpviz.core.document import ModelFacts
from interpviz.core.interventions import Intervention
from interpviz.core.jobs import OpenModel
from interpviz.engine.compute import Engine
from interpviz.engine.lens import Model
from tests.engine import oracle


@dataclass(frozen=True)
class Pair:
    """A model behind an engine, and beside it what that engine is compared with."""

    engine: Engine
    facts: ModelFacts
    plain: Any
    tokenizer: Any

    @classmethod
    def open(cls, folder: Path) -> Pair:
        engine = Engine()
        facts = engine.compute(OpenModel(str(folder)))
        plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        return cls(engine, facts, plain.eval(), AutoTokenizer.from_pretrained(folder))

    @property
    def model(self) -> Model:
        return self.engine.loaded(self.facts).model

    @property
    def start(self) -> list[int]:
        """The BOS, without which TransformerLens runs the families that were trained without one."""
        return [] if self.plain.config.model_type == "gpt_neox" else [self.tokenizer.bos_token_id]

    def ids(self, text: str) -> list[int]:
        return [*self.start, *self.tokenizer(text, add_special_tokens=False)["input_ids"]]

    def contexts(self, text: str) -> list[list[int]]:
        """The first 32 contexts of 64 tokens (or as many as the model reads), BOS included."""
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        length = min(64, self.facts.context) - len(self.start)
        pieces = [ids[at : at + length] for at in range(0, len(ids), length)]
        return [[*self.start, *piece] for piece in pieces if len(piece) == length][:32]

    def logits(self, text: str, edit: Intervention | None = None, mean: Tensor | None = None) -> Tensor:
        """What plain transformers says at the last position, (vocab,), with this edit."""
        return oracle.edited_logits(self.plain, self.ids(text), [(edit, mean)] if edit else [])[-1]
