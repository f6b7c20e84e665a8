"""Scripts that repeat a failed check by hand: the commands of its exchanges, in order, each secret a variable.

``reproduce/SEC-V06.sh`` makes the requests that the check made and says after each whether the status is as recorded.
Values that the harness made unique are made anew, so that the script can run again; what an earlier answer gave (an
id) is taken from the answer of the script's own request.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from conformance.model.outcome import Outcome
from conformance_reports import EvidenceReader, Statement
from conformance_reports.exchanges import Shown, read
from conformance_reports.files import write_text
from conformance_reports.reading import Report, Row
from conformance_reports.visible import one_line

NAME = "reproduce"
FILES = ("reproduce/",)

#: Requests of one check that are looked at; what opens its accounts is among them.
COMMANDS_MAX = 40

#: What Evidence.unique makes: new ones are needed whenever the script runs.
_UNIQUE = re.compile(r"\b[a-z]+-[0-9a-f]{20}\b")
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
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
#: Values shorter than this are not followed from an answer to a later request: they would be found everywhere.
_SHORTEST = 6

_HEAD = """#!/usr/bin/env bash
# {check}: {title}
#
# {reason}
#   expected: {expected}
#   actual:   {actual}
#
# Repeats the check's requests against the product and compares each status with the recorded one.
# Exit code 0: every answer was as recorded. 1: one was not. 2: a variable is missing. Needs curl and python3.
[ -n "${{BASH_VERSION:-}}" ] || exec bash "$0" "$@"
set -uo pipefail
"""

_TOOLS = """
: "${FRESH:=$(date +%s)$RANDOM}"
differs=0
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
pick() { python3 -c 'import json, sys
try:
    value = json.load(open(sys.argv[1]))
    for step in sys.argv[2:]: value = value[int(step) if isinstance(value, list) else step]
    print(value)
except (OSError, ValueError, LookupError, TypeError):
    print("    the answer holds no", ".".join(sys.argv[2:]) + ": what follows cannot be as recorded", file=sys.stderr)
' "$work/answer" "$@"; }
ask() { # recorded status, then the command
  local recorded=$1 status; shift
  status=$("$@" --silent --show-error --max-time 30 --dump-header "$work/head" --output "$work/answer" \\
    --write-out '%{http_code}')
  if [ "$status" = "$recorded" ]; then echo "    $status, as recorded"
  else echo "    $status, recorded was $recorded"; differs=1; fi
  tail -n +2 "$work/head" 2>/dev/null | tr -d '\r' | grep . | head -n 25 | sed 's/^/    < /'
  head -c 600 "$work/answer" 2>/dev/null | sed 's/^/    /'
  [ "$(wc -c 2>/dev/null < "$work/answer")" -le 600 ] 2>/dev/null || echo -n ' …'
  echo
}
"""

_MAKE_IT = "a new value for {}; it serves once, and the evidence does not keep it"
_MASKED = "{} as the mapping has it, or another test value of its kind; the evidence masks personal data"
_NAMED = "the secret or token of that name"
_BASIC = "that user's name and password as basic authentication sends them, printf '%s' NAME:PASSWORD | base64"

#: A status alone does not always show a failure: what was expected is said again, to be compared with the answers.
_END = """
if [ "$differs" = 0 ]; then printf '%s\\n' 'every status was as recorded; in the answers above, compare:' {compare}
else echo 'not every status was as recorded: see the lines above'; fi
exit "$differs"
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word: text that stands for itself, or the name of a variable."""

    text: str
    variable: bool = False


Word = list[Piece]


@dataclass(slots=True)
class _Step:
    """One request: the words of its command, what was recorded, and what later requests need of its answer."""

    words: list[Word]
    shown: Shown
    answer: Any
    captures: dict[str, tuple[str, ...]] = field(default_factory=dict)


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write a script for each failed or warned check that made requests; none without the evidence."""
    report = Report.of(statement)
    written = []
    for row in report.findings((Outcome.FAILED, Outcome.WARNED)):
        if evidence is None or not row.get("curl"):
            continue
        name = re.sub(r"[^A-Za-z0-9._-]", "_", str(row["check"]))
        path = write_text(directory / FILES[0] / f"{name}.sh", script(row, evidence))
        path.chmod(0o755)
        written.append(path)
    return written


def script(row: Row, evidence: EvidenceReader) -> str:
    """Return the script that repeats one check's requests."""
    steps = list(_steps(row, evidence))
    withheld = _withhold(steps)
    needed = _needed(steps) - set(withheld)
    needed -= _fetch_tokens(steps, needed)
    _renew(steps)
    _link(steps)
    head = _HEAD.format(
        check=one_line(str(row["check"])),
        title=one_line(str(row.get("title", {}).get("en", ""))),
        reason=one_line(str(row["reason"])),
        expected=one_line(str(row.get("expected") or "see above"))[:_VALUE_MAX],
        actual=one_line(str(row.get("actual") or "see above"))[:_VALUE_MAX],
    )
    secrets = {name: _BASIC if name.endswith("_BASIC") else _NAMED for name in sorted(needed)}
    secrets |= withheld
    compare = f"{row['reason']}; expected: {row.get('expected') or '—'}; recorded: {row.get('actual') or '—'}"
    end = _END.format(compare=_single(one_line(compare)[: 2 * _VALUE_MAX]))
    again = str(row["check"]) if any("serves once" in meaning for meaning in withheld.values()) else ""
    return head + _demands(secrets, again) + _TOOLS + "\n".join(_text(step) for step in steps) + end


def _demands(secrets: Mapping[str, str], again: str) -> str:
    """Return lines that name every variable that is not set, and end the script if there is one.

    ``again``: the check to name where only the harness can make what is needed, or "".
    """
    if not secrets:
        return ""
    lines = ["missing=0", 'need() { [ -n "${!1:-}" ] || { echo "$1 is not set; export it: $2" >&2; missing=1; }; }']
    lines += [f"need {name} {_single(meaning)}" for name, meaning in secrets.items()]
    hint = f"or let the harness make new ones: conformance run --check {one_line(again)}"
    tell = f"echo {_single(hint)} >&2; " if again else ""
    return "\n".join([*lines, f'[ "$missing" = 0 ] || {{ {tell}exit 2; }}'])


def _steps(row: Row, evidence: EvidenceReader) -> Iterator[_Step]:
    """Pair the commands, which are the last of the check, with the last of its recorded HTTP exchanges."""
    commands = list(row.get("curl", ()))[-COMMANDS_MAX:]
    numbers = [n for first, last in row.get("exchanges", ()) for n in range(first, last + 1)]
    records = [(number, evidence(number) or {}) for number in numbers]
    spoken = [number for number, record in records if record.get("kind") == "http"][-len(commands) :]
    paired = commands[len(commands) - len(spoken) :]  # raw exchanges and calls of other protocols have no command
    for command, number in zip(paired, spoken, strict=True):
        record = evidence(number) or {}
        yield _Step(words(command), read(number, evidence), _document(record))


def _document(record: Mapping[str, Any]) -> Any:
    body = (record.get("resp") or {}).get("body")
    try:
        return json.loads(body) if isinstance(body, str) else None
    except ValueError:
        return None


# -- words of commands ----------------------------------------------------------------------------------------------


def words(command: str) -> list[Word]:
    """Return the words of a command as the harness writes it: bare, in single or in double quotes."""
    found: list[Word] = [[]]
    position, quote = 0, ""
    while position < len(command):
        char = command[position]
        variable = _VARIABLE.match(command, position) if quote != "'" else None
        if variable:
            found[-1].append(Piece(variable[1], True))
            position = variable.end()
            continue
        if quote == '"' and char == "\\" and command[position + 1 : position + 2] in ('"', "\\", "$", "`"):
            position += 1
            found[-1].append(Piece(command[position]))
        elif quote and char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif not quote and char == " ":
            found.append([])
        else:
            found[-1].append(Piece(char))
        position += 1
    return [_joined(word) for word in found if word]


def _joined(word: Word) -> Word:
    """Join neighbouring pieces of text."""
    made: Word = []
    for piece in word:
        if made and not piece.variable and not made[-1].variable:
            made[-1] = Piece(made[-1].text + piece.text)
        else:
            made.append(piece)
    return made


def quoted(word: Word) -> str:
    """Return a word as it stands in a script: text in single quotes, variables in double quotes."""
    return "".join(f'"${{{p.text}}}"' if p.variable else _single(p.text) for p in word) or "''"


def _single(text: str) -> str:
    return shlex.quote(text)


def _replaced(word: Word, value: str, by: list[Piece]) -> Word:
    made: Word = []
    for piece in word:
        if piece.variable or value not in piece.text:
            made.append(piece)
            continue
        parts = piece.text.split(value)
        for index, part in enumerate(parts):
            made += ([*by] if index else []) + ([Piece(part)] if part else [])
    return _joined(made)


# -- values ---------------------------------------------------------------------------------------------------------


def _withhold(steps: list[_Step]) -> dict[str, str]:
    """Make a variable of every value that the evidence does not keep; return what each one must hold."""
    places: dict[str, str] = {}
    for step in steps:
        for index, word in enumerate(step.words):
            made: Word = []
            for piece in word:
                made += [piece] if piece.variable else _parted(piece.text, step.shown.number, places)
            step.words[index] = _joined(made)
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
            step.words = [_replaced(word, value, fresh) for word in step.words]


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
                other.words = [_replaced(word, value, [Piece(name, True)]) for word in other.words]


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


def _text(step: _Step) -> str:
    lines = [f"\necho {_single(f'exchange {step.shown.number}: {one_line(step.shown.title())}')}"]
    if any("@body.bin" in piece.text for word in step.words for piece in word):
        lines.append(
            f"# body.bin: the body of exchange {step.shown.number} in the evidence, which is too long for a line"
        )
    lines.append(f"ask {_status(step.shown)} {' '.join(quoted(word) for word in step.words)}")
    if step.shown.error:
        lines.append(f"# recorded: {one_line(step.shown.error)}")
    lines += [f"{name}=$(pick {' '.join(map(_single, path))})" for name, path in step.captures.items()]
    return "\n".join(lines)


def _status(shown: Shown) -> str:
    """Return the recorded status as curl says it: 000 where nothing came back."""
    found = re.match(r"HTTP/[0-9.]+ (\d{3})", shown.response.start) if shown.response else None
    return found[1] if found else "000"
