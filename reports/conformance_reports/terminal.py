"""The report on a terminal: verdict first, failures last, nothing wider than the screen."""

from __future__ import annotations

import io
import os
from collections import Counter
from pathlib import Path

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text as Line

from conformance.model.outcome import Outcome
from conformance.model.text import Text
from conformance_reports import EvidenceReader, Statement, terminal_load
from conformance_reports.cautions import cautions
from conformance_reports.files import write_text
from conformance_reports.reading import COMMANDS_SHOWN, Report, Row, clauses_text, exchange_ranges, worst_first
from conformance_reports.reasons import reason
from conformance_reports.visible import one_line, visible
from conformance_reports.words import outcome_text, scale_text, word

NAME = "terminal"
FILES = ("report.txt",)

#: The narrowest screen that is laid out for; narrower ones wrap.
WIDTH_MIN = 40
#: From this many inconclusive checks with one and the same reason, they are told together.
ALIKE_MIN = 3
#: Longer lists of ids are cut with their number; the other renderings hold them all.
LISTED_MAX = 24
#: Characters of what was expected and found; the other renderings hold all of it.
VALUE_MAX = 400

_STYLES = {
    "passed": "green",
    "failed": "bold red",
    "warned": "yellow",
    "inconclusive": "magenta",
    "not tested": "cyan",
    "not applicable": "dim",
    "waived": "blue",
    "conformant": "bold green",
    "not conformant": "bold red",
}
_MARKS = {"failed": "✗", "warned": "!", "inconclusive": "?"}


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write ``report.txt``: English, 100 columns, no colour. ``evidence`` is not used."""
    return [write_text(directory / FILES[0], render_text(statement, 100, color=False))]


def render_text(
    statement: Statement, width: int = 80, color: bool = True, language: str = "en", directory: Path | None = None
) -> str:
    """Return the report as lines of at most ``width`` columns in ``language`` ("en" or "zh-CN").

    ``color`` asks for ANSI colours; a non-empty environment variable NO_COLOR refuses them. ``directory`` is where
    the run's files are, the default being the run's usual place.
    """
    page = _Page(Report.of(statement), width, color and not os.environ.get("NO_COLOR"), language)
    page.head()
    page.load()
    page.calibration()
    page.not_tested()
    page.findings()
    page.files(directory or Path(".conformance/runs") / one_line(page.report.predicate["id"]))
    return page.text()


class _Page:
    """Lines collected by a console that writes to memory."""

    def __init__(self, report: Report, width: int, color: bool, language: str) -> None:
        self.report = report
        self.language = language
        self.colon = "：" if language.startswith("zh") else ": "
        self._file = io.StringIO()
        self._console = Console(
            file=self._file,
            width=max(width, WIDTH_MIN),
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            force_jupyter=False,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )

    def text(self) -> str:
        """Return what was written, without blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self._file.getvalue().splitlines()).rstrip() + "\n"

    def say(self, text: Text) -> str:
        return visible(text.in_language(self.language))

    def word(self, key: str) -> str:
        return self.say(word(key))

    def put(self, item: RenderableType = "", indent: int = 0) -> None:
        self._console.print(Padding(item, (0, 0, 0, indent)) if indent else item, soft_wrap=False)

    def _unbroken(self, text: str) -> None:
        """Write a command or a path on one line however long, so that it can be copied."""
        self._console.print(Line(text, style="dim"), soft_wrap=True)

    def heading(self, key: str) -> None:
        self.put()
        self.put(Line(self.word(key), style="bold underline"))

    def head(self) -> None:
        """Verdict, product, reasons, cautions and counts."""
        predicate = self.report.predicate
        value = predicate["verdict"]["value"]
        self.put(Line(self.say(scale_text(value)).upper(), style=_STYLES.get(value, "bold magenta")))
        product, profile = predicate["candidate"], predicate["profile"]
        title = self.say(Text.parse(profile["title"]))
        self.put(Line(one_line(f"{product['name']} {product['version']} · {title} {profile['version']}")))
        if predicate["selfDeclared"]:
            label = Line(self.word("self_declared"), style="bold yellow")
            self.put(label.append(" " + self.word("self_declared_long"), style="not bold"))
        for text in predicate["verdict"]["reasons"]:
            self.put(Line(f"• {one_line(self.say(reason(text).brief))}"), indent=2)
        for caution in cautions(self.report):
            line = Line(self.word("cautions_short") + self.colon, style="bold yellow")
            self.put(line.append(one_line(self.say(caution)), style="not bold"), indent=2)
        self.put()
        self._counts("requirements", self.report.requirement_counts())
        self._counts("checks", self.report.check_counts())
        if self.report.unselected:
            outside = f"{self.word('unselected')} {len(self.report.unselected)}{self.colon}"
            self.put(Line(outside + self.word("unselected_help"), style="dim"))

    def _counts(self, label: str, counts: dict[str, int]) -> None:
        line = Line(f"{self.word(label)} {sum(counts.values())}{self.colon}", style="bold")
        for index, (outcome, number) in enumerate(worst_first(counts)):
            style = f"not bold {_STYLES[outcome]}" if number else "not bold dim"
            line.append(" · " if index else "", style="not bold dim")
            line.append(f"{number} {self.say(outcome_text(outcome))}", style=style)
        self.put(line)

    def load(self) -> None:
        """Each scenario with its standing, rates, times and money."""
        if not self.report.loads:
            return
        self.heading("load")
        for index, item in enumerate(self.report.loads):
            readers = self.report.readers_of(item["scenario"])
            if index:
                self.put()
            self.put(terminal_load.heading(item, readers, self.say))
            self.put(terminal_load.table(item, readers, self.say), indent=2)

    def calibration(self) -> None:
        """One line per suite."""
        suites = (self.report.predicate.get("calibration") or {}).get("suites", [])
        self.heading("calibration")
        if not suites:
            self.put(self.word("not_calibrated"))
        for item in suites:
            state = self.word("current" if item["current"] else "stale")
            found = f"{self.word('faults_detected')} {item['detected']}/{item['faults']}"
            alarms = f"{self.word('false_alarms')} {item['falseAlarms']}"
            sound = item["current"] and item["detected"] == item["faults"] and not item["falseAlarms"]
            line = f"{one_line(item['suite'])}: {found}, {alarms}, {state}"
            self.put(Line(line, style="" if sound else "bold red"))

    def not_tested(self) -> None:
        """The requirements nothing is known about, grouped by reason."""
        groups: dict[str, list[str]] = {}
        for item in self.report.requirements:
            if item["outcome"] == Outcome.NOT_TESTED:
                groups.setdefault(self._why_not(item), []).append(item["id"])
        if groups:
            self.heading("not_decided")
        for why, names in groups.items():
            self.put(Line(_listed([one_line(name) for name in names]), style="cyan"))
            self.put(Line(why), indent=4)

    def _why_not(self, requirement: Row) -> str:
        reasons = [item["reason"] for item in self.report.outcomes_of(requirement) if item["reason"]]
        return one_line(requirement["reason"] or "; ".join(reasons))

    def findings(self) -> None:
        """Every warning, open question and failure, the failures last."""
        rows = self.report.findings((Outcome.WARNED, Outcome.INCONCLUSIVE, Outcome.FAILED))
        if rows:
            self.heading("findings")
        alike = Counter(row["reason"] for row in rows if row["outcome"] == Outcome.INCONCLUSIVE)
        told: set[str] = set()
        for row in rows:
            if row["outcome"] != Outcome.INCONCLUSIVE or alike[row["reason"]] < ALIKE_MIN:
                self.put()
                self._finding(row)
            elif row["reason"] not in told:
                told.add(row["reason"])
                self._alike([item for item in rows if item["reason"] == row["reason"]])

    def _alike(self, rows: list[Row]) -> None:
        """Say once what leaves many checks undecided for the same reason."""
        self.put()
        outcome = rows[0]["outcome"]
        head = Line(f"{_MARKS[outcome]} {self.say(outcome_text(outcome))} ", style=_STYLES[outcome])
        self.put(head.append(_listed([one_line(row["check"]) for row in rows]), style="bold"))
        self._field("reason", rows[0]["reason"])

    def _finding(self, row: Row) -> None:
        requirement = self.report.requirement(row["requirement"])
        head = Line(
            f"{_MARKS[row['outcome']]} {self.say(outcome_text(row['outcome']))} ", style=_STYLES[row["outcome"]]
        )
        head.append(one_line(row["requirement"]), style="bold")
        head.append(f" {one_line(self.say(Text.parse(row['title'])))}", style="not bold default")
        severity = self.say(scale_text(self.report.severity(row).value))
        self.put(head.append(f" ({severity})", style="not bold default"))
        if row["check"] != row["requirement"]:
            self._field("check", row["check"])
        self._field("clause", clauses_text(requirement) or self.word("no_clause"))
        self._field("reason", row["reason"])
        self._field("expected", _shortened(row["expected"]))
        self._field("actual", _shortened(row["actual"]))
        ranges = exchange_ranges(row)
        self._field("evidence", f"{self.word('exchanges')} {ranges}" if ranges else self.word("no_evidence"))
        self._field("remedy", self.say(self.report.remedy(row)))
        for command in row.get("curl", ())[-COMMANDS_SHOWN:]:
            self._unbroken(f"    {visible(command)}")

    def _field(self, key: str, value: object) -> None:
        if value is None or value == "":
            return
        line = Line(self.word(key) + self.colon, style="bold")
        self.put(line.append(visible(value), style="not bold"), indent=4)

    def files(self, directory: Path) -> None:
        """Where to look next."""
        self.heading("files")
        for name, key in (
            ("report.dsse.json", "files_authority"),
            ("report.html", "files_page"),
            ("evidence/", "files_evidence"),
        ):
            self._unbroken(f"{directory}/{name}")
            self.put(Line(self.word(key), style="dim"), indent=4)


def _shortened(value: object) -> object:
    """Return a value that may be a whole list of payments, cut where it stops being readable."""
    text = str(value)
    return value if value is None or len(text) <= VALUE_MAX else f"{text[:VALUE_MAX]}… (+{len(text) - VALUE_MAX})"


def _listed(names: list[str]) -> str:
    """Return names as a list that stays readable: the first ones, and how many more; all are in the other files."""
    shown = ", ".join(names[:LISTED_MAX])
    return f"{shown} … +{len(names) - LISTED_MAX}" if len(names) > LISTED_MAX else shown
