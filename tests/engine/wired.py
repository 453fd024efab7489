"""Small Llamas wired by hand: what they write can be worked out on paper. One token, so that each head sees itself."""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from interpviz.core.document import Prompt

# The token `a` alone: the target is `d`, the distractor `f`.
TOKEN, TARGET, DISTRACTOR = 1, 4, 6
PROMPT = Prompt("a", (TOKEN,))


def backup() -> Any:
    """Head L0H0 writes 1 for the target; head L1H0 writes 3/4 for it, but only where L0H0 has not written.

    Direction 0 of the stream is 1000 throughout, so that the norms, whose weights undo it, hardly change anything.
    Direction 1 counts 4 nats for the target.
    """
    model = _silent(layers=2)
    large = 1000.0
    with torch.no_grad():
        model.model.embed_tokens.weight[TOKEN] = torch.tensor([large, 0.0, 0.0, 0.0])
        for norm in (*(layer.input_layernorm for layer in model.model.layers), model.model.norm):
            norm.weight.fill_(large / 2)
        _wire(model, 0, reads=[1 / large, 0.0, 0.0, 0.0], writes=[0.0, 1.0, 0.0, 0.0])
        _wire(model, 1, reads=[1 / large, -1.0, 0.0, 0.0], writes=[0.0, 0.75, 0.0, 0.0])
        model.lm_head.weight[TARGET, 1] = 4.0
    return model


def pythagorean() -> Any:
    """Head L0H0 and MLP L0M write 4 and 12 beside a 3, so that the stream is 3, 4, 12 and its norm 13 / 2.

    The target counts directions 0, 1 and 2 once each. The MLP's gate is far out where silu(x) = x.
    """
    model = _silent(layers=1)
    mlp = model.model.layers[0].mlp
    with torch.no_grad():
        model.model.embed_tokens.weight[TOKEN] = torch.tensor([3.0, 0.0, 0.0, 0.0])
        # It reads 3 / (3/2) = 2.
        _wire(model, 0, reads=[1.0, 0.0, 0.0, 0.0], writes=[0.0, 2.0, 0.0, 0.0])
        # It reads (3, 4, 0, 0) / (5/2) = (6/5, 8/5, 0, 0), and writes 3/10 of gate 40 times 1.
        mlp.gate_proj.weight[0, 0] = 40 * 5 / 6
        mlp.up_proj.weight[0, 0] = 5 / 6
        mlp.down_proj.weight[2, 0] = 3 / 10
        model.lm_head.weight[TARGET] = torch.tensor([1.0, 1.0, 1.0, 0.0])
    return model


def _silent(layers: int) -> Any:
    """Two heads of width 2 a layer; every weight is zero, and every norm's is one."""
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=4,
        intermediate_size=4,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=False,
        rms_norm_eps=1e-12,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0 if parameter.ndim == 1 else 0.0)
    return model


def _wire(model: Any, layer: int, reads: list[float], writes: list[float]) -> None:
    """Head 0 of a layer writes `writes` times what it reads of the normed stream along `reads`."""
    attention = model.model.layers[layer].self_attn
    attention.v_proj.weight[0] = torch.tensor(reads)
    attention.o_proj.weight[:, 0] = torch.tensor(writes)
