"""A crew is heard to the end, and ends with all its hands, whenever that is."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread

import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.data.manifest import ShardLine, shard_name
from interpviz.engine.crew import Crew
from interpviz.engine.shard_maker import ShardRows, Told


class Remembering:
    """A hand that makes lines without a model, and remembers what was asked of it."""

    def __init__(self, failing: int = -1, held: Event | None = None) -> None:
        self.began = self.ended = False
        self._failing, self._held = failing, held

    def make(self, shards: Iterator[ShardRows], told: Told) -> Iterator[ShardLine]:
        self.began = True
        for shard in shards:
            if shard.number == self._failing:
                raise InterpvizError("It fell.")
            if self._held is not None:
                self._held.wait()
            told(len(shard.token))
            yield ShardLine(file=shard_name(shard.number), tokens=len(shard.token), sha256="a" * 64)

    def end(self) -> None:
        self.ended = True
        if self._held is not None:
            self._held.set()


def test_every_shard_is_made_once_and_its_rows_are_told() -> None:
    hands = [Remembering(), Remembering()]
    crew = Crew([lambda _, hand=hand: hand for hand in hands], range(5), _rows)  # type: ignore[misc]
    heard = list(crew.news())
    crew.end()
    assert sorted(line.number for line in heard if isinstance(line, ShardLine)) == [0, 1, 2, 3, 4]
    assert sum(rows for rows in heard if isinstance(rows, int)) == 5 * 3
    assert all(hand.ended for hand in hands)


def test_a_hand_that_fails_is_heard_and_the_others_end() -> None:
    busy, failing = Remembering(held=Event()), Remembering(failing=1)
    crew = Crew([lambda _: busy, lambda _: failing], [0, 1, 1], _rows)
    with pytest.raises(InterpvizError, match="It fell"):
        list(crew.news())
    crew.end()
    assert busy.ended
    assert failing.ended


def test_a_hand_that_is_made_while_the_crew_ends_never_begins() -> None:
    hand, making = Remembering(), Event()

    def made(stopped: Event) -> Remembering:
        making.set()
        stopped.wait()
        return hand

    crew = Crew([made], [0], _rows)
    Thread(target=next, args=(crew.news(),)).start()
    making.wait()
    crew.end()
    assert hand.ended
    assert not hand.began


def _rows(number: int) -> ShardRows:
    return ShardRows(number, np.zeros(3, np.int32), np.zeros(3, np.int32))
