"""Scripts that repeat a failed check by hand: the commands of its exchanges, in order, each secret a variable.

``reproduce/SEC-V06.sh`` makes the requests that the check made and says after each whether the status is as recorded.
Values that the harness made unique are made anew, so that the script can run again; what an earlier answer gave (an
id) is taken from the answer of the script's own request. Bodies that are no line of text go into files beside it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from conformance.model.outcome import Outcome
from conformance_reports import EvidenceReader, Statement
from conformance_reports.command_words import Piece, Word, formatted, joined, quoted, replaced, single, words
from conformance_reports.exchanges import Shown, read
from conformance_reports.files import write_text
from conformance_reports.raw_steps import RawStep, tool
from conformance_reports.reading import Report, Row
from conformance_reports.script_parts import END, HEAD, MASKED, RAW, SIGNED, TOOLS
from conformance_reports.visible import one_line

NAME = "reproduce"
FILES = ("reproduce/",)

#: Requests of one check that are looked at; what opens its accounts is among them.
COMMANDS_MAX = 40

#: What Evidence.unique makes: new ones are needed whenever the script runs.
_UNIQUE = re.compile(r"\b[a-z]+-[0-9a-f]{20}\b")
#: Variables that hold what the product gave at run time, and the members of answers that give it.
_FETCHED = ("_TOKEN", "ACCOUNT_KEY")
_TOKENS = ("access_token", "session", "token", "adminkey", "key")
#: What the evidence does not keep (assertions, proofs, codes), with the name of the member or header that held it.
_WITHHELD = re.compile(
    r"""([A-Za-z][\w%-]*)(["']?\s*[=:]\s*(?:["']?(?:[A-Za-z]+ )?\[redacted\]|"\[personal data\]"))"""
)
_MARKS = re.compile(r"""\[redacted\]|"\[personal data\]"$""")
#: Characters of what was expected and found in the head of a script.
_VALUE_MAX = 400
#: What stands between printing a raw request and sending it, and for a body that is too long or no text.
_PIPE = [Piece("|")]
_OPENSSL = [Piece("openssl")]
_FILE = [Piece("@body.bin")]
_STATUSES = re.compile(rb"HTTP/1\.[01] (\d{3})")
#: What stands in a body for what the evidence does not keep.
_MASKS = (b"[redacted]", b"[personal data]", b"~sd:")
#: The name of a header at the beginning of a word, or of a line of a raw request.
_SIGNATURE = re.compile(r"(?:^|\\n)[\w-]*signature[\w-]*: ", re.IGNORECASE)
#: Values shorter than this are not followed from an answer to a later request: they would be found everywhere.
_SHORTEST = 6

_MAKE_IT = "a new value for {}; it serves once, and the evidence does not keep it"
_MASKED = "{} as the mapping has it, or another test value of its kind; the evidence masks personal data"
_NAMED = "the secret or token of that name"
_BASIC = "that user's name and password as basic authentication sends them, printf '%s' NAME:PASSWORD | base64"


@dataclass(slots=True)
class _Step:
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
    def masked(self) -> bool:
        """Whether the body is not quite what was sent."""
        return self.body is not None and any(mark in self.body for mark in _MASKS)


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write a script for each failed or warned check that made requests; none without the evidence."""
    report = Report.of(statement)
    written = []
    for row in report.findings((Outcome.FAILED, Outcome.WARNED)):
        if evidence is None or not _paired(row, evidence):
            continue
        text, bodies = _made(row, evidence)
        path = write_text(directory / FILES[0] / f"{_file_name(row)}.sh", text)
        path.chmod(0o755)
        for name, body in bodies.items():
            path.with_name(name).write_bytes(body)
        written += [path, *(path.with_name(name) for name in bodies)]
    return written


def script(row: Row, evidence: EvidenceReader) -> str:
    """Return the script that repeats one check's requests."""
    return _made(row, evidence)[0]


def _file_name(row: Row) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", str(row["check"]))


def _made(row: Row, evidence: EvidenceReader) -> tuple[str, dict[str, bytes]]:
    """Return the script and the bodies that go beside it, by the names of their files."""
    steps = list(_steps(row, evidence))
    withheld = _withhold(steps)
    needed = _needed(steps) - set(withheld)
    needed -= _fetch_tokens(steps, needed)
    _renew(steps)
    _link(steps)
    secrets = {name: _BASIC if name.endswith("_BASIC") else _NAMED for name in sorted(needed)}
    secrets |= withheld
    compare = f"{row['reason']}; expected: {row.get('expected') or '—'}; recorded: {row.get('actual') or '—'}"
    end = END.format(compare=single(one_line(compare)[: 2 * _VALUE_MAX]))
    again = str(row["check"]) if any("serves once" in meaning for meaning in withheld.values()) else ""
    name = _file_name(row)
    bodies = {_body_name(name, step): step.body for step in steps if step.body is not None}
    tools = TOOLS + (RAW if any(step.statuses is not None for step in steps) else "")
    tools += tool() if any(step.raw for step in steps) else ""
    lines = "\n".join(_text(step, name) for step in steps)
    return _head(row, steps) + _demands(secrets, again) + tools + lines + end, bodies


def _head(row: Row, steps: list[_Step]) -> str:
    check = one_line(str(row["check"]))
    masked = ", ".join(str(step.shown.number) for step in steps if step.masked)
    cautions = SIGNED.format(check=check) if any(map(_signed, steps)) else ""
    cautions += MASKED.format(numbers=masked) if masked else ""
    return HEAD.format(
        check=check,
        title=one_line(str(row.get("title", {}).get("en", ""))),
        reason=one_line(str(row["reason"])),
        expected=one_line(str(row.get("expected") or "see above"))[:_VALUE_MAX],
        actual=one_line(str(row.get("actual") or "see above"))[:_VALUE_MAX],
        tools="curl, python3 and openssl" if any(_OPENSSL in step.words for step in steps) else "curl and python3",
        cautions=cautions,
    )


def _signed(step: _Step) -> bool:
    """Tell whether a header of the request is named after a signature."""
    return any(_SIGNATURE.search(piece.text) for word in step.words for piece in word)


def _demands(secrets: Mapping[str, str], again: str) -> str:
    """Return lines that name every variable that is not set, and end the script if there is one.

    ``again``: the check to name where only the harness can make what is needed, or "".
    """
    if not secrets:
        return ""
    lines = ["missing=0", 'need() { [ -n "${!1:-}" ] || { echo "$1 is not set; export it: $2" >&2; missing=1; }; }']
    lines += [f"need {name} {single(meaning)}" for name, meaning in secrets.items()]
    hint = f"or let the harness make new ones: conformance run --check {one_line(again)}"
    tell = f"echo {single(hint)} >&2; " if again else ""
    return "\n".join([*lines, f'[ "$missing" = 0 ] || {{ {tell}exit 2; }}'])


def _steps(row: Row, evidence: EvidenceReader) -> Iterator[_Step]:
    for command, number in _paired(row, evidence):
        record = evidence(number) or {}
        step = _Step(words(command), read(number, evidence), _document(record))
        if not step.words:
            step.raw = RawStep.of(str(record["req"]["start"]), _content(record, "resp", evidence))
            step.body = _content(record, "req", evidence)
        elif _PIPE in step.words:
            step.statuses = " ".join(
                status.decode() for status in _STATUSES.findall(_content(record, "resp", evidence))
            )
        elif _FILE in step.words:
            step.body = _content(record, "req", evidence)
        yield step


def _paired(row: Row, evidence: EvidenceReader) -> list[tuple[str, int]]:
    """Return the last commands of the check with the numbers of their exchanges; "" for raw ones that have none."""
    commands = _commands(row, evidence)
    repeated = {number for _, number in commands}
    others = [number for number in _cited(row) if number not in repeated and _is_repeatable(evidence(number))]
    every = sorted([*commands, *(("", number) for number in others)], key=lambda pair: pair[1])
    return every[-COMMANDS_MAX:]


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
        commands = [command for command in commands if _PIPE not in words(command)]
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


# -- values ---------------------------------------------------------------------------------------------------------


def _withhold(steps: list[_Step]) -> dict[str, str]:
    """Make a variable of every value that the evidence does not keep; return what each one must hold."""
    places: dict[str, str] = {}
    for step in steps:
        for index, word in enumerate(step.words):
            made: Word = []
            for piece in word:
                made += [piece] if piece.variable else _parted(piece.text, step.shown.number, places)
            step.words[index] = joined(made)
    return places


def _parted(text: str, number: int, places: dict[str, str]) -> Iterator[Piece]:
    position = 0
    for found in _WITHHELD.finditer(text):
        member, before = unquote(found[1]), _MARKS.sub("", found[2])
        personal = found[2].endswith('data]"')
        name = re.sub(r"\W+", "_", member if personal else f"{member}_{number}").strip("_").upper()
        places[name] = _MASKED.format(member) if personal else _MAKE_IT.format(f"{member} of exchange {number}")
        # In JSON the mark stands in the quotes of its text; a form has none.
        quotes = '"' if personal and ":" in before else ""
        yield Piece(text[position : found.end(1)] + before + quotes)
        yield Piece(name, True)
        if quotes:
            yield Piece(quotes)
        position = found.end()
    if text[position:]:
        yield Piece(text[position:])


def _renew(steps: list[_Step]) -> None:
    """Put a part that is new in each run of the script into every value that had to be unique."""
    for step in steps:
        found = {text for word in step.words for piece in word for text in _UNIQUE.findall(piece.text)}
        for value in sorted(found):
            fresh = [Piece(f"{value[:-12]}"), Piece("FRESH", True)]
            step.words = [replaced(word, value, fresh) for word in step.words]


def _link(steps: list[_Step]) -> None:
    """Take what an earlier answer gave from the answer of the script's own request."""
    for index, step in enumerate(steps):
        for path, value in _values(step.answer):
            before = [word for earlier in steps[: index + 1] for word in earlier.words]
            if _UNIQUE.search(value) or any(_holds(word, value) for word in before):
                continue
            later = [other for other in steps[index + 1 :] if any(_holds(word, value) for word in other.words)]
            if not later:
                continue
            name = re.sub(r"\W", "_", f"ANSWER_{step.shown.number}_{'_'.join(path)}".upper())
            step.captures[name] = path
            for other in later:
                other.words = [replaced(word, value, [Piece(name, True)]) for word in other.words]


def _needed(steps: list[_Step]) -> set[str]:
    return {piece.text for step in steps for word in step.words for piece in word if piece.variable}


def _fetch_tokens(steps: list[_Step], needed: set[str]) -> set[str]:
    """Take tokens from the answers of the requests that fetch them; return the variables that this fills."""
    filled = set()
    for name in needed:
        if not name.endswith(_FETCHED):
            continue
        first = next(n for n, step in enumerate(steps) if name in _needed([step]))
        givers = [(step, path) for step in steps[:first] if (path := _token_place(step.answer)) is not None]
        if givers:
            step, path = givers[-1]
            step.captures[name] = path
            filled.add(name)
    return filled


def _token_place(answer: Any) -> tuple[str, ...] | None:
    """Return where an answer holds a token that the evidence does not show."""
    for name in _TOKENS:
        if isinstance(answer, dict) and answer.get(name) == "[redacted]":
            return (name,)
    return None


def _holds(word: Word, value: str) -> bool:
    return any(not piece.variable and value in piece.text for piece in word)


def _values(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return the texts of an answer that could be an id, with their places; nothing that was redacted."""
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from _values(inner, (*path, str(name)))
    elif isinstance(node, list):
        for number, inner in enumerate(node[:20]):
            yield from _values(inner, (*path, str(number)))
    elif isinstance(node, str) and _followed(node):
        yield path, node


def _followed(text: str) -> bool:
    plain = "[redacted]" not in text and "~sd:" not in text
    return plain and _SHORTEST <= len(text) <= 400 and any(char.isdigit() for char in text)


# -- text -----------------------------------------------------------------------------------------------------------


def _body_name(check: str, step: _Step) -> str:
    return f"{check}.{step.shown.number}.bin"


def _text(step: _Step, check: str) -> str:
    title = one_line(step.shown.title()).rstrip(" →")  # a raw answer has no status line of its own
    lines = [f"\necho {single(f'exchange {step.shown.number}: {title}')}"]
    if step.masked:
        lines.append("echo '    the evidence masks part of this body: it is not quite what was sent'")
    lines += _sending_lines(step, check)
    if step.shown.error:
        lines.append(f"# recorded: {one_line(step.shown.error)}")
    lines += [f"{name}=$(pick {' '.join(map(single, path))})" for name, path in step.captures.items()]
    return "\n".join(lines)


def _sending_lines(step: _Step, check: str) -> list[str]:
    beside = f'"$here"/{single(_body_name(check, step))}'
    if step.raw is not None:
        return [step.raw.line(beside)]
    return _raw_lines(step) if step.statuses is not None else [_ask_line(step, beside)]


def _ask_line(step: _Step, file: str) -> str:
    beside = f"@{file}"
    return f"ask {_status(step.shown)} {' '.join(beside if word == _FILE else quoted(word) for word in step.words)}"


def _raw_lines(step: _Step) -> list[str]:
    """Return the lines for ``printf … | command``: curl has no part in them, so that ``ask`` cannot run them."""
    pipe = step.words.index(_PIPE)
    sending = " ".join(map(quoted, step.words[pipe + 1 :]))
    return [
        f'printf {formatted(step.words[pipe - 1])} > "$work/sent"',
        f"raw {single(step.statuses or '')} {sending}",
    ]


def _status(shown: Shown) -> str:
    """Return the recorded status as curl says it: 000 where nothing came back."""
    found = re.match(r"HTTP/[0-9.]+ (\d{3})", shown.response.start) if shown.response else None
    return found[1] if found else "000"
