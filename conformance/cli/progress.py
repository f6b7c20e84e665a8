"""The live view of a run: one line a suite with a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

#: Seconds between two plain lines of a running load scenario.
PLAIN_EVERY_S = 5.0

_MARKS = {
    "passed": "passed",
    "failed": "FAILED",
    "warned": "warned",
    "inconclusive": "unclear",
    "not tested": "untested",
}


def make_listener(quiet: bool) -> Any:
    """Return the listener that fits standard error; ``quiet`` tells nothing."""
    if quiet:
        return Silent()
    return LiveView() if sys.stderr.isatty() else PlainView()


class Silent:
    """Tells nothing."""

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Ignore an event."""

    def close(self) -> None:
        """Nothing to close."""


class _Counting(Silent):
    """Keeps count of the planned checks and outcomes of each suite."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.tally: dict[str, Counter[str]] = {}
        self.suite_of: dict[str, str] = {}
        #: The load scenario that is running.
        self.scenario = ""

    def count(self, event: Mapping[str, Any]) -> None:
        """Take one event into account."""
        if event["event"] == "run-started":
            for item in event["checks"]:
                if item["settled"]:
                    continue
                self.totals[item["suite"]] += 1
                self.done[item["suite"]] += bool(item["done"])
                self.suite_of[item["id"]] = item["suite"]
                self.tally.setdefault(item["suite"], Counter())
        elif event["event"] == "outcome":
            suite = self.suite_of.get(str(event["check"]), "")
            self.done[suite] += 1
            self.tally.setdefault(suite, Counter())[str(event["outcome"])] += 1
        elif event["event"] == "scenario-started":
            self.scenario = str(event["scenario"])

    def summary(self, suite: str) -> str:
        """Return a suite's tally in words."""
        tally = self.tally.get(suite, Counter())
        return ", ".join(f"{count} {_MARKS.get(name, name)}" for name, count in tally.most_common())


class PlainView(_Counting):
    """One line when a suite begins to be done, one every few seconds of a load scenario, and one for each check that
    did not pass; for logs and pipes. ``clock`` reads seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._started = clock()
        self._told = 0.0

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Print what matters of an event."""
        self.count(event)
        match event["event"]:
            case "run-started":
                self._say(f"run {event['run']}: {sum(self.totals.values())} checks, plan {event['plan'][:19]}…")
            case "scenario-started":
                self._told = self._clock()
                self._say(f"load: {event['scenario']} started")
            case "progress":
                self._progress(event)
            case "scenario-failed":
                self._say(f"load: {event['scenario']} FAILED: {event.get('reason', '')}")
            case "scenario-interrupted":
                self._say(f"load: {event['scenario']} was not run to its end: {event.get('note', '')}")
            case "scenario-finished":
                self._say(f"load: {event['scenario']} finished")
            case "outcome":
                self._outcome(event)

    def _progress(self, event: Mapping[str, Any]) -> None:
        if self._clock() - self._told >= PLAIN_EVERY_S:
            self._told = self._clock()
            share = f"{event['done']:,}/{event['total']:,}, " if event["total"] > 1 else ""
            self._say(f"load: {self.scenario}: {share}{event['note']}")

    def _outcome(self, event: Mapping[str, Any]) -> None:
        if event["outcome"] not in ("passed", "not applicable"):
            self._say(f"{event['check']} {event['outcome']}: {event['reason']}")
        suite = self.suite_of.get(str(event["check"]), "")
        if self.done[suite] == self.totals[suite]:
            self._say(f"{suite}: {self.summary(suite)}")

    def _say(self, text: str) -> None:
        print(f"[{self._clock() - self._started:6.1f} s] {text}", file=sys.stderr)  # noqa: T201 - the live view


_ENDED = {
    "scenario-finished": "finished",
    "scenario-failed": "FAILED",
    "scenario-interrupted": "not run to its end",
}


class LiveView(_Counting):
    """A bar for each suite and for the running load scenario, on ``console`` (standard error where none is given)."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self._progress = _progress(console)
        self._tasks: dict[str, Any] = {}
        self._progress.start()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Move the bars."""
        self.count(event)
        match event["event"]:
            case "run-started":
                for suite, total in self.totals.items():
                    self._tasks[suite] = self._progress.add_task(
                        suite, total=total, completed=self.done[suite], note=""
                    )
            case "scenario-started":
                self._tasks["load…"] = self._progress.add_task("load…", total=None, note=self.scenario)
            case "progress":
                self._move(event)
            case "scenario-finished" | "scenario-failed" | "scenario-interrupted" as kind:
                self._progress.update(
                    self._tasks["load…"], total=1, completed=1, note=f"{self.scenario}: {_ENDED[kind]}"
                )
            case "outcome":
                suite = self.suite_of.get(str(event["check"]), "")
                if suite in self._tasks:
                    self._progress.update(self._tasks[suite], completed=self.done[suite], note=self.summary(suite))

    def close(self) -> None:
        """Leave the bars standing and give the terminal back."""
        self._progress.stop()

    def _move(self, event: Mapping[str, Any]) -> None:
        task = self._tasks.get("load…")
        if task is not None:
            note = f"{self.scenario}: {event['note']}"
            self._progress.update(task, total=event["total"] or None, completed=event["done"], note=note)


def _progress(console: Console | None) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        TextColumn("{task.description:>9}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        # One line each, whatever the width: what does not fit is cut at the end.
        TextColumn(
            "{task.fields[note]}",
            style="dim",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
        console=console or Console(stderr=True),
        expand=True,
    )
