"""Published and derived payloads with what is known about each, and the ones that concern a candidate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from conformance_barcode.emv.judge import format_of


@dataclass(frozen=True, slots=True)
class Vector:
    """One payload. ``line`` is its line in ``vectors.jsonl``; ``strict`` is None where EMVCo does not apply."""

    id: str
    line: int
    payload: str
    scheme: str
    valid: bool
    rule: str
    source: str
    strict: bool | None

    @property
    def format(self) -> str:
        """Return mpm, cpm, epc, swiss, upi, receive or paycode, as the scheme says."""
        families = (("CPM", "cpm"), ("EPC", "epc"), ("Swiss", "swiss"), ("UPI", "upi"))
        for part, form in (*families, ("receive", "receive"), ("paycode", "paycode")):
            if part in self.scheme:
                return form
        return "mpm"


@cache
def vectors() -> tuple[Vector, ...]:
    """Return all vectors in the order of the file."""
    text = files("conformance_barcode").joinpath("vectors.jsonl").read_text(encoding="utf-8")
    return tuple(_vector(number, json.loads(line)) for number, line in enumerate(text.splitlines(), 1))


def _vector(line: int, row: Mapping[str, Any]) -> Vector:
    return Vector(
        id=row["id"], line=line, payload=row["payload"], scheme=row["scheme"], valid=row["valid"],
        rule=row["rule"], source=row["source"], strict=row.get("strict_emvco"),
    )  # fmt: skip


def concerning(declared: Mapping[str, Any]) -> Iterator[Vector]:
    """Yield the vectors that a candidate says it reads: ``formats`` (default mpm) and ``schemes`` (default all).

    A payload whose beginning announces another format than its scheme is left to candidates that read both.
    """
    formats = set(declared.get("formats", ("mpm",)))
    schemes = declared.get("schemes")
    for vector in vectors():
        announced = {vector.format, format_of(vector.payload)}
        if announced <= formats and (schemes is None or vector.scheme in schemes):
            yield vector
