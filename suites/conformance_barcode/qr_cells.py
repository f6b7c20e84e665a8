"""What a QR symbol holds in its cells: the modes of its segments, read without a decoder's opinion.

A decoder returns text and hides how it was written. Payment codes must be written in byte mode (EMVCo MPM 4.12), so
the data bits are taken from the cells: unmask, walk the zigzag, undo the interleaving, read the segment headers.
Layout and tables follow ISO/IEC 18004. The cells must be clean: nothing is corrected here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

#: Rows of cells, True where dark.
Cells = Sequence[Sequence[bool]]

_ECC_PER_BLOCK = {
    "L": (7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28)
    + (30,) * 14,
    "M": (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26) + (28,) * 19,
    "Q": (13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30, 28, 30, 30, 30, 30, 28)
    + (30,) * 14,
    "H": (17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28, 30, 24) + (30,) * 18,
}
_BLOCKS = {
    "L": "1 1 1 1 1 2 2 2 2 4 4 4 4 4 6 6 6 6 7 8 8 9 9 10 12 12 12 13 14 15 16 17 18 19 19 20 21 22 24 25",
    "M": "1 1 1 2 2 4 4 4 5 5 5 8 9 9 10 10 11 13 14 16 17 17 18 20 21 23 25 26 28 29 31 33 35 37 38 40 43 45 47 49",
    "Q": "1 1 2 2 4 4 6 6 8 8 8 10 12 16 12 17 16 18 21 20 23 23 25 27 29 34 34 35 38 40 43 45 48 51 53 56 59 62 65 68",
    "H": "1 1 2 4 4 4 5 6 8 8 11 11 16 16 18 16 19 21 25 25 "
    "25 34 30 32 35 37 40 42 45 48 51 54 57 60 63 66 70 74 77 81",
}
_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, column: row % 2 == 0,
    lambda row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)
_MODES = {1: "numeric", 2: "alphanumeric", 4: "byte", 7: "eci", 8: "kanji"}
#: Bits of the character count by mode, for versions up to 9, 26 and 40.
_COUNT_BITS = {"numeric": (10, 12, 14), "alphanumeric": (9, 11, 13), "byte": (8, 16, 16), "kanji": (8, 10, 12)}


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its mode, and the number of characters, or the assignment number of an ECI."""

    mode: str
    number: int


class CellError(Exception):
    """The cells do not hold segments that can be read."""


def segments(cells: Cells, level: str, mask: int) -> tuple[Segment, ...]:
    """Return the segments of a symbol; raises CellError when they make no sense."""
    version = (len(cells) - 17) // 4
    bits = "".join(f"{word:08b}" for word in _data_words(cells, version, level, mask))
    return tuple(_segments(bits, version))


def _segments(bits: str, version: int) -> Iterator[Segment]:
    at = 0
    while at + 4 <= len(bits) and (mode_bits := int(bits[at : at + 4], 2)):
        mode = _MODES.get(mode_bits)
        if mode is None:
            raise CellError(f"mode bits {mode_bits:04b} are unknown here")
        at += 4
        if mode == "eci":
            number, at = _designator(bits, at)
        else:
            number, at = _counted(bits, at, mode, version)
        yield Segment(mode, number)


def _designator(bits: str, at: int) -> tuple[int, int]:
    length = 8 if bits[at] == "0" else 16 if bits[at : at + 2] == "10" else 24
    marker = {8: 1, 16: 2, 24: 3}[length]
    return int(bits[at + marker : at + length], 2), at + length


def _counted(bits: str, at: int, mode: str, version: int) -> tuple[int, int]:
    size = _COUNT_BITS[mode][0 if version <= 9 else 1 if version <= 26 else 2]
    if at + size > len(bits):
        raise CellError("a segment header runs past the end of the data")
    count = int(bits[at : at + size], 2)
    payload = {
        "numeric": count // 3 * 10 + (0, 4, 7)[count % 3],
        "alphanumeric": count // 2 * 11 + count % 2 * 6,
        "byte": count * 8,
        "kanji": count * 13,
    }[mode]
    if at + size + payload > len(bits):
        raise CellError("a segment runs past the end of the data")
    return count, at + size + payload


def _data_words(cells: Cells, version: int, level: str, mask: int) -> list[int]:
    """Return the data code words of all blocks, in the order of the message."""
    words = _words(cells, version, mask)
    blocks = int(_BLOCKS[level].split()[version - 1])
    shortest = len(words) // blocks - _ECC_PER_BLOCK[level][version - 1]
    short_blocks = blocks - len(words) % blocks
    message: list[int] = []
    for block in range(blocks):
        message += [words[index * blocks + block] for index in range(shortest)]
        if block >= short_blocks:
            message.append(words[shortest * blocks + block - short_blocks])
    return message


def _words(cells: Cells, version: int, mask: int) -> list[int]:
    reserved = _reserved(version)
    unmask = _MASKS[mask]
    bits = [
        cells[row][column] != unmask(row, column)
        for row, column in _zigzag(len(cells))
        if (row, column) not in reserved
    ]
    return [int("".join("1" if bit else "0" for bit in bits[at : at + 8]), 2) for at in range(0, len(bits) // 8 * 8, 8)]


def _zigzag(size: int) -> Iterator[tuple[int, int]]:
    upward = True
    right = size - 1
    while right > 0:
        if right == 6:
            right = 5
        for step in range(size):
            row = size - 1 - step if upward else step
            yield row, right
            yield row, right - 1
        upward = not upward
        right -= 2


def _reserved(version: int) -> set[tuple[int, int]]:
    """Return the cells that hold no data: finders, timing, alignment, format and version."""
    size = 17 + 4 * version
    taken = {(6, index) for index in range(size)} | {(index, 6) for index in range(size)}
    taken |= {(row, column) for row in range(9) for column in range(9)}
    taken |= {(row, column) for row in range(9) for column in range(size - 8, size)}
    taken |= {(row, column) for row in range(size - 8, size) for column in range(9)}
    if version >= 7:
        taken |= {(row, column) for row in range(6) for column in range(size - 11, size - 8)}
        taken |= {(row, column) for row in range(size - 11, size - 8) for column in range(6)}
    centres = _alignment(version)
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for centre in ((row, column) for row in centres for column in centres if (row, column) not in corners):
        taken |= {(centre[0] + down, centre[1] + right) for down in range(-2, 3) for right in range(-2, 3)}
    return taken


def _alignment(version: int) -> list[int]:
    if version == 1:
        return []
    count = version // 7 + 2
    step = 26 if version == 32 else (version * 4 + count * 2 + 1) // (count * 2 - 2) * 2
    last = 17 + 4 * version - 7
    return [6, *sorted(last - step * index for index in range(count - 1))]
