"""A small random Llama as a GGUF file, written with the format owner's own writer."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter
from numpy.typing import NDArray
from torch import Tensor

NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write(model: Any, path: Path) -> Path:
    """Write the model with a byte-level tokenizer of letters, "ab" and a BOS that is token 0."""
    writer = GGUFWriter(path, "llama")
    config = model.config
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    _add_tokenizer(writer, config.vocab_size)
    for name, tensor in _tensors(model):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: GGUFWriter, vocabulary: int) -> None:
    tokens = ["<s>", *string.ascii_lowercase, "Ġ", "ab"]
    tokens += [f"<unused{number}>" for number in range(vocabulary - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, *(1 for _ in tokens[1:])])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)


def _tensors(model: Any) -> list[tuple[str, NDArray[np.float32]]]:
    inner, heads = model.model, model.config.num_attention_heads
    found = [("token_embd.weight", inner.embed_tokens.weight), ("output_norm.weight", inner.norm.weight)]
    for number, layer in enumerate(inner.layers):
        for theirs, ours in NAMES.items():
            weight = layer.get_submodule(theirs).weight
            turned = {"attn_q": heads, "attn_k": model.config.num_key_value_heads}.get(ours)
            found.append((f"blk.{number}.{ours}.weight", _interleaved(weight, turned) if turned else weight))
    return [(name, weight.detach().numpy()) for name, weight in found]


def _interleaved(weight: Tensor, heads: int) -> Tensor:
    """GGUF's order of the rows of queries and keys: rotary pairs lie side by side."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape).contiguous()
