"""Which device a model runs on."""

from __future__ import annotations

import pytest
import torch

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import OpenModel
from interpviz.engine import devices
from interpviz.engine.compute import Engine
from tests.engine.pairs import Pair


@pytest.mark.parametrize(("seconds", "device"), [({"cuda": 1, "cpu": 2}, "cuda"), ({"cuda": 2, "cpu": 1}, "cpu")])
def test_where_there_is_a_card_the_faster_of_the_two_is_chosen(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.chosen("auto", seconds.__getitem__) == device
    assert (devices.chosen("cpu"), devices.chosen("cuda")) == ("cpu", "cuda")


def test_where_there_is_none_the_processor_is_chosen_and_a_card_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.chosen("auto") == devices.chosen("cpu") == "cpu"
    with pytest.raises(InterpvizError, match="No CUDA card"):
        devices.chosen("cuda")


def test_an_engine_opens_models_on_its_device(llama: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Engine("cpu").open_model(llama.facts.source).model.device == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InterpvizError, match="No CUDA card"):
        Engine("cuda").compute(OpenModel(llama.facts.source))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA card")
def test_a_model_on_a_card_stands_there(llama: Pair) -> None:
    assert Engine("cuda").open_model(llama.facts.source).model.device.type == "cuda"


def test_a_device_is_as_fast_as_its_fastest_round(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = {"cpu": iter([9.0, 5.0, 2.0, 7.0, 8.0]), "meta": iter([4.0, 3.0, 6.0, 5.0, 9.0])}
    monkeypatch.setattr(devices, "_round", lambda weight: next(rounds[weight.device.type]))
    assert [devices._seconds(device) for device in ("cpu", "meta")] == [2.0, 3.0]


def test_the_processor_of_this_machine_can_be_measured() -> None:
    assert 0.0 < devices._seconds("cpu") < 10.0
