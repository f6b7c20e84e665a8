"""Exchanges as people read them: the redacted request and response, bounded, nothing hidden in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance_reports import EvidenceReader
from conformance_reports.reading import Row, exchange_numbers
from conformance_reports.visible import one_line, visible

#: How much of one body a rendering shows; the evidence file holds all of it.
BODY_CHARACTERS_MAX = 2000
#: How many exchanges of one outcome a rendering shows.
EXCHANGES_MAX = 12


@dataclass(frozen=True, slots=True)
class Message:
    """One side of an exchange. ``omitted`` is how many characters of the body are not shown."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """One exchange; ``response`` is None where the product did not answer, ``missing`` where no record was found."""

    number: int
    request: Message | None
    response: Message | None
    duration_us: int = 0
    started_us: int = 0
    missing: bool = False
    error: str = ""

    def title(self) -> str:
        """Return one line: the request and the status."""
        if self.request is None:
            return ""
        request = self.request.start.removesuffix(" HTTP/1.1")
        answer = self.response.start.removeprefix("HTTP/1.1 ") if self.response else "no answer"
        return f"{request} → {answer}"


def cited(outcome: Row, evidence: EvidenceReader | None, limit: int = EXCHANGES_MAX) -> tuple[list[Shown], int]:
    """Return the last ``limit`` exchanges that ``outcome`` cites and how many came before them."""
    if evidence is None:
        return [], 0
    numbers, total = exchange_numbers(outcome, limit)
    return [read(number, evidence) for number in numbers], total - len(numbers)


def read(number: int, evidence: EvidenceReader) -> Shown:
    """Return exchange ``number``; one that the evidence does not hold comes back as ``missing``."""
    try:
        record = evidence(number)
    except LookupError:
        record = None
    if record is None:
        return Shown(number, None, None, missing=True)
    response = record.get("resp")
    return Shown(
        number,
        _message(record.get("req") or {}),
        _message(response) if response else None,
        int(record.get("dtUs") or 0),
        int(record.get("t0Us") or 0),
        error=visible(record.get("error") or ""),
    )


def _message(side: Mapping[str, Any]) -> Message:
    body = _body(side.get("body"))
    shown = body[:BODY_CHARACTERS_MAX]
    return Message(one_line(side.get("start", "")), tuple(_headers(side.get("headers"))), shown, len(body) - len(shown))


def _headers(headers: Any) -> Iterable[tuple[str, str]]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    for name, value in pairs:
        yield one_line(name), one_line(value)


def _body(body: Any) -> str:
    if body is None:
        return ""
    if isinstance(body, Mapping) and "stored" in body:
        return visible(f"[{body.get('size', '?')} bytes, kept as bodies/{body['stored']}]")
    if isinstance(body, Mapping) and "base64" in body:
        return visible(f"[base64] {body['base64']}")
    return visible(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=1))
