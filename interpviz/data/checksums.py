"""CRC-32 of every 64 KiB block: damage on the disk is found before a number is shown."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

BLOCK = 65536


def block_sums(content: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The CRC-32 of each 64 KiB block of `content` (bytes,); the last block may be shorter."""
    return np.array([zlib.crc32(content.data[at : at + BLOCK]) for at in range(0, len(content), BLOCK)], np.uint32)


def block_count(nbytes: int) -> int:
    """How many blocks so many bytes make."""
    return -(-nbytes // BLOCK)


def blocks_of_rows(rows: NDArray[np.intp], width: int, nbytes: int) -> NDArray[np.bool_]:
    """Which blocks (block,) hold a byte of these rows, each `width` bytes long."""
    edges = np.zeros(block_count(nbytes) + 1, np.int64)
    np.add.at(edges, rows * width // BLOCK, 1)
    np.add.at(edges, ((rows + 1) * width - 1) // BLOCK + 1, -1)
    touched: NDArray[np.bool_] = np.cumsum(edges[:-1]) > 0
    return touched
