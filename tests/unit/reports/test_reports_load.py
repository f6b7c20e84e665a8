"""Load scenarios in the renderings: how they stand, what is said of their money, and their charts."""

from __future__ import annotations

import json
import re
import unicodedata

import load_samples
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_reports_html import Page, attacked

from conformance_reports import charts, html, load_cards, load_charts, loads, terminal
from conformance_reports.limits import all_limits_of, limits_of
from conformance_reports.loads import completed
from conformance_reports.reading import Report
from conformance_reports.standing import standing
from conformance_reports.words import words


@pytest.fixture
def loaded(statement):
    """The sample report with the four sample scenarios; LOAD-01 reads the burst, LOAD-02 the killed one."""
    predicate = statement["predicate"]
    predicate["load"] = load_samples.all_samples()
    readers = {"LOAD-01": ["payments-burst"], "LOAD-02": ["shop-day"]}
    for row in predicate["plan"]["checks"]:
        row["scenarios"] = readers.get(row["id"], [])
    return statement


def load_section(document):
    return document[document.index('<section id="load"') : document.index("</section>", document.index('id="load"'))]


def load_lines(statement, width, language="en"):
    text = terminal.render_text(statement, width, color=False, language=language)
    begin, end = {"en": ("Load\n", "\nCalibration\n"), "zh-CN": ("负载\n", "\n校准\n")}[language]
    return text[text.index(f"\n{begin}") + 1 : text.index(end)]


def numbers(path):
    return [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?", path)]


@pytest.mark.parametrize(("language", "width"), [("en", 60), ("en", 100), ("zh-CN", 60)])
def test_terminal_golden(loaded, golden, language, width):
    golden(f"load-terminal-{language}-{width}.txt", load_lines(loaded, width, language))


def test_page_golden(loaded, golden):
    loaded["predicate"]["load"] = [load_samples.killed(), load_samples.searched()]
    golden("load-section.html", load_section(html.document(loaded)) + "\n")


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_line_is_wider_than_the_screen(loaded, width, language):
    for line in load_lines(loaded, width, language).splitlines():
        assert sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line) <= width


def test_each_scenario_has_its_standing(loaded):
    cards = load_cards.load_cards(Report.of(loaded))
    assert [card.standing.value for card in cards] == ["pass", "fail", "pass", "invalid"]
    section = "".join(Page(load_section(html.document(loaded))).text)
    assert [name for name in ("PASS", "FAIL", "INVALID") if name in section] == ["PASS", "FAIL", "INVALID"]


def test_invalid_dominates_whatever_the_checks_say():
    item = completed(load_samples.killed() | {"validity": "invalid", "reasons": ["a worker was lost"]})
    found = standing(item, [{"check": "LOAD-02", "outcome": "failed"}])
    assert (found.value, [text.en for text in found.reasons]) == ("invalid", ["a worker was lost"])


@pytest.mark.parametrize(
    ("change", "outcome", "value"),
    [
        ({}, "passed", "pass"),
        ({}, "failed", "fail"),
        ({}, "inconclusive", "undecided"),
        ({}, "warned", "warned"),
        ({"slo": {"p99MsMax": 1}}, "passed", "pass"),
        ({"slo": {"p99MsMax": 1}}, "not tested", "fail"),
        ({"slo": {"p99MsMax": 1}}, "not applicable", "fail"),
        ({"reconciliation": load_samples.books(9, 8, 0, lost=1)}, "passed", "fail"),
        ({"aborted": "the 99th percentile is above 500 ms for certain"}, "passed", "fail"),
        ({"generator": {"surplus": 1}}, "passed", "fail"),
        ({"generator": {"surplus": 0}}, "passed", "pass"),
        ({"slo": {}, "reconciliation": None}, "not tested", "undecided"),
        ({"slo": {"p99MsMax": 500}, "reconciliation": None}, "not tested", "pass"),
        ({"streams": [{"name": "query", "slo": {"p99MsMax": 1}, "latencyUs": load_samples.latencies(9000, 50)}]},
         "not tested", "fail"),
    ],
)  # fmt: skip
def test_a_standing_follows_from_checks_limits_and_books(change, outcome, value):
    item = completed(load_samples.burst() | change)
    assert standing(item, [{"check": "LOAD-01", "outcome": outcome}]).value == value


@pytest.mark.parametrize("validity", ["valid", "invalid"])
def test_an_early_end_and_unasked_answers_are_said_once_each_in_both_languages_however_valid(loaded, validity):
    item = loaded["predicate"]["load"][0]
    item |= {
        "aborted": "6 of 100 broke",
        "validity": validity,
        "reasons": ["too busy"] if validity == "invalid" else [],
    }
    item["generator"]["surplus"] = 1234
    said = {
        "en": ("Ended early: 6 of 100 broke", "Answers that nobody had asked for: 1,234"),
        "zh-CN": ("提前终止：6 of 100 broke", "无人请求的应答：1,234"),
    }
    page = html.document(loaded)
    for language, sentences in said.items():
        lines = " ".join(load_lines(loaded, 200, language).split())
        for sentence in sentences:
            assert page.count(sentence) == 1
            assert lines.count(sentence) == 1


def test_a_missed_limit_that_no_check_judges_is_said_to_count_for_nothing(loaded):
    loaded["predicate"]["load"][0]["slo"] = {"p99MsMax": 1}
    [card, *_] = load_cards.load_cards(Report.of(loaded))
    assert (card.standing.value, card.unjudged) == ("pass", True)
    assert "Limits that are missed here do not count" in html.document(loaded)


def test_books_that_were_not_read_are_neither_even_nor_uneven():
    change = {"statement": {"unread": "no statement came"}, "reconciliation": load_samples.books(9, 0, 0, lost=9)}
    item = completed(load_samples.burst() | change)
    found = standing(item, [{"check": "LOAD-01", "outcome": "passed"}])
    assert found.value == "undecided"
    assert [text.en for text in found.reasons] == ["the books could not be read: no statement came"]
    assert (loads.balance(item), loads.money_text(item)) == ("unreconciled", None)


def test_money_of_a_stream_that_is_off_fails_the_scenario():
    item = completed(load_samples.burst())
    item["streams"] = [{"name": "refund", "slo": {}, "money": {"refused": 3, "accountsOff": 1, "totalDrift": 0}}]
    found = standing(item, [{"check": "LOAD-01", "outcome": "passed"}])
    assert [text.en for text in found.reasons] == ["refund: accounts off 1"]


def test_marks_count_from_the_warm_up_and_are_drawn_from_the_first_measured_second():
    item = completed(load_samples.killed())
    first = loads.marks_of(item)[0]
    assert (first["atMs"], first["endMs"]) == (3400, 5200)


def test_money_is_one_equation_only_where_it_is_true():
    burst, killed = completed(load_samples.burst()), completed(load_samples.killed())
    assert loads.money_text(burst).en == "600 sent = 580 booked + 20 refused, 0 lost, 0 booked twice"
    assert loads.money_text(killed).en.startswith("1,180 sent ≠ 1,157 booked + 20 refused, 3 lost")
    unknown = load_samples.books(10, 8, 1) | {"unknown": 1}
    assert "10 sent = 8 booked + 1 refused + 1 neither" in loads.money_text({"reconciliation": unknown}).en
    assert loads.money_text({"reconciliation": None}) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_an_equals_sign_is_never_wrong(sent, booked, rejected, balanced):
    found = load_samples.books(sent, booked, rejected) | {"balanced": balanced}
    text = loads.money_text({"reconciliation": found}).en
    left, sign, right = re.fullmatch(r"([\d,]+) sent (=|≠) (.*), 0 lost, 0 booked twice", text).groups()
    total = sum(int(part.split()[0].replace(",", "")) for part in right.split(" + "))
    assert sign == "≠" or total == int(left.replace(",", ""))


def test_a_scaled_target_says_so_in_words(loaded):
    assert "1/100 of the published target" in load_lines(loaded, 100)
    assert loads.scale_factor_text({"offered": {"scalePermille": 1000}}) is None
    assert "30 %" in loads.scale_factor_text({"offered": {"scalePermille": 300}}).en


def test_service_levels_are_compared_exactly_or_not_at_all(statement):
    item = completed(statement["predicate"]["load"][0])
    item["slo"] = {"p99MsMax": 812, "p95MsMax": 147, "confirmedPermilleMin": 930, "errorBudget": 3}
    limits = {limit.title.en: limit.met for limit in limits_of(item)}
    assert limits == {"p99": True, "p95": False, "confirmed": False, "errorBudget": None}


@pytest.mark.parametrize(
    ("name", "allowed", "change", "met"),
    [
        ("errorPermilleMax", 10, {"sent": 100, "counts": {"broken": 1, "unsent": 0}}, True),
        ("errorPermilleMax", 10, {"sent": 99, "counts": {"broken": 0, "unsent": 1}}, False),
        ("errorPermilleMax", 10, {"counts": None}, None),
        ("confirmedPermilleMin", 990, {"offered": {"due": 100}, "confirmed": 99}, True),
        ("confirmedPermilleMin", 990, {"offered": {"due": 101}, "confirmed": 99}, False),
        ("ratePerSecondMin", 50, {"offered": {"durationS": 2}, "confirmed": 100}, True),
        ("ratePerSecondMin", 50, {"offered": {"durationS": 2}, "confirmed": 99}, False),
        ("ratePerSecondMin", 50, {"offered": {}}, None),
        ("recoveredMsMax", 300, {"recovery": {"afterUs": 1000, "recoveredMs": 5}}, True),
        ("recoveredMsMax", 300, {"recovery": {"afterUs": 400_000, "recoveredMs": None}}, False),
        ("recoverySMax", 1, {"recovery": {"recoveredMs": 1000}}, True),
        ("recoverySMax", 1, {"recovery": {"recoveredMs": 1001}}, False),
        ("recoverySMax", 1, {"recovery": None}, None),
    ],
)
def test_every_known_limit_is_compared(name, allowed, change, met):
    [limit] = limits_of(completed(load_samples.burst() | change | {"slo": {name: allowed}}))
    assert limit.met is met


@pytest.mark.parametrize(
    ("change", "said", "bad"),
    [
        ({"burst": {"recoveredMs": 2000, "limitMs": 5000}}, "recovered after 2 s", False),
        ({"burst": {"recoveredMs": 6000, "limitMs": 5000}}, "recovered after 6 s", True),
        ({"burst": {"recoveredMs": None, "limitMs": 5000}}, "not recovered", True),
        ({"disturbance": {"kind": "kill", "recoveredMs": 40, "resumed": True}},
         "recovered after 40 ms, went on where it stopped", False),
        ({"disturbance": [{"kind": "unheard-of", "recoveredMs": 40}]}, "recovered after 40 ms", False),
        ({"ramp": {"cliff": None}}, "every second was carried up to the top", False),
        ({"ramp": {"cliff": {"s": 3, "offered": 90, "answered": 4}}}, "fell off in second 3: 4 of 90 answered", True),
        ({"soak": {"firstUs": 9000, "lastUs": 12000}, "offered": {"durationS": 60}},
         "p99 9 ms in the first quarter, 12 ms in the last", False),
    ],
)  # fmt: skip
def test_what_bursts_ramps_and_disturbances_left_is_said(change, said, bad):
    item = completed({"scenario": "x"} | change)
    assert [(text.en, wrong) for _title, text, wrong in loads.remarks(item)] == [(said, bad)]


def test_a_burst_is_a_band_even_where_it_is_no_mark():
    item = completed(load_samples.burst())
    item["marks"] = []
    assert [mark["atMs"] for mark in loads.marks_of(item)] == [3000]
    assert len(load_charts.rate_chart(item, charts.WIDE).bands) == 1


def test_limits_of_streams_name_their_stream():
    names = [limit.title.en for limit in all_limits_of(completed(load_samples.killed()))]
    assert names[-4:] == ["create errors", "create p99", "query errors", "query p99"]


MEMBERS = sorted({name for item in load_samples.all_samples() for name in item} - {"scenario", "validity"})


@pytest.mark.parametrize("name", MEMBERS)
def test_any_member_may_be_missing(loaded, name):
    for item in loaded["predicate"]["load"]:
        item.pop(name, None)
    assert Page(html.document(loaded)).open == []
    assert load_lines(loaded, 60)


@pytest.mark.parametrize("member", ["offered", "generator", "recovery", "statement", "search", "replays", "counts"])
def test_members_may_be_empty(loaded, member):
    for item in loaded["predicate"]["load"]:
        item[member] = {}
    assert Page(html.document(loaded)).open == []
    assert load_lines(loaded, 60)


def test_no_text_of_a_measurement_becomes_markup(loaded):
    calm, page = Page(html.document(loaded)), Page(html.document(attacked(loaded)))
    assert {tag for tag, _ in page.elements} - {tag for tag, _ in calm.elements} <= {"code"}
    assert not [name for _tag, found in page.elements for name in found if name.startswith("on") or name == "style"]
    assert load_lines(attacked(loaded), 60)


def test_ids_are_unique_and_charts_are_described(loaded):
    page = Page(html.document(loaded))
    ids = [found["id"] for _tag, found in page.elements if "id" in found]
    assert len(ids) == len(set(ids))
    for found in page.all("svg"):
        assert set(found.get("aria-labelledby", "").split()) <= set(ids)


def test_nothing_is_told_by_colour_alone():
    css = html._source("style.css")
    for name, style in {"service_time": "dasharray", "lag": "dasharray", "limit": "dasharray"}.items():
        assert re.search(rf"\.chart [^{{}}]*\.{name}\b[^{{}}]*{{[^}}]*stroke-{style}", css), name
    for symbol in ("✓", "✗", "⊘", "?"):
        assert symbol in {
            found.mark for found in map(html.load_cards.Standing, ("pass", "warned", "fail", "invalid", "undecided"))
        }


def test_the_same_measurement_gives_the_same_page(loaded):
    again = json.loads(json.dumps(loaded))
    assert html.document(loaded) == html.document(again)


def measured(values, slo=None, buckets=()):
    row = dict(zip(("p50", "p90", "p95", "p99", "p999"), sorted(values), strict=True))
    row |= {"count": 9, "buckets": [list(item) for item in buckets]}
    return {"latencyUs": {"response": row}, "slo": slo or {}, "offered": {}, "timeline": []}


BUCKETS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 50)), max_size=20).map(
    lambda found: [(low, low + 1, count) for low, count in sorted(found)]
)


@given(st.lists(st.integers(0, 10**9), min_size=5, max_size=5), st.integers(1, 10**6), BUCKETS)
def test_latency_charts_stay_inside_their_frame_and_rise(values, limit_ms, buckets):
    for frame in charts.FRAMES:
        chart = load_charts.latency_chart(measured(values, {"p99MsMax": limit_ms}, buckets), frame)
        heights = numbers(chart.series[0].path)[1::2]
        assert heights == sorted(heights, reverse=True)
        assert all(frame.top <= y <= frame.bottom for y in [*heights, float(chart.limits[0].y)])
        assert all(frame.left <= x <= frame.right for x in numbers(chart.series[0].path)[::2])
        assert len(chart.series[0].points) == len(loads.PERCENTILES)


SECONDS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**8), st.integers(0, 10**5))
MARKS = st.lists(st.tuples(st.integers(-5000, 10**6), st.integers(0, 10**5)), max_size=9)


@given(st.lists(SECONDS, min_size=1, max_size=600), MARKS, st.integers(1, 700))
def test_charts_over_time_stay_inside_their_frame(rows, marks, length):
    timeline = [
        {"s": s, "offered": due, "sent": due, "confirmed": done, "refused": 0, "broken": max(0, due - done),
         "p99Us": p99, "lagP99Us": lag}
        for s, (due, done, p99, lag) in enumerate(rows)
    ]  # fmt: skip
    item = completed({"scenario": "x", "timeline": timeline, "offered": {"durationS": length}, "slo": {"p99MsMax": 5}})
    item["marks"] = [{"atMs": at, "endMs": at + more, "kind": "kill"} for at, more in marks]
    for frame in charts.FRAMES:
        for draw in (load_charts.rate_chart, load_charts.time_chart):
            chart = draw(item, frame)
            if chart is None:
                continue
            frame_ = chart.frame
            for line in chart.series:
                found = numbers(line.path)
                assert all(frame_.left <= x <= frame_.right for x in found[::2])
                assert all(frame_.top <= y <= frame_.bottom for y in found[1::2])
                assert len(found) <= 4 * (load_charts.STEPS_MAX + 1)
            assert len(chart.bands) == len(marks)
            for band in chart.bands:
                assert frame_.left <= float(band.x)
                assert float(band.x) + float(band.width) <= frame_.right + 2
            assert all(float(bar.height) >= 0 for bar in (*chart.broken, *chart.refused))
            assert all(float(note.y) >= -chart.lift for note in chart.notes)


def test_offered_is_a_step_line_where_seconds_state_it_and_flat_where_not():
    item = completed(load_samples.burst())
    steps = load_charts.Steps.of(item)
    assert steps.rates("offered") == [20, 20, 20, 200, 200, 20, 20, 20, 20, 20]
    for row in item["timeline"]:
        del row["offered"]
    assert load_charts.Steps.of(item).rates("offered") == [20] * 10


def test_a_long_run_is_drawn_in_steps_and_says_so(loaded):
    item = loaded["predicate"]["load"][0]
    item["offered"]["durationS"] = 3600
    item["timeline"] = load_samples.seconds([100] * 3600, [100] * 3600 + [7], [9000] * 3601, [0] * 3601)
    steps = load_charts.Steps.of(completed(item))
    assert (len(steps.rows), steps.width, steps.has_later) == (241, 15, True)
    assert sum(steps.rates("confirmed")[:240]) == 240 * 100
    document = html.document(loaded)
    assert "One step is 15 seconds." in document
    assert len(document) < 500_000


def test_a_second_without_answers_is_a_gap():
    chart = load_charts.time_chart(completed(load_samples.killed()), charts.WIDE)
    assert chart.series[0].path.count("M") == 2


def test_words_of_marks_do_not_overlap():
    item = completed(load_samples.killed())
    item["marks"] = [{"atMs": 100 * at, "endMs": 100 * at + 50, "kind": "slow-disk"} for at in range(30)]
    chart = load_charts.rate_chart(item, charts.NARROW)
    places = [(note.x, note.y) for note in chart.notes if note.text.en != "later"]
    assert len(places) == len(set(places)) == 30
    assert [note.text.en.split()[0] for note in chart.notes][24:28] == ["Y", "Z", "A2", "B2"]


def test_trials_of_a_search_have_shapes_of_their_own():
    chart = load_charts.search_chart(completed(load_samples.searched()), charts.WIDE)
    assert [symbol.kind for symbol in chart.symbols] == [
        "met", "met", "met", "missed", "met", "missed", "void",
    ]  # fmt: skip


def test_nothing_measured_gives_no_chart():
    bare = completed({"scenario": "elsewhere", "latencyUs": {"response": {"count": 0}}})
    for draw in (load_charts.rate_chart, load_charts.time_chart, load_charts.latency_chart, load_charts.search_chart):
        assert draw(bare, charts.WIDE) is None


def test_both_languages_are_filled_in_with_the_same():
    for text in words().values():
        assert set(re.findall(r"{\w*}", text.en)) == set(re.findall(r"{\w*}", text.zh))
