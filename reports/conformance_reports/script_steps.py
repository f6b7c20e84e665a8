"""The requests of a check that a script repeats, read from its row and from the evidence."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance_reports import EvidenceReader
from conformance_reports.command_words import Piece, Word, words
from conformance_reports.exchanges import Shown, read
from conformance_reports.raw_steps import RawStep
from conformance_reports.reading import Row
from conformance_reports.script_parts import CODES, WORD

#: Requests of one check that are looked at: the first, which open accounts and fetch tokens, and the last.
COMMANDS_MAX, _SET_UP = 50, 10

#: What stands between printing a raw request and sending it, and for a body that is too long or no text.
PIPE = [Piece("|")]
FILE = [Piece("@body.bin")]
_STATUSES = re.compile(rb"HTTP/1\.[01] (\d{3})")
#: What stands in a body for what the evidence does not keep.
_MASKS = (b"[redacted]", b"[personal data]", b"~sd:")


@dataclass(slots=True)
class Step:
    """One request: the words of its command, what was recorded, and what later requests need of its answer."""

    words: list[Word]
    shown: Shown
    answer: Any
    captures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Of a raw exchange the statuses that came back; None where curl speaks.
    statuses: str | None = None
    #: The body, where the command only names it.
    body: bytes | None = None
    #: Where no command repeats it.
    raw: RawStep | None = None

    @property
    def by_curl(self) -> bool:
        """Whether curl repeats it."""
        return self.raw is None and self.statuses is None

    @property
    def masked(self) -> bool:
        """Whether the body is not quite what was sent."""
        return self.body is not None and any(mark in self.body for mark in _MASKS)


def steps_of(row: Row, evidence: EvidenceReader) -> Iterator[Step]:
    """Give the requests of a check that can be repeated, in their order."""
    for command, number in paired(row, evidence):
        record = evidence(number) or {}
        step = Step(words(command), read(number, evidence), _document(record))
        if not step.words:
            step.raw = RawStep.of(str(record["req"]["start"]), _content(record, "resp", evidence))
            step.body = _content(record, "req", evidence)
        elif PIPE in step.words:
            step.statuses = " ".join(
                status.decode() for status in _STATUSES.findall(_content(record, "resp", evidence))
            )
        elif FILE in step.words:
            step.body = _content(record, "req", evidence)
        yield step


def outline(answer: Any) -> str:
    """Return what tells a refusal from a success where the status does not: the members of an answer, and its codes.

    "" where the answer was no object, or holds what the evidence does not keep at its top.
    """
    if not isinstance(answer, Mapping) or not all(re.fullmatch(WORD, name) for name in answer):
        return ""
    codes = {name: str(value) for name, value in answer.items() if re.fullmatch(CODES, name, re.IGNORECASE)}
    if "[redacted]" in codes.values():
        return ""
    plain = {name: value for name, value in codes.items() if re.fullmatch(WORD, value)}
    return " ".join(f"{name}={plain[name]}" if name in plain else name for name in sorted(answer))


def at_once(steps: list[Step]) -> list[list[Step]]:
    """Return requests in groups: those that were sent while another of their group was under way stand together."""
    groups: list[list[Step]] = []
    until = 0
    for step in steps:
        under_way = 0 < step.shown.started_us < until
        if under_way and step.by_curl and groups[-1][-1].by_curl:
            groups[-1].append(step)
        else:
            groups.append([step])
            until = 0
        until = max(until, step.shown.started_us + step.shown.duration_us)
    return groups


def without_strangers(steps: list[Step], row: Row) -> list[Step]:
    """Leave out requests of other checks that give nothing to those of this one."""
    own = set(_cited(row))
    return [step for step in steps if step.captures or not own or step.shown.number in own]


def paired(row: Row, evidence: EvidenceReader) -> list[tuple[str, int]]:
    """Return the last commands of the check with the numbers of their exchanges; "" for raw ones that have none."""
    commands = _commands(row, evidence)
    repeated = {number for _, number in commands}
    others = [number for number in _cited(row) if number not in repeated and _is_repeatable(evidence(number))]
    every = sorted([*commands, *(("", number) for number in others)], key=lambda pair: pair[1])
    return every if len(every) <= COMMANDS_MAX else [*every[:_SET_UP], *every[_SET_UP - COMMANDS_MAX :]]


def _is_repeatable(record: Mapping[str, Any] | None) -> bool:
    """Tell whether a record is a raw exchange in which something was sent to a place that it names."""
    if record is None or record.get("kind") != "raw" or not record["req"].get("body"):
        return False
    return RawStep.of(str(record["req"]["start"]), b"") is not None


def _cited(row: Row) -> list[int]:
    return [number for first, last in row.get("exchanges", ()) for number in range(first, last + 1)]


def _commands(row: Row, evidence: EvidenceReader) -> list[tuple[str, int]]:
    """Return commands with the numbers of their exchanges.

    Reports made before commands had numbers have commands for HTTP alone, and for all of it.
    """
    commands = [str(command) for command in row.get("curl", ())]
    numbers = [int(number) for number in row.get("curlExchanges", ())]
    if len(numbers) != len(commands):
        commands = [command for command in commands if PIPE not in words(command)]
        numbers = [number for number in _cited(row) if (evidence(number) or {}).get("kind") == "http"]
    count = min(len(commands), len(numbers))
    return list(zip(commands[len(commands) - count :], numbers[len(numbers) - count :], strict=True))


def _content(record: Mapping[str, Any], side: str, evidence: EvidenceReader) -> bytes:
    """Return a body as the evidence keeps it: in the record, or, where the reader can fetch it, beside the journal."""
    body = (record.get(side) or {}).get("body")
    if isinstance(body, Mapping) and "base64" in body:
        return base64.b64decode(str(body["base64"]))
    fetch = getattr(evidence, "stored", None)
    if isinstance(body, Mapping):
        return bytes(fetch(str(body["stored"]))) if fetch and "stored" in body else b""
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else b""


def _document(record: Mapping[str, Any]) -> Any:
    body = (record.get("resp") or {}).get("body")
    try:
        return json.loads(body) if isinstance(body, str) else None
    except ValueError:
        return None
