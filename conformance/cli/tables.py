"""Tables that stay readable in a narrow terminal: words are never broken, and what does not fit is told row by row."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

#: Columns between two columns of a table.
_GAP = 3
#: The last column of a table is at least so wide, where what stands in it is as long.
_LAST_MIN = 16
#: The width of a file or a pipe: lines are whole there, so that they can be searched.
_UNBOUNDED = 10_000


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of the same members, as a table where the terminal is wide enough for one.

    The first member names a row. Long text belongs into the last, which is wrapped at its words.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNBOUNDED
    widths = _widths(rows, console.width)
    if widths is None:
        console.print(_told(rows, console.width), soft_wrap=True, markup=False, highlight=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, width in zip(rows[0], widths, strict=True):
        table.add_column(Text(name), overflow="fold", width=width)
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))
    console.print(table)


def _widths(rows: Sequence[Mapping[str, Any]], room: int) -> list[int] | None:
    """Return the width of each column, or None where there is no room for whole words in each."""
    from rich.cells import cell_len

    columns = [[name, *(str(row[name]) for row in rows)] for name in rows[0]]
    widths = [max(map(cell_len, column)) for column in columns]
    least = [max(cell_len(word) for text in column for word in text.split() or [""]) for column in columns]
    least[-1] = min(widths[-1], _LAST_MIN)
    excess = sum(widths) + _GAP * len(widths) - room
    for place in reversed(range(len(widths))):
        given = max(0, min(excess, widths[place] - least[place]))
        widths[place] -= given
        excess -= given
    return widths if excess <= 0 else None


def _told(rows: Sequence[Mapping[str, Any]], width: int) -> str:
    """Return rows one below the other, each member on a line of its own."""
    lines: list[str] = []
    for row in rows:
        first, *others = row.items()
        lines += ["", str(first[1])]
        for name, value in others:
            lines += textwrap.wrap(
                f"{name}: {value}",
                max(width, 20),
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join([*lines, ""])
