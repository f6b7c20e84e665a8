"""What can go wrong, as types.

    ConformanceError                what a person sees: where, what, what would be right, what to do next
    ├── ConfigError                 a file or an option is wrong        (class CONFIG,  exit 2)
    │   └── FileProblems            several mistakes found in one file  (class CONFIG,  exit 2)
    ├── NothingSelected             the selection is empty              (class CONFIG,  exit 5)
    ├── PluginError                 a plugin cannot be used             (class CONFIG,  exit 2)
    ├── HarnessError                our own fault or our machine's      (class HARNESS, exit 70)
    │   └── RunInUse                another process holds the run       (class HARNESS, exit 2)
    └── UntrustedError              a report that must not be believed  (class TRUST,   exit 4)

Every error carries *values*; the sentence is written here, once.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance import exits


class ConformanceError(Exception):
    """The root of every error a person is meant to read."""

    #: Which party must act: ``CONFIG`` (the user's files), ``HARNESS`` (us) or ``TRUST`` (a report).
    blame = "HARNESS"
    #: Process exit code, see :mod:`conformance.exits`.
    exit_code = exits.HARNESS

    def __init__(self, summary: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(summary)
        #: One sentence: what is wrong and what would be right.
        self.summary = summary
        #: File and place inside it, or "".
        self.where = where
        #: The next thing to do, often a command.
        self.remedy = remedy

    def diagnostics(self) -> str:
        """Return the message for people: class, place, problem and remedy."""
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  → {self.remedy}" if self.remedy else ""
        return f"{self.blame}: {place}{self.summary}{remedy}"

    def __str__(self) -> str:
        return f"{self.where}: {self.summary}" if self.where else self.summary


class ConfigError(ConformanceError):
    """A file or option given by the user is wrong."""

    blame = "CONFIG"
    exit_code = exits.USAGE


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file: ``path`` is a JSONPath-like place, ``expected`` says what would be right."""

    path: str
    found: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        tail = f" ({self.remedy})" if self.remedy else ""
        return f"{self.path}: {self.found}; expected {self.expected}{tail}"


class FileProblems(ConfigError):
    """All the mistakes found in one file, reported together."""

    def __init__(self, file: str, problems: list[Problem], remedy: str = "") -> None:
        self.file = file
        self.problems = problems
        many = f"{len(problems)} mistakes" if len(problems) > 1 else "one mistake"
        lines = "".join(f"\n  • {problem}" for problem in problems)
        super().__init__(f"{many}{lines}", where=file, remedy=remedy or "Fix the file, then run `conformance doctor`.")


class NothingSelected(ConfigError):
    """The profile and the filters leave nothing to run."""

    exit_code = exits.NOTHING_SELECTED


class PluginError(ConfigError):
    """A plugin cannot be loaded or breaks the rules of its kind."""

    def __init__(self, plugin: str, summary: str, *, remedy: str = "") -> None:
        #: The entry point's name, with its distribution where known.
        self.plugin = plugin
        super().__init__(
            summary,
            where=f"plugin {plugin}",
            remedy=remedy or "Fix or uninstall that distribution, or run with --only-plugins to leave it out.",
        )


class HarnessError(ConformanceError):
    """The harness, or the machine it runs on, failed."""


class RunInUse(HarnessError):
    """Another process is writing the same run directory."""

    exit_code = exits.USAGE


class UntrustedError(ConformanceError):
    """A report, envelope or evidence set that must not be believed.

    ``step`` is the verification step that failed, ``code`` its stable reason code.
    """

    blame = "TRUST"
    exit_code = exits.UNTRUSTED

    def __init__(self, step: str, code: str, summary: str, *, where: str = "", remedy: str = "") -> None:
        self.step = step
        self.code = code
        super().__init__(f"[{step}] {code}: {summary}", where=where, remedy=remedy)
