"""What the seconds of a run show: when a product was itself again, where it fell off, and whether it decays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

#: A second is carried when at least this share of what was offered in it was answered as it should be.
CARRIED_PERMILLE = 800


def answered(row: Row) -> int:
    """Return how many requests of a second were answered as they should be.

    A refusal counts only where it is right: a product that turns everybody away is fast, and carries nothing.
    """
    return int(row["confirmed"] + row["replayed"] + row["expected"])


def carried(row: Row, p99_us_max: int) -> bool:
    """Tell whether a second was carried: nearly all of its offer answered, within the limit, hardly anything broken."""
    enough = answered(row) * 1000 >= row["offered"] * CARRIED_PERMILLE
    return bool(enough and row["p99Us"] <= p99_us_max and row["broken"] * 20 <= max(row["offered"], 1))


def recovered_ms(timeline: Sequence[Row], from_s: int, p99_us_max: int) -> int | None:
    """Return how long after ``from_s`` the first second ended from which on all are carried, in ms; None: never.

    The row after the schedule's end counts for nothing: it only collects what came late.
    """
    rows = [row for row in timeline[:-1] if row["s"] >= from_s]
    good: int | None = None
    for row in rows:
        if not carried(row, p99_us_max):
            good = None
        elif good is None:
            good = int(row["s"])
    return None if good is None else (good + 1 - from_s) * 1000


def cliff(timeline: Sequence[Row], p99_us_max: int) -> dict[str, int] | None:
    """Return the first second of those not carried, its offer and what was answered; None where there is none.

    One such second by itself may be a hiccup of the machine; two in a row, or the last one at the top, are a cliff.
    """
    rows = timeline[:-1]
    bad = [not carried(row, p99_us_max) for row in rows]
    for place, row in enumerate(rows):
        if bad[place] and (place == len(rows) - 1 or bad[place + 1]):
            return {"s": row["s"], "offered": row["offered"], "answered": answered(row), "p99Us": row["p99Us"]}
    return None


def silent_from(timeline: Sequence[Row], p99_us_max: int) -> int | None:
    """Return the second from which on none was carried to the end; None where fewer than two at the end were not."""
    rows = timeline[:-1]
    silent = next((place for place, row in enumerate(reversed(rows)) if carried(row, p99_us_max)), len(rows))
    return int(rows[-silent]["s"]) if silent > 1 else None


def quarters(timeline: Sequence[Row]) -> tuple[int, int]:
    """Return the typical 99th percentile of a second in the first and in the last quarter, in microseconds."""
    values = [int(row["p99Us"]) for row in timeline[:-1]]
    part = max(1, len(values) // 4)
    return _median(values[:part]), _median(values[-part:])


def _median(values: list[int]) -> int:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0
