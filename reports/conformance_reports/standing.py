"""How a load scenario stands: pass, warned, fail, invalid or inconclusive, and why.

An invalid measurement has measured the generator; it can neither pass nor fail, whatever its numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model.outcome import Outcome
from conformance.model.text import Text
from conformance_reports.limits import Limit, all_limits_of
from conformance_reports.loads import Row, balance, notices, unread, wrongs_found
from conformance_reports.words import word

#: The standings, with the mark and the outcome whose looks each has.
MARKS = {"pass": "✓", "warned": "!", "fail": "✗", "invalid": "⊘", "undecided": "?"}


@dataclass(frozen=True, slots=True)
class Standing:
    """``value`` is pass, warned, fail, invalid or undecided; ``reasons`` say why it is no pass."""

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
    """Return how a scenario stands by the outcomes of the checks that read it; without any, by its limits and books.

    Checks may judge other things than the limits: what is killed under load has errors, and should. Books that do not
    balance, pressure that had to end early, and answers that nobody asked for fail a scenario whatever its checks say.
    """
    if item["validity"] != "valid":
        return Standing("invalid", tuple(Text(str(reason)) for reason in item["reasons"]))
    if reasons := _failures(item, readers):
        return Standing("fail", tuple(reasons))
    for value, outcome in (("undecided", Outcome.INCONCLUSIVE), ("warned", Outcome.WARNED)):
        if names := _checks(readers, outcome):
            return Standing(value, (_naming(f"standing_{value}", names),))
    if why := unread(item):
        return Standing("undecided", (_said("unread", why),))
    if _judges(readers) or any(limit.met for limit in all_limits_of(item)) or balance(item) == "balanced":
        return Standing("pass")
    return Standing("undecided", (word("standing_nothing"),))


def unjudged(item: Row, readers: Sequence[Row]) -> bool:
    """Tell whether a limit was missed that no check of the scenario judges."""
    found = standing(item, readers).value
    return found in ("pass", "undecided") and any(limit.met is False for limit in all_limits_of(item))


def _failures(item: Row, readers: Sequence[Row]) -> list[Text]:
    reasons = []
    failed = _checks(readers, Outcome.FAILED)
    if failed:
        reasons.append(_naming("standing_failed", failed))
    if failed or not _judges(readers):
        reasons += [_missed(limit) for limit in all_limits_of(item) if limit.met is False]
    if balance(item) == "unbalanced":
        reasons.append(_wrong_books(item))
    reasons += [_off(row, off) for row in item.get("streams", ()) if (off := _money_off(row))]
    return [*reasons, *notices(item)]


def _checks(readers: Sequence[Row], outcome: Outcome) -> list[str]:
    return [row["check"] for row in readers if row["outcome"] == outcome]


def _judges(readers: Sequence[Row]) -> bool:
    return any(row["outcome"] not in (Outcome.NOT_TESTED, Outcome.NOT_APPLICABLE) for row in readers)


def _money_off(stream: Row) -> list[tuple[str, int]]:
    money = stream.get("money") or {}
    return [(key, money[key]) for key in ("accountsOff", "totalDrift") if money.get(key)]


def _off(stream: Row, off: Sequence[tuple[str, int]]) -> Text:
    en = ", ".join(f"{word(key).en} {value:,}" for key, value in off)
    zh = "，".join(f"{word(key).zh} {value:,}" for key, value in off)
    return Text(f"{stream['name']}: {en}", f"{stream['name']}：{zh}")


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
