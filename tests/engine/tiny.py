"""Small random models as Hugging Face folders, with a tokenizer of one letter a token."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)


def llama(layers: int = 3, d_model: int = 24, heads: int = 6, kv_heads: int = 2, d_mlp: int = 40) -> Any:
    """A Llama with grouped queries; DEMO.md's shape is 4, 192, 6, 6, 512."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=32,
            hidden_size=d_model,
            intermediate_size=d_mlp,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=32,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            tie_word_embeddings=True,
            initializer_range=0.3 if d_model < 100 else 0.07,
            bos_token_id=0,
            eos_token_id=0,
        )
    ).eval()


def gpt2() -> Any:
    """A GPT-2 whose biases and norm weights are random too."""
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=32,
        n_embd=24,
        n_layer=3,
        n_head=4,
        n_positions=32,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
    )
    return _shaken(GPT2LMHeadModel(config))


def neox() -> Any:
    """A GPT-NeoX, whose MLP reads what attention reads."""
    torch.manual_seed(2)
    config = GPTNeoXConfig(
        vocab_size=32,
        hidden_size=32,
        intermediate_size=40,
        num_hidden_layers=3,
        num_attention_heads=4,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.5},
        max_position_embeddings=32,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
    )
    return _shaken(GPTNeoXForCausalLM(config))


def gemma2() -> Any:
    """A Gemma 2, which norms what attention and MLP say before it adds it."""
    torch.manual_seed(3)
    config = Gemma2Config(
        vocab_size=32,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=32,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    return Gemma2ForCausalLM(config).eval()


def save(model: Any, folder: Path) -> Path:
    """Write the model and its tokenizer to a folder."""
    vocabulary = {"<s>": 0, **{letter: number for number, letter in enumerate(string.ascii_lowercase, start=1)}}
    letters = Tokenizer(models.WordLevel(vocabulary, unk_token="<s>"))
    letters.pre_tokenizer = pre_tokenizers.Whitespace()
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=letters, bos_token="<s>", unk_token="<s>").save_pretrained(folder)
    return folder


def _shaken(model: Any) -> Any:
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.3 * torch.randn_like(parameter)
    return model.eval()
