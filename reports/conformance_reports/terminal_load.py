"""Load scenarios on a terminal: each as its standing and a few labelled lines that fit a narrow screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.table import Table
from rich.text import Text as Line

from conformance.model.text import Text
from conformance_reports.charts import duration, percentile_name
from conformance_reports.limits import Limit, limits_of
from conformance_reports.loads import (
    PERCENTILES,
    Row,
    balance,
    money_text,
    notices,
    remarks,
    scale_factor_text,
    shape_text,
)
from conformance_reports.standing import standing
from conformance_reports.visible import one_line
from conformance_reports.words import word

_STYLES = {
    "pass": "bold green",
    "warned": "bold yellow",
    "fail": "bold red",
    "invalid": "bold magenta reverse",
    "undecided": "bold magenta",
}

Say = Callable[[Text], str]
#: A label, what stands beside it, and whether that is bad news.
Entry = tuple[str, str, bool]


def heading(item: Row, readers: list[Row], say: Say) -> Line:
    """Return the line with a scenario's standing and name."""
    found = standing(item, readers)
    line = Line(f"{found.mark} {say(found.title)}", style=_STYLES[found.value])
    return line.append(f"  {one_line(item['scenario'])}", style="bold not reverse default")


def table(item: Row, readers: list[Row], say: Say) -> Table:
    """Return the lines under the heading: reasons first, then rates, times, money, and what else there is."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(max_width=16, overflow="fold", style="dim")
    made.add_column(overflow="fold")
    for label, text, bad in _entries(item, readers, say):
        made.add_row(label, Line(one_line(text), style="bold red" if bad else ""))
    return made


def _entries(item: Row, readers: list[Row], say: Say) -> Iterator[Entry]:
    limits = limits_of(item)
    found = standing(item, readers)
    for reason in found.reasons:
        yield say(word("because")), say(reason), found.value in ("fail", "invalid")
    for notice in notices(item):
        if notice not in found.reasons:
            yield "", say(notice), True
    yield say(word("rate")), _rates(item, say), False
    if scaled := scale_factor_text(item):
        yield "", say(scaled), False
    yield from _times(item, limits, say)
    money = money_text(item)
    yield say(word("money")), say(money) if money else say(word(balance(item))), balance(item) == "unbalanced"
    yield from _streams(item, say)
    yield from _search(item, say)
    for title, text, bad in remarks(item):
        yield say(title), say(text), bad


def _rates(item: Row, say: Say) -> str:
    numbers = [f"{item['confirmed']:,} {say(word('said_confirmed'))}"]
    due = item["offered"].get("due")
    numbers.append(f"{due:,} {say(word('said_due'))}" if due else f"{item['sent']:,} {say(word('said_sent'))}")
    return "; ".join(part for part in (say(shape_text(item, brief=True)), ", ".join(numbers)) if part)


def _times(item: Row, limits: list[Limit], say: Say) -> Iterator[Entry]:
    latency = item["latencyUs"]
    response = latency.get("response", {})
    limited = {limit.name.removesuffix("MsMax"): limit for limit in limits if limit.measured}
    for key, _share in PERCENTILES:
        if key in limited:
            yield percentile_name(key), _compared(limited[key], say), limited[key].met is False
        elif key in ("p50", "p99") and response.get(key) is not None:
            yield key, duration(response[key]), False
    lag = latency.get("lag", {}).get("p99")
    if lag is not None:
        yield f"{say(word('lag'))} p99", duration(lag), False


def _streams(item: Row, say: Say) -> Iterator[Entry]:
    for row in item.get("streams", ()):
        if row.get("absent"):
            yield row["name"], say(word("absent")), False
            continue
        limits = [limit for limit in limits_of(row) if limit.met is not None]
        missed = [limit for limit in limits if not limit.met]
        times = [f"{key} {duration(row['latencyUs']['response'][key])}" for key in ("p99",) if _has(row, key)]
        parts = [f"{row.get('confirmed', 0):,}/{row.get('sent', 0):,}", *times]
        parts += [f"✗ {say(limit.title)} {limit.allowed}" for limit in missed]
        yield one_line(row["name"]), " · ".join(parts), bool(missed)


def _has(row: Row, key: str) -> bool:
    return row.get("latencyUs", {}).get("response", {}).get(key) is not None


def _search(item: Row, say: Say) -> Iterator[Entry]:
    search = item.get("search")
    if not search:
        return
    if not search.get("best"):
        yield say(word("search_best")), say(word("best_none")), True
        return
    text = f"{search['best']:,}/s, {say(word('best_exact' if search.get('exact') else 'best_open'))}"
    if search.get("failed"):
        text += f"; {say(word('best_failed'))} {search['failed']:,}/s"
    yield say(word("search_best")), text, False


def _compared(limit: Limit, say: Say) -> str:
    state = "" if limit.met else f", {say(word('missed'))}"
    return f"{limit.measured} ({limit.allowed}{state})"
