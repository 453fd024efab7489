"""A random attention-only model, which TransformerLens makes without Hugging Face."""

from __future__ import annotations

from pathlib import Path

from transformer_lens.model_bridge import TransformerBridge
from transformers import AutoTokenizer

from interpviz.core.document import ModelFacts
from interpviz.engine.clean import CleanRuns
from interpviz.engine.compute import Engine
from interpviz.engine.lens import Model
from interpviz.engine.loaded import Loaded
from tests.engine.pairs import Pair
from tests.engine.tiny import llama, save

SHAPE = {"n_layers": 2, "d_model": 24, "n_heads": 4, "d_head": 6, "n_ctx": 32, "d_vocab": 32}


def attention_only(folder: Path) -> Pair:
    """The model behind an engine, with the tokenizer of the other small models; a folder is needed for that alone."""
    tokenizer = AutoTokenizer.from_pretrained(save(llama(), folder))
    bridge = TransformerBridge.boot_native(
        SHAPE | {"attn_only": True, "normalization_type": "LN", "act_fn": "gelu", "seed": 0, "initializer_range": 0.3}
    )
    bridge.eval().requires_grad_(False)
    facts = ModelFacts("attention-only", str(folder), "n" * 64, 2, 4, 4, 24, 0, 32, 32)
    model = Model(bridge, tokenizer, facts, bos=0)
    engine = Engine()
    engine._models[facts.sha256] = Loaded(model, CleanRuns(model))
    return Pair(engine, facts, _NoPlain(), tokenizer)


class _NoPlain:
    """There is no such model in transformers; what is asked of its config alone is here."""

    class config:  # noqa: N801
        model_type = "native"
