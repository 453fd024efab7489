"""Many hands that make shards side by side, each with a model of its own; one place hears what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Protocol

from interpviz.core.errors import Cancelled
from interpviz.data.manifest import ShardLine
from interpviz.engine.shard_maker import ShardRows, Told

PATIENCE = 0.1  # seconds between two looks at whether the work is still wanted


class Hand(Protocol):
    """Makes shards, in a thread of its own; `end`, from another thread, lets `make` end soon, in whatever way."""

    def make(self, shards: Iterator[ShardRows], told: Told) -> Iterator[ShardLine]: ...

    def end(self) -> None: ...


News = ShardLine | int | None
"""A finished shard, or how many more rows the model has seen, or nothing for a while."""


class Crew:
    """Shares shards out among hands. Iterate over `news`; then `end`."""

    def __init__(
        self, hands: Sequence[Callable[[Event], Hand]], numbers: Sequence[int], rows: Callable[[int], ShardRows]
    ) -> None:
        """Each of `hands` makes a hand, in its thread; `rows(number)` gives the tokens of a shard."""
        self._stopped = Event()
        self._heard: SimpleQueue[ShardLine | int | BaseException] = SimpleQueue()
        self._left, self._lock, self._rows = list(reversed(numbers)), Lock(), rows
        self._shards = len(numbers)
        self._hands: list[Hand] = []
        self._threads = [Thread(target=self._serve, args=(hand,), name="recording", daemon=True) for hand in hands]

    def news(self) -> Iterator[News]:
        """What the hands say, until every shard is made; raises what went wrong with the first that failed."""
        for thread in self._threads:
            thread.start()
        while self._shards:
            try:
                said = self._heard.get(timeout=PATIENCE)
            except Empty:
                yield None
                continue
            if isinstance(said, BaseException):
                raise said
            self._shards -= isinstance(said, ShardLine)
            yield said

    def end(self) -> None:
        """Stop all hands, and wait for them."""
        with self._lock:
            self._stopped.set()
            hands = tuple(self._hands)
        for hand in hands:
            hand.end()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _serve(self, made: Callable[[Event], Hand]) -> None:
        try:
            hand = made(self._stopped)
            with self._lock:
                self._hands.append(hand)
                wanted = not self._stopped.is_set()  # `end` missed a hand that was made meanwhile
            try:
                for line in hand.make(self._shares(), self._told) if wanted else ():
                    self._heard.put(line)
            finally:
                hand.end()
        except BaseException as problem:  # it is raised where it is heard, if anybody still listens
            self._heard.put(problem)

    def _shares(self) -> Iterator[ShardRows]:
        while True:
            with self._lock:
                if self._stopped.is_set() or not self._left:
                    return
                number = self._left.pop()
            yield self._rows(number)

    def _told(self, rows: int) -> None:
        if self._stopped.is_set():
            raise Cancelled
        self._heard.put(rows)
