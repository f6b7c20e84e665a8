"""Service levels of a load scenario: what was allowed, what was measured, and whether that is within."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from conformance.model.text import Text
from conformance_reports.charts import duration, percentile_name
from conformance_reports.loads import PERCENTILES, Row
from conformance_reports.words import has_word, word

_LATENCY = re.compile(r"(p\d+)MsMax")


@dataclass(frozen=True, slots=True)
class Limit:
    """A service level: its member in the measurement, its title, both values, and whether it was met.

    ``met`` is None where nothing was measured that it could be compared with.
    """

    name: str
    title: Text
    allowed: str
    measured: str
    met: bool | None


def limits_of(item: Row) -> list[Limit]:
    """Return the service levels of a measurement, or of one of its streams, in the order of their names."""
    return [_limit(item, name, allowed) for name, allowed in sorted(item.get("slo", {}).items())]


def all_limits_of(item: Row) -> list[Limit]:
    """Return the service levels of a measurement and those of its streams, whose titles then name the stream."""
    own = limits_of(item)
    for row in item.get("streams", ()):
        own += [replace(limit, title=_of_stream(row, limit.title)) for limit in limits_of(row) if not row.get("absent")]
    return own


def latency_limits(item: Row) -> list[tuple[str, int]]:
    """Return the latency limits of a scenario as pairs of a percentile's name and microseconds."""
    found = ((_LATENCY.fullmatch(name), value) for name, value in sorted(item["slo"].items()))
    known = dict(PERCENTILES)
    return [(match[1], int(value) * 1000) for match, value in found if match and match[1] in known]


def _limit(item: Row, name: str, allowed: Any) -> Limit:
    match = _LATENCY.fullmatch(name)
    if match:
        return _latency(item, name, match[1], allowed)
    title = word(f"slo.{name}") if has_word(f"slo.{name}") else Text(name)
    compare = _COMPARISONS.get(name)
    found = compare(item, allowed) if compare else None
    return Limit(name, title, *(found or (str(allowed), "", None)))


def _of_stream(row: Row, title: Text) -> Text:
    return Text(f"{row['name']} {title.en}", f"{row['name']} {title.in_language('zh-CN')}")


def _latency(item: Row, name: str, percentile: str, allowed: int) -> Limit:
    measured = item.get("latencyUs", {}).get("response", {}).get(percentile)
    title = Text(percentile_name(percentile))
    most = f"≤ {duration(allowed * 1000)}"
    if measured is None:
        return Limit(name, title, most, "", None)
    return Limit(name, title, most, duration(measured), measured <= allowed * 1000)


_Found = tuple[str, str, bool | None]


def _errors(item: Row, allowed: int) -> _Found | None:
    counts = item.get("counts")
    if counts is None:
        return None
    broken, sent = counts.get("broken", 0) + counts.get("unsent", 0), item.get("sent", 0)
    return f"≤ {_percent(allowed)}", _share(broken, sent), broken * 1000 <= max(sent, 1) * allowed


def _confirmed(item: Row, allowed: int) -> _Found | None:
    due = item.get("offered", {}).get("due") or item.get("due") or item.get("sent")
    if not due:
        return None
    confirmed = item.get("confirmed", 0)
    return f"≥ {_percent(allowed)}", _share(confirmed, due), confirmed * 1000 >= due * allowed


def _rate(item: Row, allowed: int) -> _Found | None:
    length = item.get("offered", {}).get("durationS")
    if not length:
        return None
    confirmed = item.get("confirmed", 0)
    return f"≥ {allowed:,}/s", f"{confirmed / length:,.1f}/s", confirmed >= allowed * length


def _recovered(item: Row, allowed: int) -> _Found | None:
    recovery = item.get("recovery")
    if not recovery:
        return None
    after, back = recovery.get("afterUs"), recovery.get("recoveredMs") is not None
    return f"≤ {duration(allowed * 1000)}", duration(after) if after else "—", back


def _recovery(item: Row, allowed: int) -> _Found | None:
    recovery = item.get("recovery")
    if not recovery:
        return None
    took = recovery.get("recoveredMs")
    most = f"≤ {duration(allowed * 1_000_000)}"
    return (most, "—", False) if took is None else (most, duration(took * 1000), took <= allowed * 1000)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.2f} %" if part else "0 %"


def _percent(permille: int) -> str:
    return f"{permille / 10:g} %"


_COMPARISONS: dict[str, Callable[[Row, int], _Found | None]] = {
    "errorPermilleMax": _errors,
    "confirmedPermilleMin": _confirmed,
    "ratePerSecondMin": _rate,
    "recoveredMsMax": _recovered,
    "recoverySMax": _recovery,
}
