"""Ways in which bytes go wrong: a flipped bit, a wiped run, a cut end, a doubled piece, a wild length."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

WILD = (0, 1, 0x7F, 0xFF, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**48, 2**63 - 1, 2**63, 2**64 - 1)


def mutant(whole: bytes, head: int, draw: random.Random) -> bytes:
    """One spoiled copy, which differs from `whole`. Half of the places lie in the first `head` bytes."""
    while True:
        spoiled = draw.choice(WAYS)(whole, head, draw)
        if spoiled != whole:
            return spoiled


def _place(whole: bytes, head: int, draw: random.Random) -> int:
    return draw.randrange(min(head, len(whole)) if draw.random() < 0.5 else len(whole))


def _run(whole: bytes, head: int, draw: random.Random) -> tuple[int, int]:
    start = _place(whole, head, draw)
    return start, min(len(whole), start + draw.choice((1, 2, 4, 16, 512)))


def flip(whole: bytes, head: int, draw: random.Random) -> bytes:
    """One bit turned."""
    spoiled, at = bytearray(whole), _place(whole, head, draw)
    spoiled[at] ^= 1 << draw.randrange(8)
    return bytes(spoiled)


def zero(whole: bytes, head: int, draw: random.Random) -> bytes:
    """A run of zeros."""
    start, stop = _run(whole, head, draw)
    return whole[:start] + bytes(stop - start) + whole[stop:]


def ones(whole: bytes, head: int, draw: random.Random) -> bytes:
    """A run of 0xFF."""
    start, stop = _run(whole, head, draw)
    return whole[:start] + b"\xff" * (stop - start) + whole[stop:]


def cut(whole: bytes, head: int, draw: random.Random) -> bytes:
    """The file ends early."""
    return whole[: _place(whole, head, draw)]


def double(whole: bytes, head: int, draw: random.Random) -> bytes:
    """A piece stands twice, and all behind it is shifted."""
    start, stop = _run(whole, head, draw)
    return whole[:stop] + whole[start:]


def wild_length(whole: bytes, head: int, draw: random.Random) -> bytes:
    """An integer of 4 or 8 bytes is one that no length should be."""
    packed = struct.pack("<Q", draw.choice(WILD))[: draw.choice((4, 8))]
    at = _place(whole, head, draw)
    return whole[:at] + packed + whole[at + len(packed) :]


WAYS: tuple[Callable[[bytes, int, random.Random], bytes], ...] = (flip, zero, ones, cut, double, wild_length)
