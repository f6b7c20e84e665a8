"""Scripts that repeat a failed check by hand: the commands of its exchanges, in order, each secret a variable.

``reproduce/SEC-V06.sh`` makes the requests that the check made and says after each whether the status is as recorded.
Values that the harness made unique are made anew, so that the script can run again; what an earlier answer gave (an
id) is taken from the answer of the script's own request. Bodies that are no line of text go into files beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from conformance.model.outcome import Outcome
from conformance_reports import EvidenceReader, Statement, by_harness
from conformance_reports.command_words import Piece, formatted, quoted, single
from conformance_reports.exchanges import Shown
from conformance_reports.files import write_text
from conformance_reports.raw_steps import tool
from conformance_reports.reading import Report, Row
from conformance_reports.script_parts import AT_ONCE, END, HEAD, NEED, RAW, TOOLS
from conformance_reports.script_steps import FILE, PIPE, Step, at_once, outline, paired, steps_of, without_strangers
from conformance_reports.script_values import fetch_tokens, link, needed_by, renew, take_named, withhold
from conformance_reports.visible import one_line

NAME = "reproduce"
FILES = ("reproduce/",)

#: Characters of what was expected and found in the head of a script.
_VALUE_MAX = 400
_OPENSSL = [Piece("openssl")]
#: The name of a header at the beginning of a word, or of a line of a raw request.
_SIGNATURE = re.compile(r"(?:^|\\n)[\w-]*signature[\w-]*: ", re.IGNORECASE)

_NAMED = "the secret or token of that name"
_BASIC = "that user's name and password as basic authentication sends them, printf '%s' NAME:PASSWORD | base64"


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write a script for each failed or warned check that made requests; none without the evidence."""
    report = Report.of(statement)
    written = []
    profile = str(report.predicate["profile"]["id"])
    for row in report.findings((Outcome.FAILED, Outcome.WARNED)):
        if evidence is None or not paired(row, evidence):
            continue
        text, bodies = _made(row, evidence, profile)
        path = write_text(directory / FILES[0] / f"{_file_name(row)}.sh", text)
        path.chmod(0o755)
        for name, body in bodies.items():
            path.with_name(name).write_bytes(body)
        written += [path, *(path.with_name(name) for name in bodies)]
    return written


def script(row: Row, evidence: EvidenceReader, profile: str) -> str:
    """Return the script that repeats the requests of one check of a profile."""
    return _made(row, evidence, profile)[0]


def _file_name(row: Row) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", str(row["check"]))


def _made(row: Row, evidence: EvidenceReader, profile: str) -> tuple[str, dict[str, bytes]]:
    """Return the script and the bodies that go beside it, by the names of their files."""
    steps = list(steps_of(row, evidence))
    withheld = withhold(steps)
    take_named(steps)
    needed = needed_by(steps) - set(withheld) - {name for step in steps for name in step.captures}
    needed -= fetch_tokens(steps, needed)
    steps = without_strangers(steps, row)
    link(steps)
    renew(steps)  # what is left: a product's own ids may look like what the harness makes
    secrets = {name: _BASIC if name.endswith("_BASIC") else _NAMED for name in sorted(needed)}
    name = _file_name(row)
    bodies = {_body_name(name, step): step.body for step in steps if step.body is not None}
    groups = at_once(steps)
    lines = "\n".join(_text(group[0], name) if len(group) == 1 else _burst(group, name) for group in groups)
    anew = _anew(withheld, bool(_stale(steps)))
    unlike = _unlike(groups)
    again = by_harness.function(row, profile) if anew or unlike else ""
    parts = [_head(row, steps), _demands(secrets), _tools(groups), again, anew, lines, unlike, _end(row)]
    return "".join(parts), bodies


def _tools(groups: list[list[Step]]) -> str:
    """Return the functions that the requests need."""
    steps = [step for group in groups for step in group]
    tools = TOOLS + (RAW if any(step.statuses is not None for step in steps) else "")
    tools += tool() if any(step.raw for step in steps) else ""
    return tools + (AT_ONCE if any(len(group) > 1 for group in groups) else "")


def _unlike(groups: list[list[Step]]) -> str:
    """Return the line that lets the harness decide where answers may differ although nothing was mended."""
    raced = any(len(group) > 1 for group in groups)
    if not raced and not any(step.raw for group in groups for step in group):
        return ""
    return by_harness.UNLIKE.format(why=single(by_harness.RACES if raced else by_harness.HANDSHAKES))


def _end(row: Row) -> str:
    compare = f"{row['reason']}; expected: {row.get('expected') or '—'}; recorded: {row.get('actual') or '—'}"
    return END.format(compare=single(one_line(compare)[: 2 * _VALUE_MAX]))


def _head(row: Row, steps: list[Step]) -> str:
    check = one_line(str(row["check"]))
    cautions = "".join(by_harness.CAUTION.format(why=why) for why in _stale(steps))
    return HEAD.format(
        check=check,
        title=one_line(str(row.get("title", {}).get("en", ""))),
        reason=one_line(str(row["reason"])),
        expected=one_line(str(row.get("expected") or "see above"))[:_VALUE_MAX],
        actual=one_line(str(row.get("actual") or "see above"))[:_VALUE_MAX],
        tools="curl, python3 and openssl" if any(_OPENSSL in step.words for step in steps) else "curl and python3",
        cautions=cautions,
    )


def _signed(step: Step) -> bool:
    """Tell whether a header of the request is named after a signature."""
    return any(_SIGNATURE.search(piece.text) for word in step.words for piece in word)


def _demands(secrets: Mapping[str, str]) -> str:
    """Return lines that name every variable that is not set, and end the script if there is one."""
    return f"{NEED}{_needs(secrets)}\n[ ${{#lacking[@]}} = 0 ] || tell_lacking\n" if secrets else ""


def _stale(steps: list[Step]) -> list[str]:
    """Return why requests can be sent as they were, but may not have the same effect again."""
    masked = ", ".join(str(step.shown.number) for step in steps if step.masked)
    why = [by_harness.SIGNED] if any(map(_signed, steps)) else []
    return why + ([by_harness.MASKED.format(numbers=masked)] if masked else [])


def _anew(withheld: Mapping[str, str], stale: bool) -> str:
    """Return lines that let the harness make anew what the evidence does not keep, and what is stale.

    Where there is no harness, the stale is sent as it was; what is not there cannot be.
    """
    lines = ""
    if withheld:
        lines = f"{NEED}{_needs(withheld)}\n"
        lines += "[ ${#lacking[@]} = 0 ] || { again_by_harness 'what it lacks is made anew'; tell_lacking; }\n"
    return lines + ("again_by_harness 'what was signed or masked is made anew'\n" if stale else "")


def _needs(meanings: Mapping[str, str]) -> str:
    return "\n".join(f"need {name} {single(meaning)}" for name, meaning in meanings.items())


# -- text -----------------------------------------------------------------------------------------------------------


def _body_name(check: str, step: Step) -> str:
    return f"{check}.{step.shown.number}.bin"


def _text(step: Step, check: str) -> str:
    title = one_line(step.shown.title()).rstrip(" →")  # a raw answer has no status line of its own
    lines = [f"\necho {single(f'exchange {step.shown.number}: {title}')}"]
    if step.masked:
        lines.append("echo '    the evidence masks part of this body: it is not quite what was sent'")
    lines += _sending_lines(step, check)
    if step.shown.error:
        lines.append(f"# recorded: {one_line(step.shown.error)}")
    return "\n".join([*lines, *_picks(step)])


def _burst(steps: list[Step], check: str) -> str:
    """Return the lines for requests that were sent at the same moment."""
    lines = [f"\necho 'exchanges {steps[0].shown.number} to {steps[-1].shown.number}, at once'"]
    lines += [f"at_once {_recorded_and_command(step, _beside(step, check))}" for step in steps]
    lines.append("together")
    for number, step in enumerate(steps):
        lines += [f'cp "$work/answer.{number}" "$work/answer"'] if step.captures else []
        lines += _picks(step)
    return "\n".join(lines)


def _picks(step: Step) -> list[str]:
    return [f"{name}=$(pick {' '.join(map(single, path))})" for name, path in step.captures.items()]


def _beside(step: Step, check: str) -> str:
    return f'"$here"/{single(_body_name(check, step))}'


def _sending_lines(step: Step, check: str) -> list[str]:
    beside = _beside(step, check)
    if step.raw is not None:
        return [step.raw.line(beside)]
    return _raw_lines(step) if step.statuses is not None else [_asking(step, beside)]


def _asking(step: Step, file: str) -> str:
    status, _, command = _recorded_and_command(step, file).partition(" ")
    return f"ask {status} {single(outline(step.answer))} {command}"


def _recorded_and_command(step: Step, file: str) -> str:
    return f"{_status(step.shown)} {' '.join(f'@{file}' if word == FILE else quoted(word) for word in step.words)}"


def _raw_lines(step: Step) -> list[str]:
    """Return the lines for ``printf … | command``: curl has no part in them, so that ``ask`` cannot run them."""
    pipe = step.words.index(PIPE)
    sending = " ".join(map(quoted, step.words[pipe + 1 :]))
    return [
        f'printf {formatted(step.words[pipe - 1])} > "$work/sent"',
        f"raw {single(step.statuses or '')} {sending}",
    ]


def _status(shown: Shown) -> str:
    """Return the recorded status as curl says it: 000 where nothing came back."""
    found = re.match(r"HTTP/[0-9.]+ (\d{3})", shown.response.start) if shown.response else None
    return found[1] if found else "000"
