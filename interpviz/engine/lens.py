"""Opening models with TransformerLens, of which this is the only importer, and running them with hooks."""

from __future__ import annotations

import inspect
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from interpviz.core.document import ModelFacts, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import Road, Target, Tokens
from interpviz.data import models
from interpviz.data.models import ModelSource
from interpviz.engine import devices, tokens
from interpviz.engine.blocks import Blocks, Hook, KeysAndValues, Start
from interpviz.engine.devices import Device
from interpviz.engine.memory import exhausted
from interpviz.engine.weights import weights

logging.set_verbosity_error()  # a script may have imported transformers before our settings were there
logging.disable_progress_bar()

# Hooks of one forward pass carry this level, so that they can be taken off without touching anybody else's.
_LEVEL = 1_000_000
# Tokens of the run that a fast path is tried on, and how far its logits may lie from TransformerLens's, in shares of
# the largest. Rounding alone was seen to make 2e-6.
_TRIED, _CLOSE = 12, 2e-5


class Model:
    """A loaded model: float32, Hugging Face's own numerics, no dropout, no gradients of weights."""

    def __init__(self, bridge: Any, tokenizer: Any, facts: ModelFacts, bos: int | None) -> None:
        self.bridge = bridge
        self.tokenizer = tokenizer
        self.facts = facts
        self.bos = bos
        self.device = next(bridge.original_model.parameters()).device
        self._points: dict[str, Any] = {}
        self._ends = "logits_to_keep" in _parameters(bridge.original_model)
        self.blocks = self._proved_blocks()

    def tokens(self, prompt: Prompt) -> Tokens:
        """The prompt's tokens; raises InterpvizError for an empty or overlong one, or foreign ids."""
        return tokens.tokens(self.tokenizer, self.facts, self.bos if prompt.bos else None, prompt)

    def target(self, target: str, distractor: str = "") -> Target:
        """The ids of target and distractor; raises InterpvizError unless each is one token."""
        return tokens.target(self.tokenizer, self.facts, target, distractor)

    def ids(self, found: Tokens) -> Tensor:
        """The tokens as a batch of one (1, pos) on the model's device."""
        return torch.from_numpy(found.ids).long().to(self.device)[None]

    def has(self, name: str) -> bool:
        """Whether the model has an activation of this TransformerLens name."""
        return self.bridge.get_hook_point(name) is not None

    def width(self, name: str) -> int | None:
        """How many numbers an activation has at one position, heads laid side by side; None where there is none."""
        if not self.has(name):
            return None
        seen: list[int] = []
        hooks: dict[str, Hook] = {name: lambda activation: seen.append(activation[0, 0].numel())}
        self.forward(torch.zeros((1, 1), dtype=torch.long, device=self.device), hooks)
        return seen[0] if seen else None

    def road(self, hooks: Collection[str], length: int) -> Road:
        """Which way a run of this many tokens with hooks of these names goes."""
        return "fast" if self.blocks is not None and self.blocks.knows(hooks, length) else "slow"

    def forward(
        self,
        ids: Tensor,
        hooks: Mapping[str, Hook] | None = None,
        *,
        every: bool = False,
        stop: int | None = None,
        start: Start | None = None,
        cache: KeysAndValues | None = None,
        gradients: bool = False,
        report: Report = silent,
        share: tuple[float, float] = (0.0, 1.0),
    ) -> Tensor:
        """Logits (batch, 1, vocab) at the last position of `ids` (batch, pos); at all positions if `every`.

        `stop` ends the run before that layer; what is returned then has no meaning. `report` is told at every layer
        how much of `share` is done, and may raise Cancelled there. On the fast road `start` takes the place of the
        layers below it, and hooks may return more rows than they were given; on the slow one all layers run. `cache`,
        which is for the fast road alone, holds the tokens before `ids`. With `gradients` the run can be derived.
        """
        hooks = hooks or {}
        passed = cache.length if cache else 0
        with torch.enable_grad() if gradients else torch.inference_mode():
            if self.blocks is not None and self.blocks.knows(hooks, passed + ids.shape[1]):
                return self.blocks.forward(
                    ids, hooks, every=every, stop=stop, start=start, cache=cache, report=report, share=share
                )
            assert cache is None, "the slow road keeps no keys and values"
            return self._bridged(ids, hooks, every, stop, report, share)

    def _bridged(
        self,
        ids: Tensor,
        hooks: Mapping[str, Hook],
        every: bool,
        stop: int | None,
        report: Report,
        share: tuple[float, float],
    ) -> Tensor:
        kept = {"logits_to_keep": 1} if self._ends and not every else {}
        with self._hooked(hooks), self._hooked(self._progress(report, share)):
            logits: Tensor = self.bridge(ids, stop_at_layer=stop, use_cache=False, **kept)
        return logits if every or logits.shape[1] == 1 else logits[:, -1:].clone()

    def _proved_blocks(self) -> Blocks | None:
        """A forward pass of our own, if it says on a few tokens what TransformerLens says; else None."""
        found = weights(self.bridge)
        if found is None:
            return None
        ours = Blocks(found)
        length = int(min(_TRIED, self.facts.context, ours.longest))
        ids = torch.arange(length, device=self.device)[None] * 7 % self.facts.vocab
        try:
            with torch.inference_mode():
                said = ours.forward(ids, {}, every=True)
                expected = self._bridged(ids, {}, True, None, silent, (0.0, 1.0))
        except (RuntimeError, TypeError, ValueError, IndexError):
            return None  # of a shape that is not written out
        close = said.shape == expected.shape and (said - expected).abs().max() <= _CLOSE * expected.abs().max()
        return ours if close else None

    def _progress(self, report: Report, share: tuple[float, float]) -> dict[str, Hook]:
        if report is silent:
            return {}
        start, end = share
        step = (end - start) / self.facts.layers
        return {
            f"blocks.{layer}.hook_resid_pre": lambda _, layer=layer: report(start + layer * step)  # type: ignore[misc]
            for layer in range(self.facts.layers)
        }

    @contextmanager
    def _hooked(self, hooks: Mapping[str, Hook]) -> Iterator[None]:
        """The hooks stand inside the context and are gone after it, whatever happens there."""
        points = [self._point(name) for name in hooks]
        try:
            for point, see in zip(points, hooks.values(), strict=True):
                point.add_hook(lambda value, hook, see=see: see(value), level=_LEVEL)
            yield
        finally:
            for point in points:
                point.remove_hooks("fwd", level=_LEVEL)

    def _point(self, name: str) -> Any:
        if name not in self._points:
            self._points[name] = self.bridge.get_hook_point(name)
        if self._points[name] is None:
            raise InterpvizError(f"{self.facts.name} gives no access to {name}. Choose another part of the model.")
        return self._points[name]


def load(source: str, report: Report = silent, sha256: str = "", device: Device = "auto") -> Model:
    """The model that a bundled or fetched name, a folder or a `.gguf` file means; `sha256` of it where it is known.

    Raises InterpvizError where it is missing, damaged, of an architecture that TransformerLens does not know, or
    would run code of its own.
    """
    found = models.resolve(source)
    report(0.0, f"opening {found.name}")
    _leave_a_core()
    sha256 = sha256 or models.model_sha256(found.path)
    report(0.1, f"reading {found.name}")
    read = _weights(found)
    report(0.5)
    tokenizer = _tokenizer(found)
    report(0.7)
    bos = tokenizer.bos_token_id  # before TransformerLens lends the tokenizer special tokens that it has not
    bridge = _bridge(found, read, tokenizer, devices.chosen(device))
    report(1.0)
    facts = _facts(found, source, sha256, bridge)
    # Some families (Qwen2, GPT-NeoX) were trained without a BOS although their tokenizer names one.
    return Model(bridge, tokenizer, facts, bos if bridge.cfg.default_prepend_bos else None)


def _weights(found: ModelSource) -> Any:
    """The model as transformers loads it; nothing is fetched, unpickled or made up where a weight is missing."""
    try:
        read, said = AutoModelForCausalLM.from_pretrained(
            **_place(found),
            dtype=torch.float32,
            attn_implementation="eager",  # the only one whose patterns can be seen
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as problem:
        raise _unreadable(found, problem) from problem
    wrong = sorted(said["missing_keys"]) + sorted(str(key[0]) for key in said["mismatched_keys"])
    if wrong:
        raise InterpvizError(
            f"{found.name} lacks {len(wrong)} of its weights, {wrong[0]} for one, or has them in another shape. "
            "Fetch the model again, whole."
        )
    return read


def _tokenizer(found: ModelSource) -> Any:
    try:
        return AutoTokenizer.from_pretrained(**_place(found))
    except Exception as problem:
        raise InterpvizError(
            f"{found.name} has no tokenizer that can be read. Put its tokenizer.json beside config.json."
        ) from problem


def _place(found: ModelSource) -> dict[str, Any]:
    """Where transformers finds the model, and what it may not do there."""
    folder = {"pretrained_model_name_or_path": found.path}
    file = {"pretrained_model_name_or_path": found.path.parent, "gguf_file": found.path.name}
    return {**(file if found.kind == "gguf" else folder), "trust_remote_code": False, "local_files_only": True}


def _bridge(found: ModelSource, read: Any, tokenizer: Any, device: str) -> Any:
    folder = found.path if found.kind == "folder" else found.path.parent
    try:
        bridge = TransformerBridge.boot_transformers(
            str(folder),
            device=device,
            dtype=torch.float32,
            tokenizer=tokenizer,
            hf_model=read.to(device),
            trust_remote_code=False,
        )
    except Exception as problem:
        raise _unreadable(found, problem) from problem
    heads = all(bridge.get_hook_point(f"blocks.{layer}.attn.hook_z") for layer in range(bridge.cfg.n_layers))
    if not heads or not bridge.adapter.supports_causal_loss:
        raise InterpvizError(
            f"{found.name} is no language model that reads left to right with attention heads in every layer. "
            "Choose one that is, such as a GPT, Llama or Pythia."
        )
    bridge.eval().requires_grad_(False)
    return bridge


def _unreadable(found: ModelSource, problem: Exception) -> InterpvizError:
    if exhausted(problem):
        return InterpvizError(f"There is not enough memory for {found.name}. Close other programs or models.")
    reason = " ".join(str(problem).split(". ")[0].split())[:200].rstrip(".") or type(problem).__name__
    return InterpvizError(
        f"{found.name} cannot be read as a language model ({reason}). Fetch it again, or try another."
    )


def _facts(found: ModelSource, source: str, sha256: str, bridge: Any) -> ModelFacts:
    shape = bridge.cfg
    mlp = bridge.get_hook_point("blocks.0.hook_mlp_out") is not None
    return ModelFacts(
        name=found.name,
        source=source,
        sha256=sha256,
        layers=shape.n_layers,
        heads=shape.n_heads,
        kv_heads=getattr(shape, "n_key_value_heads", None) or shape.n_heads,
        d_model=shape.d_model,
        d_mlp=(shape.d_mlp or 4 * shape.d_model) if mlp else 0,
        vocab=shape.d_vocab,
        context=shape.n_ctx,
    )


def _leave_a_core() -> None:
    """Torch computes on every core but one, which is the window's; OMP_NUM_THREADS overrules."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))


def _parameters(model: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(model.forward).parameters)
