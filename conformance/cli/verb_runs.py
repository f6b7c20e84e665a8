"""``conformance runs``: the runs in this directory and what became of them."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from conformance import exits


@click.command()
@click.option("--runs", "base", type=click.Path(path_type=Path), help="Where runs lie [default: .conformance/runs].")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(base: Path | None, form: str) -> int:
    """List runs, newest last: verdict, or how far an interrupted one came."""
    from conformance.engine.rundir import RUNS, RunDirectory

    root = base or RUNS
    paths = sorted(path for path in root.iterdir() if (path / "plan.json").exists()) if root.is_dir() else []
    rows = [_row(RunDirectory(path)) for path in paths]
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return exits.CONFORMANT
    for row in rows:
        click.echo(f"{row['run']}  {row['state']:<16} {row['finished']}/{row['planned']} checks")
    if not rows:
        click.echo(f"no runs in {root}")
    return exits.CONFORMANT


def _row(run: object) -> dict[str, object]:
    from conformance.engine.rundir import RunDirectory, read_events, read_json

    assert isinstance(run, RunDirectory)  # noqa: S101 - typed loosely to keep the import lazy
    plan = read_json(run.plan)
    events = read_events(run.events)
    finished = {str(event["check"]) for event in events if event["event"] == "outcome"}
    verdicts = [str(event["verdict"]) for event in events if event["event"] == "run-finished"]
    return {
        "run": run.root.as_posix(),
        "state": verdicts[-1] if verdicts else "interrupted",
        "finished": len(finished),
        "planned": sum(1 for item in plan["checks"] if item["settled"] is None),
    }
