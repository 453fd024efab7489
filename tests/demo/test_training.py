"""Training can stop anywhere and go on; it goes up its levels, and cuts whole heads only in the mix."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import torch
from transformers import AutoModelForCausalLM

from resources.demo import corpus, training
from resources.demo.training import HeadDropout, Plan, Progress, Training

IN_THE_MIX = Progress(step=10, level=len(training.LEVELS))


def tiny():
    return training.new_model(0, layers=1, d_model=16, heads=2)


def tiny_training(mix, progress=IN_THE_MIX):
    run = Training(tiny(), mix, Plan(seed=3, mix_steps=8, rows=1))
    run.progress = progress
    return run


@pytest.mark.parametrize("progress", [Progress(), IN_THE_MIX], ids=["circuits", "mix"])
def test_stopped_and_gone_on_equals_never_stopped(mix, tmp_path, progress):
    straight = tiny_training(mix, progress)
    for _ in range(4):
        straight.step()

    stopped = tiny_training(mix, progress)
    for _ in range(2):
        stopped.step()
    stopped.save(tmp_path / "checkpoint.safetensors")
    gone_on = tiny_training(mix)
    gone_on.resume(tmp_path / "checkpoint.safetensors")
    for _ in range(2):
        gone_on.step()

    for one, other in zip(straight.model.parameters(), gone_on.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert replace(straight.progress, seconds=0) == replace(gone_on.progress, seconds=0)


def test_a_checkpoint_takes_the_place_of_the_last_one(mix, tmp_path):
    run = tiny_training(mix)
    for _ in range(2):
        run.step()
        run.save(tmp_path / "checkpoint.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def test_a_level_is_passed_when_the_loss_is_under_its_goal():
    nearly = Progress(step=5, level=1, loss=0.41)
    assert training.after(nearly, 0.9, 1.0).level == 1
    assert training.after(nearly, 0.1, 1.0) == Progress(step=6, level=2, loss=Progress().loss, seconds=1.0)


def test_the_mix_is_the_end_of_the_levels():
    step = training.after(IN_THE_MIX, 0.0, 1.0)
    assert (step.level, step.mix_step) == (len(training.LEVELS), 1)


@pytest.mark.parametrize(
    ("progress", "share"),
    [
        (Progress(step=0), 0.01),
        (Progress(step=300), 1.0),
        (replace(IN_THE_MIX, mix_step=0), 1.0),
        (replace(IN_THE_MIX, mix_step=4), 0.525),
        (replace(IN_THE_MIX, mix_step=8), 0.05),
    ],
)
def test_the_rate_warms_up_stays_and_falls_to_a_twentieth(mix, progress, share):
    assert tiny_training(mix, progress).rate() == pytest.approx(share * training.PEAK_RATE)


def test_a_head_is_dropped_whole_or_kept_and_scaled():
    dropout = HeadDropout(tiny())
    dropout.share = 0.5
    torch.manual_seed(0)
    dropped = dropout.drop(torch.nn.Identity(), (torch.ones(8, 5, 16),))
    assert dropped is not None
    heads = dropped[0].view(8, 5, 2, 8)
    assert set(heads[:, 0, :, 0].flatten().tolist()) == {0.0, 2.0}
    assert torch.equal(heads, heads[:, :1, :, :1].expand(8, 5, 2, 8))


def test_dropout_changes_what_the_model_says_and_none_does_not():
    model, ids = tiny(), torch.arange(1, 9)[None]
    plain = model(ids).logits
    dropout = HeadDropout(model)
    assert torch.equal(model(ids).logits, plain)
    dropout.share = 0.9
    torch.manual_seed(0)
    assert not torch.equal(model(ids).logits, plain)


def drawn(mix):
    tokens, labels = corpus.batch(lambda rng: ([corpus.BOS, *mix.natural(rng, 20)], 1), Random(0), 2)
    return torch.from_numpy(tokens), torch.from_numpy(labels)


def test_the_loss_is_that_of_transformers_where_every_label_counts_the_same(mix):
    model, (ids, labels) = tiny(), drawn(mix)
    torch.testing.assert_close(training.loss_of(model, ids, labels, torch.ones(2, 21)), model(ids, labels=ids).loss)


def test_a_weight_counts_its_label_so_many_times(mix):
    model, (ids, labels) = tiny(), drawn(mix)
    weights, alone = torch.ones(2, 21), torch.full((2, 21), corpus.IGNORED)
    weights[1, 7], alone[1, 7] = 4.0, labels[1, 7]
    once = training.loss_of(model, ids, labels, torch.ones(2, 21))
    answer = training.loss_of(model, ids, alone, torch.ones(2, 21))
    torch.testing.assert_close(training.loss_of(model, ids, labels, weights), once + 3 * answer / 40)


def test_an_exported_model_opens_offline_and_says_the_same(tmp_path):
    model, ids = tiny(), torch.arange(1, 9)[None]
    model.save_pretrained(tmp_path)
    opened = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(opened(ids).logits, model(ids).logits)
