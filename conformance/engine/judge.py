"""Judging one check: how the way it ended becomes one of the seven outcomes.

AssertionError is failed (warned where the requirement is a *should*); NotTested, NotApplicable and Inconclusive say
so themselves; any other exception is inconclusive. A skip never passes, and neither does a pass that left no evidence.
"""

from __future__ import annotations

import traceback
from collections import deque
from dataclasses import dataclass, field

from conformance.engine.givers import Givers
from conformance.model.outcome import Blame, CheckOutcome, Outcome
from conformance.sdk.answers import Command, composed
from conformance.sdk.evidence import Evidence
from conformance.sdk.findings import Finding, Inconclusive, NotApplicable, NotOffered, NotTested, Undecided


class DeadlineExceeded(BaseException):
    """A check ran out of its declared time. Not an Exception, so that no check can swallow it."""


#: Commands kept of a check that did not pass: the last ones, and as many of its set-up, which fetches its tokens.
COMMANDS_MAX, SET_UP_MAX = 40, 10


@dataclass(slots=True)
class Traces:
    """What a check left in the journal while it ran."""

    #: What repeats the first and the last exchanges, with their numbers; composed only when somebody wants to read it.
    set_up: list[tuple[int, Command]] = field(default_factory=list)
    commands: deque[tuple[int, Command]] = field(default_factory=lambda: deque(maxlen=COMMANDS_MAX))
    #: Where the tokens come from that were fetched before.
    givers: Givers = field(default_factory=Givers)
    _spans: list[tuple[int, int]] = field(default_factory=list)
    _apart: bool = True

    def add(self, seq: int, command: Command) -> None:
        """Note one exchange."""
        if self._apart:
            self._spans.append((seq, seq))
        self._apart = False
        self._spans[-1] = (self._spans[-1][0], seq)
        if command and len(self.set_up) < SET_UP_MAX:
            self.set_up.append((seq, command))
        elif command:
            self.commands.append((seq, command))

    def interrupt(self) -> None:
        """Begin a new range: what is recorded until the next exchange of this check belongs to others."""
        self._apart = True

    def composed(self) -> tuple[tuple[int, str], ...]:
        """Return the commands that repeat its first and last exchanges, each with the number of its exchange.

        Those that fetched their tokens, for whichever check, come before them.
        """
        every = (*self.set_up, *self.commands)
        own = tuple((seq, text) for seq, command in every if (text := composed(command)))
        return (*self.givers.of(own), *own)

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the exchanges as inclusive ranges of sequence numbers."""
        return tuple(self._spans)


def judge(
    check: str,
    error: BaseException | None,
    *,
    should: bool,
    evidence: Evidence,
    traces: Traces,
    elapsed_ms: int,
    attempt: int,
    may_lack: bool = True,
) -> CheckOutcome:
    """Return the outcome of a check that ended with ``error``, or with None.

    ``may_lack``: the profile lets a product be without what the requirement is about.
    """
    if isinstance(error, NotOffered) and not may_lack:
        error = NotTested(f"{error.reason}; the profile does not let a product do without", blame="CONFIG")
    outcome, reason, blame, expected, actual = _classify(error, should, evidence, traces)
    failing = outcome in (Outcome.FAILED, Outcome.WARNED, Outcome.INCONCLUSIVE)
    commands = traces.composed() if failing else ()
    return CheckOutcome(
        check=check,
        outcome=outcome,
        reason=reason,
        blame=blame,
        expected=expected,
        actual=actual,
        exchanges=traces.ranges(),
        attempts=attempt,
        duration_ms=elapsed_ms,
        curl=tuple(text for _, text in commands),
        curl_exchanges=tuple(seq for seq, _ in commands),
        notes=tuple(evidence.notes),
    )


_Judgement = tuple[Outcome, str, Blame | None, str | None, str | None]


def _classify(error: BaseException | None, should: bool, evidence: Evidence, traces: Traces) -> _Judgement:
    match error:
        case None:
            return _passed(evidence, traces)
        case Finding():
            failed = Outcome.WARNED if should else Outcome.FAILED
            return failed, error.message, Blame.PRODUCT, error.expected, error.actual
        case AssertionError():
            failed = Outcome.WARNED if should else Outcome.FAILED
            return failed, _first_line(error) or "an assertion does not hold", Blame.PRODUCT, None, None
        case NotApplicable():
            return Outcome.NOT_APPLICABLE, error.reason, None, None, None
        case NotTested():
            return Outcome.NOT_TESTED, error.reason, _blame(error), None, None
        case Inconclusive():
            return Outcome.INCONCLUSIVE, error.reason, _blame(error), None, None
        case DeadlineExceeded():
            return Outcome.INCONCLUSIVE, f"no result within the declared {error}", Blame.PRODUCT, None, None
        case _:
            return Outcome.INCONCLUSIVE, _unexpected(error), Blame.HARNESS, None, None


def _passed(evidence: Evidence, traces: Traces) -> _Judgement:
    if not traces.ranges() and not evidence.notes:
        return (
            Outcome.INCONCLUSIVE,
            "the check ended without any exchange or note: no evidence",
            Blame.HARNESS,
            None,
            None,
        )
    return Outcome.PASSED, "", None, None, None


def _blame(error: Undecided) -> Blame | None:
    return Blame(error.blame) if error.blame else None


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:500]


def _unexpected(error: BaseException) -> str:
    """Say what happened and where in the check, without a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next(
        (f"{frame.name}, line {frame.lineno}" for frame in reversed(frames) if "/checks/" in frame.filename), ""
    )
    if type(error).__name__ == "Skipped":
        return f"the check skipped itself, which is never a pass: {_first_line(error)}"
    where = f" (in {place})" if place else ""
    return f"{type(error).__name__}: {_first_line(error)}{where}"
