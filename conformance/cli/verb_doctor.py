"""``conformance doctor``: what is wrong or unreachable before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from conformance import exits

if TYPE_CHECKING:
    from conformance.engine.preflight import Preflight

_MARKS = {"understood": "✓", "not called": "·", "refused": "✗", "broken": "✗"}


@click.command()
@click.option(
    "-c", "--candidate", type=click.Path(path_type=Path), help="The candidate file [default: candidate.toml]."
)
@click.option("-p", "--profile", default="payment-product", show_default=True, help="Profile id, or a profile file.")
@click.option("--offline", is_flag=True, help="Check files and plan only; contact nothing.")
@click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(candidate: Path | None, profile: str, offline: bool, only_plugins: tuple[str, ...], form: str) -> int:
    """Check candidate.toml, call every mapped reading operation once, and say what a run would cover.

    Exit code 0 when a run can start, 2 when something must be fixed first.
    """
    from conformance.engine.preflight import preflight
    from conformance.engine.profiles import find_profile
    from conformance.files.candidate_file import find_candidate

    only = only_plugins or None
    path = find_candidate(candidate)
    found = preflight(path, find_profile(profile, only), only=only, offline=offline)
    click.echo(_json(found) if form == "json" else _text(found, path))
    return exits.CONFORMANT if found.good else exits.USAGE


def _json(found: Preflight) -> str:
    return json.dumps(
        {
            "ready": found.good,
            "errors": list(found.errors),
            "operations": [
                {
                    "operation": r.operation,
                    "user": r.user,
                    "state": r.state,
                    "detail": r.detail,
                    "value": dict(r.understood),
                }
                for r in found.rows
            ],
            "coverage": [
                {"suite": c.suite, "runnable": c.runnable, "others": [{"reason": t, "checks": n} for t, n in c.reasons]}
                for c in found.coverage
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def _text(found: Preflight, path: Path) -> str:
    lines = [f"{path}", *found.errors]
    for row in found.rows:
        who = f" as {row.user}" if row.user else ""
        lines.append(f"  {_MARKS[row.state]} {row.operation}{who}: {row.detail}")
        if row.state == "understood" and not row.user:
            shown = ", ".join(f"{key}={value[:40]}" for key, value in list(row.understood.items())[:5])
            lines += [f"      {shown}"] if shown else []
        if not row.good and row.curl:
            lines.append(f"      {row.curl}")
    for item in found.coverage:
        lines.append(f"  {item.suite}: {item.runnable} checks would run")
        lines += [f"      {count} × {reason}" for reason, count in item.reasons]
    lines.append(
        "ready: `conformance run` can start" if found.good else "not ready: fix the lines marked ✗ or named above"
    )
    return "\n".join(lines)
