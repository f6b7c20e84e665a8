"""``conformance doctor``: what is wrong or unreachable before anything runs."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from conformance import exits

if TYPE_CHECKING:
    from conformance.candidate.doctor import Row
    from conformance.engine.preflight import Gap, Preflight

#: Stands for a space at which no line may end; of the characters that nobody writes.
_KEPT = "\ue000"
_MARKS = {"understood": "✓", "not called": "·", "refused": "✗", "broken": "✗"}


@click.command()
@click.option(
    "-c", "--candidate", type=click.Path(path_type=Path), help="The candidate file [default: candidate.toml]."
)
@click.option("-p", "--profile", default="payment-product", show_default=True, help="Profile id, or a profile file.")
@click.option("--offline", is_flag=True, help="Check files and plan only; contact nothing.")
@click.option("--write", is_flag=True, help="Prove money too: one small payment, if [scope] effects allows it.")
@click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(
    candidate: Path | None, profile: str, offline: bool, write: bool, only_plugins: tuple[str, ...], form: str
) -> int:
    """Check candidate.toml, call every mapped reading operation once, and say what a run would cover.

    For each operation: what was sent, what was understood, and what to try next. Then the checks that would stay not
    tested, and what to add for them. Nothing is written and no money moves, unless --write says so.
    Exit code 0 when a run can start, 2 when something must be fixed first.
    """
    from conformance.engine.preflight import preflight
    from conformance.engine.profiles import find_profile
    from conformance.files.candidate_file import find_candidate

    only = only_plugins or None
    path = find_candidate(candidate)
    found = preflight(path, find_profile(profile, only), only=only, offline=offline, write=write and not offline)
    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    click.echo(_json(found) if form == "json" else _text(found, path, width))
    return exits.CONFORMANT if found.good else exits.USAGE


def _json(found: Preflight) -> str:
    rows = [
        {
            "operation": row.operation,
            "user": row.user,
            "state": row.state,
            "detail": row.detail,
            "sent": row.sent,
            "value": dict(row.understood),
            "missing": list(row.missing),
            "hints": list(row.hints),
        }
        for row in found.rows
    ]
    coverage = [
        {
            "suite": item.suite,
            "runnable": item.runnable,
            "others": [
                {"outcome": gap.outcome, "reason": gap.reason, "checks": list(gap.checks), "remedy": gap.remedy}
                for gap in item.gaps
            ],
        }
        for item in found.coverage
    ]
    warnings = [{"text": w.text, "remedy": w.remedy, "checks_max": w.checks_max} for w in found.warnings]
    document = {
        "ready": found.good,
        "errors": list(found.errors),
        "operations": rows,
        "coverage": coverage,
        "warnings": warnings,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _text(found: Preflight, path: Path, width: int) -> str:
    lines = [str(path), *found.errors]
    for row in found.rows:
        lines += _row(row, width)
    for item in found.coverage:
        lines += ["", f"{item.suite}: {item.runnable} checks would begin"]
        absent = sum(len(gap.checks) for gap in item.gaps if gap.outcome == "not applicable")
        for gap in item.gaps:
            lines += _gap(gap, width) if gap.outcome != "not applicable" else []
        lines += [f"  {absent} not applicable: the profile allows that the product does not offer it"] if absent else []
    lines += _warnings(found, width)
    end = "ready: `conformance run` can start" if found.good else "not ready: fix the lines marked ✗ or named above"
    return "\n".join([*lines, "", end])


def _warnings(found: Preflight, width: int) -> list[str]:
    begun = sum(item.runnable for item in found.coverage)
    if not begun:
        return []
    said = "A check that begins may still find that it lacks something, and then ends as not tested"
    lines = ["", *_wrapped(said + ("; foreseen:" if found.warnings else "."), width, "", "  ")]
    for item in found.warnings:
        concerned = f" (up to {item.checks_max} of the {begun} checks)" if item.checks_max else ""
        lines += _wrapped(f"! {item.text}{concerned}", width, "  ", "    ")
        lines += _wrapped(item.remedy, width, "    → ", "      ") if item.remedy else []
    return lines


def _row(row: Row, width: int) -> list[str]:
    who = f" as {row.user}" if row.user else ""
    lines = _wrapped(f"{_MARKS[row.state]} {row.operation}{who}: {row.detail}", width, "", "    ")
    plain = row.state == "understood" and row.user and not row.hints
    if row.sent and not plain:
        lines += _wrapped(row.sent, width, "    sent  ", "          ")
    if row.understood and row.state == "understood" and not row.user:
        shown = ", ".join(f"{key}={value[:60]}" for key, value in list(row.understood.items())[:9])
        lines += _wrapped(shown, width, "    read  ", "          ")
    for hint in row.hints:
        lines += _wrapped(hint, width, "    → ", "      ")
    if not row.good and row.curl:
        lines.append(f"    {row.curl}")
    return lines


def _gap(gap: Gap, width: int) -> list[str]:
    lines = _wrapped(f"{len(gap.checks)} {gap.outcome}: {gap.reason}", width, "  ", "    ")
    lines += _wrapped(" ".join(gap.checks), width, "      ", "      ")
    return lines + (_wrapped(gap.remedy, width, "    → ", "      ") if gap.remedy else [])


def _wrapped(text: str, width: int, first: str, further: str) -> list[str]:
    """Return lines of at most ``width``, longer ones where a word is: what is broken can be copied no more.

    A quoted command counts as one word.
    """
    whole = re.sub(r"`[^`]*`", lambda quoted: quoted[0].replace(" ", _KEPT), text)
    lines = textwrap.wrap(
        whole, width, initial_indent=first, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(_KEPT, " ") for line in lines] or [first.rstrip()]
