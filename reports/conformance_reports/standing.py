"""How a load scenario stands: pass, fail, invalid or inconclusive, and why.

An invalid measurement has measured the generator; it can neither pass nor fail, whatever its numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model.outcome import Outcome
from conformance.model.text import Text
from conformance_reports.limits import Limit, all_limits_of
from conformance_reports.loads import Row, balance, numbers_of, unread, word_or, wrongs_found
from conformance_reports.words import word

#: The standings, with the mark and the outcome whose looks each has.
MARKS = {"pass": "✓", "fail": "✗", "invalid": "⊘", "undecided": "?"}


@dataclass(frozen=True, slots=True)
class Standing:
    """``value`` is pass, fail, invalid or undecided; ``reasons`` say why it is no pass."""

    value: str
    reasons: tuple[Text, ...] = ()

    @property
    def title(self) -> Text:
        """Return the word for people."""
        return word(f"standing.{self.value}")

    @property
    def mark(self) -> str:
        """Return the sign that goes with the word."""
        return MARKS[self.value]


def standing(item: Row, readers: Sequence[Row]) -> Standing:
    """Return how a scenario stands by the outcomes of the checks that read it, by its limits and by its books."""
    if item["validity"] != "valid":
        return Standing("invalid", tuple(Text(str(reason)) for reason in item["reasons"]))
    if reasons := _failures(item, readers):
        return Standing("fail", tuple(reasons))
    open_ = [row["check"] for row in readers if row["outcome"] == Outcome.INCONCLUSIVE]
    if open_:
        return Standing("undecided", (_naming("standing_open", open_),))
    if why := unread(item):
        return Standing("undecided", (_said("unread", why),))
    judged = [row for row in readers if row["outcome"] != Outcome.NOT_TESTED]
    if judged or any(limit.met for limit in all_limits_of(item)) or balance(item) == "balanced":
        return Standing("pass")
    return Standing("undecided", (word("standing_nothing"),))


def _failures(item: Row, readers: Sequence[Row]) -> list[Text]:
    reasons = []
    if failed := [row["check"] for row in readers if row["outcome"] == Outcome.FAILED]:
        reasons.append(_naming("standing_failed", failed))
    reasons += [_missed(limit) for limit in all_limits_of(item) if limit.met is False]
    if balance(item) == "unbalanced":
        reasons.append(_wrong_books(item))
    for row in item.get("streams", ()):
        if wrong := [(key, value) for key, value, bad in numbers_of("money", row.get("money")) if bad]:
            en = ", ".join(f"{word_or('number', key).en} {value}" for key, value in wrong)
            zh = "，".join(f"{word_or('number', key).in_language('zh-CN')} {value}" for key, value in wrong)
            reasons.append(Text(f"{row['name']}: {en}", f"{row['name']}：{zh}"))
    if item.get("aborted"):
        reasons.append(_said("aborted", str(item["aborted"])))
    return reasons


def _missed(limit: Limit) -> Text:
    return Text(
        f"{limit.title.en}: {limit.measured}, {word('allowed').en} {limit.allowed}",
        f"{limit.title.in_language('zh-CN')}：{limit.measured}，{word('allowed').zh} {limit.allowed}",
    )


def _wrong_books(item: Row) -> Text:
    found = [(word(name), item["reconciliation"][name]) for name in wrongs_found(item)]
    en = ", ".join(f"{value:,} {text.en}" for text, value in found)
    zh = "，".join(f"{text.zh} {value:,}" for text, value in found)
    return _said("unbalanced", en, zh) if found else word("unbalanced")


def _naming(key: str, names: Sequence[str]) -> Text:
    return _said(key, ", ".join(names[:8]) + (f" +{len(names) - 8}" if len(names) > 8 else ""))


def _said(key: str, en: str, zh: str = "") -> Text:
    return Text(f"{word(key).en}: {en}", f"{word(key).zh}：{zh or en}")
