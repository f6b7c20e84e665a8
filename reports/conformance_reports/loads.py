"""Load measurements, completed, and what is said of them: books, standing, shape, scale, marks.

A suite from elsewhere may leave out whatever it did not measure; nothing here demands more than a scenario's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.model.text import Text
from conformance_reports.charts import duration
from conformance_reports.words import has_word, word

Row = Mapping[str, Any]
#: A number that a measurement states: its name, its value, and whether it must not be so.
Number = tuple[str, Any, bool]

#: The percentiles that every measurement states, with the share of requests that are slower.
PERCENTILES = (("p50", 0.5), ("p90", 0.1), ("p95", 0.05), ("p99", 0.01), ("p999", 0.001))
#: Fewer answers than this say nothing about the 99.9th percentile.
P999_SAMPLES_MIN = 10_000

#: What each payment came to, and what must never happen; the order people read them in.
SETTLED = ("sent", "acknowledged", "rejected", "unknown", "booked")
WRONGS = (
    "lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked", "stuck", "accountsOff", "totalDrift",
)  # fmt: skip
#: Other proofs that a measurement may hold, and which of their numbers must be zero.
PROOFS = ("decisions", "replays", "twins", "altered", "uncovered", "duplicates", "samples", "sampling", "statement")
_NEVER = frozenset(
    {"different", "refused", "accepted", "undecided", "stuck", "denied", "violations", "unread", "overdrawn", "neither"}
    | {"missing", "early", "inserted", "vanished", "swapped", "accountsOff", "totalDrift"}
)
#: Where such a number may be: of two equal requests at once, refusing one is right; single payments may be refused.
_RIGHT = {"twins": frozenset({"refused"}), "money": frozenset({"refused"})}

#: Statements are sorted by name; people read these first.
_FIRST = (
    "made", "readings", "unknown", "byQuery", "byReplay", "entries", "confirmed", "moved", "stable", "entriesFirst",
    "entriesSecond", "same",
)  # fmt: skip
#: Quarters of a shorter run are too short to be compared.
_QUARTERS_MIN_S = 12

_UNSTATED = ["the measurement does not say whether it is valid"]


def completed(item: Row) -> dict[str, Any]:
    """Return ``item`` with every member that renderings read; one that states no validity counts as invalid."""
    return {
        "offered": {},
        "sent": 0,
        "confirmed": 0,
        "latencyUs": {},
        "timeline": [],
        "slo": {},
        "reconciliation": None,
        "validity": "invalid",
        "reasons": [] if "validity" in item else _UNSTATED,
        **item,
    }


def balance(item: Row) -> str:
    """Return the word for the state of a scenario's books: balanced, unbalanced or unreconciled."""
    reconciliation = item["reconciliation"]
    if reconciliation is None or unread(item):
        return "unreconciled"
    return "balanced" if reconciliation.get("balanced") else "unbalanced"


def unread(item: Row) -> str:
    """Return why the candidate's books could not be read; "" where they were."""
    return str((item.get("statement") or {}).get("unread") or "")


def shape_text(item: Row, *, brief: bool = False) -> Text:
    """Return what was offered as one line: rate, peak, shape, length and warm-up, unless ``brief`` connections too."""
    offered = item["offered"]
    rate, peak = offered.get("ratePerSecond"), offered.get("peakPerSecond")
    parts = [_filled("said_rate", rate=f"{rate:,}")] if rate else []
    if peak and peak != rate:
        parts.append(_filled("said_peak", peak=f"{peak:,}"))
    if shape := offered.get("arrivals"):
        parts.append(_known("shape", shape))
    if length := offered.get("durationS"):
        parts.append(_filled("said_length", seconds=f"{length:,}"))
    if warmup := offered.get("warmupS"):
        parts.append(_filled("said_warmup", seconds=warmup))
    if (connections := offered.get("connections")) and not brief:
        parts.append(_filled("said_connections", number=f"{connections:,}"))
    return _joined(parts)


def scale_factor_text(item: Row) -> Text | None:
    """Return by which factor a larger target was scaled, in words; None where it was not."""
    permille = item["offered"].get("scalePermille", 1000)
    if permille == 1000 or not permille:
        return None
    factor = f"1/{1000 // permille}" if 1000 % permille == 0 else f"{permille / 10:g} %"
    return _filled("scaled", factor=factor)


def apart_text(item: Row) -> Text | None:
    """Return what part of the load was never meant to be confirmed as a payment of its own; None where none was."""
    counts = item.get("counts", {})
    made = [
        ("apart_replayed", counts.get("replayed", 0) + counts.get("denied", 0)),
        ("apart_expected", counts.get("expected", 0)),
        ("apart_cut", counts.get("cut", 0)),
    ]
    parts = [_filled(key, number=f"{number:,}") for key, number in made if number]
    if not parts:
        return None
    joined = _joined(parts)
    return _filled_text("apart", parts=joined)


def money_text(item: Row) -> Text | None:
    """Return the books as one equation, such as “5,234 sent = 5,101 booked + 133 refused, 0 lost, 0 doubled”.

    The sign is ≠ where the books do not balance. None where nothing was reconciled.
    """
    books = item["reconciliation"]
    if not books or unread(item) or not {"sent", "booked"} <= set(books):
        return None
    rejected = books.get("rejected", 0)
    rest = books["sent"] - books["booked"] - rejected
    even = balance(item) == "balanced" and rest >= 0
    parts = [("money_booked", books["booked"]), ("money_refused", rejected)]
    parts += [("money_open", rest)] if even and rest else []
    terms = [_filled(key, number=f"{number:,}") for key, number in parts]
    wrong = [name for name in WRONGS if name in ("lost", "doubled") or books.get(name)]
    wrongs = [
        Text(f"{books.get(name, 0):,} {word(name).en}", f"{word(name).zh} {books.get(name, 0):,}") for name in wrong
    ]
    return Text(
        f"{books['sent']:,} {word('money_sent').en} {'=' if even else '≠'} {' + '.join(term.en for term in terms)}, "
        + ", ".join(text.en for text in wrongs),
        f"{word('money_sent').zh} {books['sent']:,} {'=' if even else '≠'} {' + '.join(term.zh for term in terms)}，"
        + "，".join(text.zh for text in wrongs),
    )


def mark_text(index: int, mark: Row) -> Text:
    """Return a mark as it stands in a chart: a letter that the list below repeats, and what kind it is."""
    kind = _known("mark", mark.get("kind", ""))
    return Text(f"{letter(index)} {kind.en}".strip(), f"{letter(index)} {kind.zh}".strip())


def letter(index: int) -> str:
    """Return A, B, …, Z, A2, B2, … for a mark."""
    return chr(ord("A") + index % 26) + (str(index // 26 + 1) if index >= 26 else "")


def marks_of(item: Row) -> list[Row]:
    """Return the bursts and disturbances of a measurement, in ms from the first measured second.

    A burst that is no mark of its own comes first.
    """
    warmup_ms = (item["offered"].get("warmupS") or 0) * 1000
    marks = [_moved(mark, warmup_ms) for mark in item.get("marks") or ()]
    burst = item.get("burst") or {}
    if "fromS" in burst and not any(mark.get("kind") == "burst" for mark in marks):
        marks.insert(0, {"atMs": burst["fromS"] * 1000, "endMs": burst["endS"] * 1000, "kind": "burst"})
    return marks


def _moved(mark: Row, warmup_ms: int) -> Row:
    """Marks count from the epoch, where the warm-up begins; the timeline begins after it."""
    begin = mark["atMs"] - warmup_ms
    return {**mark, "atMs": begin, "endMs": mark.get("endMs", mark["atMs"]) - warmup_ms}


def notices(item: Row) -> Iterator[Text]:
    """Yield what must not be overlooked, whatever the measurement is worth: an early end, and unasked answers."""
    if aborted := item.get("aborted"):
        yield Text(f"{word('aborted').en}: {aborted}", f"{word('aborted').zh}：{aborted}")
    if surplus := (item.get("generator") or {}).get("surplus"):
        yield Text(f"{word('surplus').en}: {surplus:,}", f"{word('surplus').zh}：{surplus:,}")


def remarks(item: Row) -> Iterator[tuple[Text, Text, bool]]:
    """Yield what was found of disturbances, bursts, ramps and long runs: a title, a text, and whether it is bad."""
    found = item.get("disturbance") or []
    for row in [found] if isinstance(found, Mapping) else found:
        resumed = row.get("resumed")
        yield _recovered(_known("mark", row.get("kind", "")), row, resumed)
    if burst := item.get("burst"):
        yield _recovered(word("mark.burst"), burst, None)
    if item.get("ramp"):
        yield _ramp(item["ramp"])
    soak = item.get("soak") or {}
    # A disturbance slows its own quarter down; that is no decay.
    if soak.get("firstUs") and not found and item["offered"].get("durationS", 0) >= _QUARTERS_MIN_S:
        yield word("soak"), _filled("soak_found", first=duration(soak["firstUs"]), last=duration(soak["lastUs"])), False
    if soak.get("silentFromS") is not None and not found:
        yield word("soak"), _filled("soak_silent", s=f"{soak['silentFromS']:,}"), True


def _recovered(title: Text, row: Row, resumed: object) -> tuple[Text, Text, bool]:
    after = row.get("recoveredMs")
    text = word("not_recovered") if after is None else _filled("recovered_in", took=duration(after * 1000))
    if resumed is not None:
        text = _joined([text, word("resumed" if resumed else "not_resumed")])
    if failure := row.get("failure"):
        text = Text(f"{word('not_made').en}: {failure}", f"{word('not_made').zh}：{failure}")
    most = row.get("limitMs", row.get("recoveryMsMax", after))
    return title, text, after is None or after > most or resumed is False


def _ramp(found: Row) -> tuple[Text, Text, bool]:
    fall = found.get("cliff")
    if not fall:
        return word("shape.ramp"), word("no_cliff"), False
    numbers = {name: f"{fall.get(name, 0):,}" for name in ("s", "offered", "answered")}
    return word("shape.ramp"), _filled("cliff", **numbers), True


def wrongs_found(item: Row) -> list[str]:
    """Return the classes of money errors that the books show."""
    books = item["reconciliation"] or {}
    return [name for name in WRONGS if books.get(name)]


def proofs(item: Row) -> Iterator[tuple[str, list[Number]]]:
    """Yield the other proofs of a measurement: the name of each and its numbers."""
    for name in PROOFS:
        if numbers := numbers_of(name, item.get(name)):
            yield name, numbers


def numbers_of(name: str, found: object) -> list[Number]:
    """Return the plain numbers of one proof in reading order, each with whether it must not be so."""
    if not isinstance(found, Mapping):
        return []
    keys = sorted((key for key, value in found.items() if _is_said(value)), key=_place)
    return [(key, found[key], _is_wrong(name, key, found[key])) for key in keys]


def word_or(prefix: str, value: object) -> Text:
    """Return the word for a value that a measurement names, or the value itself where this package has none."""
    return _known(prefix, value)


def _place(key: str) -> tuple[int, str]:
    return (_FIRST.index(key) if key in _FIRST else len(_FIRST)), key


def _is_wrong(name: str, key: str, value: object) -> bool:
    if key == "stable":
        return value is False
    return bool(value) and key in _NEVER and key not in _RIGHT.get(name, ())


def _is_said(value: object) -> bool:
    return isinstance(value, str | int) and value != ""


def _known(prefix: str, value: object) -> Text:
    key = f"{prefix}.{value}"
    return word(key) if has_word(key) else Text(str(value))


def _filled(key: str, **values: object) -> Text:
    text = word(key)
    return Text(text.en.format(**values), text.zh.format(**values))


def _filled_text(key: str, **values: Text) -> Text:
    text = word(key)
    return Text(
        text.en.format(**{name: value.en for name, value in values.items()}),
        text.zh.format(**{name: value.in_language("zh-CN") for name, value in values.items()}),
    )


def _joined(parts: Sequence[Text]) -> Text:
    return Text(", ".join(part.en for part in parts), "，".join(part.in_language("zh-CN") for part in parts))
