"""What the HTML page shows of a load scenario, worked out before any markup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.model.text import Text
from conformance_reports.charts import FRAMES, Chart, Frame
from conformance_reports.limits import Limit, limits_of
from conformance_reports.load_charts import latency_chart, rate_chart, search_chart, step_text, time_chart
from conformance_reports.loads import (
    P999_SAMPLES_MIN,
    Number,
    Row,
    apart_text,
    balance,
    letter,
    marks_of,
    money_text,
    notices,
    numbers_of,
    remarks,
    scale_factor_text,
    shape_text,
    word_or,
)
from conformance_reports.reading import Report
from conformance_reports.standing import Standing, standing, unjudged
from conformance_reports.words import word

#: The lines of each chart in the order of its legend; bars, limits, bands and symbols are no lines.
_LEGENDS = {
    "rate": ("offered", "confirmed", "broken", "refused", "limit", "band"),
    "time": ("p99_each", "lag_each", "lag_whole", "limit", "band"),
    "latency": ("response_time", "service_time", "lag", "limit"),
    "search": ("met", "missed", "void", "best"),
}
_NAMES = {"broken": "bar_broken", "refused": "bar_refused", "band": "marks", "best": "best_rate"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart for wide and narrow screens, with its title, what it shows, and its legend."""

    name: str
    drawings: tuple[Chart, ...]
    title: Text
    description: Text
    x_title: Text
    legend: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class MarkRow:
    """A burst or disturbance as the list under the charts says it; ``seconds`` is when."""

    letter: str
    kind: Text
    label: str
    seconds: str


@dataclass(frozen=True, slots=True)
class StreamRow:
    """One stream of a scenario with its limits; ``row`` is its part of the measurement."""

    row: Row
    limits: tuple[Limit, ...]
    money: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class LoadCard:
    """A load scenario with its standing, charts and comparisons; ``notices`` are what its reasons do not say."""

    item: Row
    standing: Standing
    notices: tuple[Text, ...]
    readers: tuple[Row, ...]
    shape: Text
    scale: Text | None
    apart: Text | None
    money: Text | None
    figures: tuple[Figure, ...]
    marks: tuple[MarkRow, ...]
    remarks: tuple[tuple[Text, Text, bool], ...]
    limits: tuple[Limit, ...]
    streams: tuple[StreamRow, ...]
    balance: str
    few_samples: bool
    unjudged: bool


def load_cards(report: Report) -> list[LoadCard]:
    """Return the load scenarios in the order of the statement."""
    return [_card(item, tuple(report.readers_of(item["scenario"]))) for item in report.loads]


def _card(item: Row, readers: tuple[Row, ...]) -> LoadCard:
    limits, found = tuple(limits_of(item)), standing(item, readers)
    return LoadCard(
        item,
        found,
        tuple(notice for notice in notices(item) if notice not in found.reasons),
        readers,
        shape_text(item),
        scale_factor_text(item),
        apart_text(item),
        money_text(item),
        tuple(figure for name, draw, x in _CHARTS if (figure := _figure(item, name, draw, x))),
        tuple(_mark(index, mark) for index, mark in enumerate(marks_of(item))),
        tuple(remarks(item)),
        limits,
        tuple(_stream(row) for row in item.get("streams", ())),
        balance(item),
        0 < item["latencyUs"].get("response", {}).get("count", 0) < P999_SAMPLES_MIN,
        unjudged(item, readers),
    )


_CHARTS: tuple[tuple[str, Callable[[Row, Frame], Chart | None], str], ...] = (
    ("search", search_chart, "trial"),
    ("rate", rate_chart, "seconds"),
    ("time", time_chart, "seconds"),
    ("latency", latency_chart, "percentile"),
)


def _figure(item: Row, name: str, draw: Callable[[Row, Frame], Chart | None], x: str) -> Figure | None:
    drawings = [chart for frame in FRAMES if (chart := draw(item, frame))]
    if not drawings:
        return None
    return Figure(
        name,
        tuple(drawings),
        word(f"{name}_chart"),
        _described(item, name, drawings[0]),
        word(x),
        tuple((key, _legend_word(key)) for key in _LEGENDS[name] if _is_drawn(key, drawings[0])),
    )


def _described(item: Row, name: str, chart: Chart) -> Text:
    parts = [word(f"{name}_desc")]
    if name in ("rate", "time") and (steps := step_text(item)):
        parts.append(steps)
    if chart.whiskers:
        parts.append(word("whisker_desc"))
    return Text(" ".join(part.en for part in parts), "".join(part.zh for part in parts))


def _is_drawn(key: str, chart: Chart) -> bool:
    parts = {
        "broken": chart.broken,
        "refused": chart.refused,
        "band": chart.bands,
        "limit": chart.limits,
        "best": chart.limits,
    }
    if key in parts:
        return bool(parts[key])
    return any(line.name == key for line in chart.series) or any(symbol.kind == key for symbol in chart.symbols)


def _legend_word(key: str) -> Text:
    long = {"lag": "lag_long", "p99_each": "p99_each_long", "lag_each": "lag_each_long", "lag_whole": "lag_whole_long"}
    return word(long.get(key, _NAMES.get(key, key)))


def _stream(row: Row) -> StreamRow:
    return StreamRow(row, tuple(limits_of(row)), tuple(numbers_of("money", row.get("money"))))


def _mark(index: int, mark: Row) -> MarkRow:
    begin, end = mark["atMs"] / 1000, mark.get("endMs", mark["atMs"]) / 1000
    seconds = f"{begin:.1f} s" if begin == end else f"{begin:.1f}–{end:.1f} s"
    return MarkRow(letter(index), word_or("mark", mark.get("kind", "")), str(mark.get("label", "")), seconds)
