"""Path patching, beside transformers written out from their weights in which every part reads a stream of its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.path_patching import parse_paths
from interpviz.core.requests import PathRequest, RunRequest
from interpviz.core.results import PathEffects
from interpviz.core.sites import Site
from tests.engine import plain, tiny
from tests.engine.pairs import Pair

TEXT, CONTRAST = "c e g c i", "c b g c i"
KINDS: dict[str, Any] = {"llama": plain.PlainLlama, "gpt2": plain.PlainGPT2, "gpt_neox": plain.PlainNeoX}


def effects(pair: Pair, text: str, mode: str = "zero") -> PathEffects:
    sources = Sources(contrast=Prompt(CONTRAST) if mode == "patch" else None)
    request = PathRequest(pair.facts, Prompt(TEXT), "d", "f", parse_paths(text), mode, sources)  # type: ignore[arg-type]
    found: PathEffects = pair.engine.compute(request)
    return found


class Written:
    """A clean run in plain torch: the stream entering every attention and MLP, and what each part writes."""

    def __init__(self, pair: Pair, text: str) -> None:
        self.model = KINDS[pair.plain.config.model_type](pair.plain)
        self.parallel = isinstance(self.model, plain.PlainNeoX)
        with torch.no_grad():
            stream = self.model.embed(torch.tensor(pair.ids(text)))[1]
            self.entering: list[Tensor] = []
            self.middle: list[Tensor] = []
            for layer in range(pair.facts.layers):
                self.entering.append(stream)
                heads = sum(self.write(Site(layer, "head", head), stream) for head in range(pair.facts.heads))
                after = stream + heads + self.model.shared_bias(layer)
                self.middle.append(stream if self.parallel else after)
                stream = after + self.model.mlp(layer, self.middle[layer])
            self.final = stream

    def write(self, site: Site, stream: Tensor) -> Tensor:
        """What a part writes, (pos, d_model), when it reads this stream."""
        if site.kind == "mlp_out":
            found: Tensor = self.model.mlp(site.layer, stream)
            return found
        z = torch.stack([self.model.head(site.layer, site.index, q, stream) for q in range(len(stream))])
        written: Tensor = z @ self.model.out(site.layer, site.index)
        return written

    def reads(self, site: Site) -> Tensor:
        """The stream that a part reads in the clean run."""
        return (self.middle if site.kind == "mlp_out" else self.entering)[site.layer]

    def clean_write(self, site: Site) -> Tensor:
        return self.write(site, self.reads(site))

    def through(self, site: Site, change: Tensor) -> Tensor:
        """What a part changes in what it writes when this is added to what it reads."""
        return self.write(site, self.reads(site) + change) - self.clean_write(site)

    def metric(self, change: Tensor | float = 0.0) -> float:
        with torch.no_grad():
            logits = self.model.logits(self.final + change)[-1]
        return float(logits[4] - logits[6])


@pytest.mark.parametrize("sender", ["L0H2", "L1H1", "L0M", "L2H3", "L2M"])
def test_the_direct_effect_is_the_senders_own_change_at_the_final_norm(random_pair: Pair, sender: str) -> None:
    found, run = effects(random_pair, f"{sender} > logits"), Written(random_pair, TEXT)
    with torch.no_grad():
        expected = run.metric() - run.metric(-run.clean_write(Site.parse(sender)))
    assert found.baseline == pytest.approx(run.metric(), abs=1e-4)
    assert found.direct == pytest.approx(expected, abs=1e-4)
    assert found.path == pytest.approx(expected, abs=1e-4)


def test_the_total_effect_is_that_of_the_edited_run(random_pair: Pair) -> None:
    found = effects(random_pair, "L0H2 > logits")
    edits = frozenset({Intervention.parse("L0H2")})
    logits = random_pair.engine.compute(RunRequest(random_pair.facts, Prompt(TEXT), edits)).logits
    assert found.total == pytest.approx(found.baseline - float(logits[4] - logits[6]), abs=1e-5)
    assert found.indirect == pytest.approx(found.total - found.direct)


@pytest.mark.parametrize("chain", [("L0H2", "L1H3"), ("L0H2", "L2M"), ("L0M", "L1H0", "L2H1"), ("L0H0", "L1M", "L2M")])
def test_a_chain_passes_on_what_each_part_makes_of_the_change_before(random_pair: Pair, chain: tuple[str, ...]) -> None:
    found, run = effects(random_pair, " > ".join([*chain, "logits"])), Written(random_pair, TEXT)
    with torch.no_grad():
        change = -run.clean_write(Site.parse(chain[0]))
        for site in map(Site.parse, chain[1:]):
            change = run.through(site, change)
        expected = run.metric() - run.metric(change)
    assert found.path == pytest.approx(expected, abs=1e-4)
    assert abs(found.path) > 1e-5


def test_paths_that_meet_are_read_together(random_pair: Pair) -> None:
    found = effects(random_pair, "L0H2 > L1H1 > L2M > logits, L0H2 > L1H3 > L2M > logits, L0H2 > logits")
    run = Written(random_pair, TEXT)
    with torch.no_grad():
        sent = -run.clean_write(Site.parse("L0H2"))
        met = run.through(Site.parse("L1H1"), sent) + run.through(Site.parse("L1H3"), sent)
        expected = run.metric() - run.metric(sent + run.through(Site.parse("L2M"), met))
    assert found.path == pytest.approx(expected, abs=1e-4)


def test_a_patch_sends_the_difference_to_the_contrast(random_pair: Pair) -> None:
    found, run, other = (
        effects(random_pair, "L0H2 > L1H1 > logits", "patch"),
        *(Written(random_pair, text) for text in (TEXT, CONTRAST)),
    )
    with torch.no_grad():
        sent = other.clean_write(Site.parse("L0H2")) - run.clean_write(Site.parse("L0H2"))
        expected = run.metric() - run.metric(run.through(Site.parse("L1H1"), sent))
    assert found.path == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("receiver", ["L1Q1", "L1K1", "L1V0"])
def test_a_query_key_or_value_reads_the_change_alone(llama: Pair, receiver: str) -> None:
    site, run, bridge = Site.parse(receiver), Written(llama, TEXT), llama.model.bridge
    found = effects(llama, f"L0H2 > {receiver} > logits")
    ids, kept = torch.tensor([llama.ids(TEXT)]), {}

    def keep(value: Tensor, hook: object, name: str) -> None:
        kept[name] = value.clone()

    with torch.no_grad():
        sent = -run.clean_write(Site.parse("L0H2"))
        entering = ("blocks.1.hook_resid_pre", lambda value, hook: value + sent)
        bridge.run_with_hooks(ids, fwd_hooks=[entering, (site.hook, lambda v, hook: keep(v, hook, "read"))])

        def put(value: Tensor, hook: object) -> Tensor:
            new = value.clone()
            new[:, :, site.index] = kept["read"][:, :, site.index]
            return new

        z = "blocks.1.attn.hook_z"
        bridge.run_with_hooks(ids, fwd_hooks=[(z, lambda v, hook: keep(v, hook, "clean"))])
        bridge.run_with_hooks(ids, fwd_hooks=[(site.hook, put), (z, lambda v, hook: keep(v, hook, "changed"))])
        moved = (kept["changed"] - kept["clean"]).view(len(ids[0]), 6, -1)
        written = sum(moved[:, head] @ run.model.out(1, head) for head in range(6))
        expected = run.metric() - run.metric(written)
    assert found.path == pytest.approx(expected, abs=1e-4)
    assert abs(found.path) > 1e-6


def test_the_slow_road_says_the_same(llama: Pair) -> None:
    text = "L0H2 > L1H1 > logits, L0H2 > L1V0 > L2M > logits"
    fast = effects(llama, text)
    blocks, llama.model.blocks = llama.model.blocks, None
    try:
        slow = effects(llama, text)
    finally:
        llama.model.blocks = blocks
    assert (fast.road, slow.road) == ("fast", "slow")
    assert [slow.total, slow.direct, slow.path] == pytest.approx([fast.total, fast.direct, fast.path], abs=1e-5)


@pytest.mark.parametrize(
    ("text", "mode", "complaint"),
    [
        ("L0H2 > L9H1 > logits", "zero", "has no L9H1"),
        ("L1H2 > L0H1 > logits", "zero", "is not computed before"),
        ("L0H2 > logits", "resample", "A sender is not edited by resample here"),
        ("L0H2 > logits", "patch", "The contrast prompt has 3 tokens and the prompt 6"),
    ],
)
def test_what_cannot_be_followed_is_a_sentence(llama: Pair, text: str, mode: str, complaint: str) -> None:
    sources = Sources(contrast=Prompt("c b"))
    request = PathRequest(llama.facts, Prompt(TEXT), "d", "f", parse_paths(text), mode, sources)  # type: ignore[arg-type]
    with pytest.raises(InterpvizError, match=complaint):
        llama.engine.compute(request)


def test_no_path_leads_into_the_mlp_beside_a_head(tmp_path_factory: pytest.TempPathFactory) -> None:
    neox = Pair.open(tiny.save(tiny.neox(), tmp_path_factory.mktemp("neox")))
    with pytest.raises(InterpvizError, match="an MLP reads what the heads of its layer read"):
        effects(neox, "L0H2 > L0M > logits")


def test_no_path_leads_through_one_of_heads_that_are_normed_together(tmp_path_factory: pytest.TempPathFactory) -> None:
    gemma = Pair.open(tiny.save(tiny.gemma2(), tmp_path_factory.mktemp("gemma")))
    with pytest.raises(InterpvizError, match="norms the sum of its heads"):
        effects(gemma, "L0H2 > logits")
    assert effects(gemma, "L0M > L1M > logits").road == "fast"
