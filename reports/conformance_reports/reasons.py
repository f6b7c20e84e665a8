"""The reasons of a verdict, in both languages and at a length that people read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.model.text import Text
from conformance_reports.words import outcome_text, scale_text

#: Longer reasons are cut between two names; the whole follows on demand.
LENGTH_MAX = 160

_FAILED = re.compile(r"(?P<id>.+) failed \((?P<severity>critical|high|medium|low)\)")
_UNDECIDED = re.compile(
    r"(?P<count>\d+) (?P<outcome>inconclusive|not tested), at most (?P<allowed>\d+) allowed: (?P<ids>.*)", re.DOTALL
)
_NOTHING = "no selected requirement passed"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason; ``brief`` is cut where ``whole`` is long."""

    brief: Text
    whole: Text

    @property
    def is_cut(self) -> bool:
        """Tell whether ``brief`` leaves something out."""
        return self.brief != self.whole


def reason(text: str) -> Reason:
    """Return a reason as the decision rule words it, translated where its form is known."""
    whole = _translated(text)
    return Reason(Text(_brief(whole.en), _brief(whole.zh)), whole)


def _translated(text: str) -> Text:
    if match := _FAILED.fullmatch(text):
        return Text(text, f"{match['id']} 不通过（{scale_text(match['severity']).zh}）")
    if match := _UNDECIDED.fullmatch(text):
        said = outcome_text(match["outcome"]).zh
        return Text(text, f"{said} {match['count']} 项，至多允许 {match['allowed']} 项：{match['ids']}")
    return Text(text, "没有任何所选要求通过") if text == _NOTHING else Text(text, text)


def _brief(text: str) -> str:
    if len(text) <= LENGTH_MAX:
        return text
    head, separator, _tail = text[:LENGTH_MAX].rpartition(", ")
    return f"{head if separator else text[:LENGTH_MAX]} …"
