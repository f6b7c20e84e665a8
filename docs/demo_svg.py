"""Draw a finished run's terminal output for the README: ``python docs/demo_svg.py RUN docs/assets/demo.svg``."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from conformance.engine.events import Event
from conformance.engine.rundir import read_events
from conformance_reports.terminal import render_text

WIDTH = 100


def main(run: Path, target: Path) -> None:
    """Write the SVG: the command, one line a suite, then the report as the terminal shows it."""
    statement = json.loads((run / "report.json").read_text(encoding="utf-8"))
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ conformance run --demo", style="bold"))
    for line in _suites(read_events(run / "events.jsonl")):
        console.print(Text(line, style="dim"))
    body = render_text(statement, WIDTH, True, "en", Path(".conformance/runs") / run.name)
    console.print(Text.from_ansi(body))
    target.write_text(console.export_svg(title="conformance run --demo", unique_id="demo"), encoding="utf-8")


def _suites(events: list[Event] | list[dict[str, object]]) -> list[str]:
    tally: dict[str, dict[str, int]] = {}
    suite_of: dict[str, str] = {}
    for event in events:
        if event["event"] == "check-started":
            suite_of[str(event["check"])] = str(event["suite"])
        elif event["event"] == "outcome":
            counts = tally.setdefault(suite_of.get(str(event["check"]), "?"), {})
            counts[str(event["outcome"])] = counts.get(str(event["outcome"]), 0) + 1
    return [
        f"{suite:>9} {'━' * 24} {sum(counts.values())}/{sum(counts.values())}  "
        + ", ".join(f"{count} {name}" for name, count in counts.items())
        for suite, counts in tally.items()
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
