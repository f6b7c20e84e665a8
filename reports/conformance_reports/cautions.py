"""Cautions: what would make a pass worthless, said before the pass itself."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.model.outcome import Outcome
from conformance.model.requirement import Level, Severity
from conformance.model.text import Text
from conformance.model.verdict import DecisionRule, Judged, decide
from conformance_reports.loads import balance
from conformance_reports.reading import Report, Row

#: A caution names this many checks; the rows below it name them all.
NAMES_MAX = 8


def cautions(report: Report) -> list[Text]:
    """Return every reason to doubt the report, the most fundamental first; none for a sound one."""
    sources = (_consistency, _evidence, _calibration, _load, _setup)
    return [caution for source in sources for caution in source(report)]


def _consistency(report: Report) -> Iterator[Text]:
    predicate = report.predicate
    if dict(predicate["counts"]) != report.requirement_counts():
        yield Text(
            "The counts in the statement do not agree with its rows: do not rely on it.",
            "声明中的计数与明细行不一致：不可采信。",
        )
    value, _reasons = decide(DecisionRule.from_json(predicate["decisionRule"]), _judged(report))
    if value.value != predicate["verdict"]["value"]:
        yield Text(
            f"The verdict does not follow from the outcomes: the decision rule gives “{value.value}”.",
            f"结论与各项结果不符：按判定规则应为“{value.value}”。",
        )
    if missing := [item["id"] for item in predicate["plan"]["checks"] if report.outcome(item["id"]) is None]:
        yield Text(
            f"Planned checks without an outcome: {_en(missing)}.",
            f"计划中的下列检测项没有结果：{_zh(missing)}。",
        )


def _judged(report: Report) -> list[Judged]:
    return [
        Judged(item["id"], Level(item["level"]), Severity(item["severity"]), Outcome(item["outcome"]))
        for item in report.requirements
    ]


def _evidence(report: Report) -> Iterator[Text]:
    if not report.predicate["evidence"]["size"]:
        yield Text("No exchange with the product was recorded.", "没有记录到与产品的任何交互。")
    bare = [item["check"] for item in report.outcomes if _is_bare_pass(item)]
    if bare:
        yield Text(
            f"Passed without citing any evidence: {_en(bare)}.",
            f"下列检测项判为通过但未引用任何证据：{_zh(bare)}。",
        )


def _is_bare_pass(outcome: Row) -> bool:
    return outcome["outcome"] == Outcome.PASSED and not outcome.get("exchanges") and not outcome.get("notes")


def _calibration(report: Report) -> Iterator[Text]:
    suites = (report.predicate.get("calibration") or {}).get("suites", [])
    calibrated = {item["suite"] for item in suites}
    run = {item["suite"] for item in report.outcomes}
    if lacking := sorted(run - calibrated):
        yield Text(f"Not calibrated at all: {_en(lacking)}.", f"下列套件完全未经校准：{_zh(lacking)}。")
    for item in suites:
        yield from _calibration_of(item)
        yield from _unproven(item, {row["check"] for row in report.outcomes if row["outcome"] == Outcome.PASSED})


def _calibration_of(item: Row) -> Iterator[Text]:
    suite = item["suite"]
    if not item["current"]:
        yield Text(
            f"The calibration of {suite} is not of this version of the suite.", f"套件 {suite} 的校准与当前版本不对应。"
        )
    if missed := item["faults"] - item["detected"]:
        yield Text(
            f"{suite} overlooked {missed} of {item['faults']} seeded faults in calibration.",
            f"套件 {suite} 在校准中漏检 {missed} 个植入缺陷（共 {item['faults']} 个）。",
        )
    if item["falseAlarms"]:
        yield Text(
            f"{suite} raised {item['falseAlarms']} false alarm(s) in calibration.",
            f"套件 {suite} 在校准中误报 {item['falseAlarms']} 次。",
        )


def _unproven(item: Row, passed: set[str]) -> Iterator[Text]:
    suite = item["suite"]
    if names := [name for name in item["uncalibrated"] if name in passed]:
        yield Text(
            f"Passed, though no seeded fault proves that they can fail, in {suite}: {_en(names)}.",
            f"套件 {suite} 的下列检测项判为通过，但没有植入缺陷证明其能够检出问题：{_zh(names)}。",
        )


def _load(report: Report) -> Iterator[Text]:
    for item in report.loads:
        name = item["scenario"]
        if item["validity"] != "valid":
            why = "; ".join(item["reasons"])
            yield Text(f"The load measurement {name} is invalid: {why}.", f"负载测量 {name} 无效：{why}。")
        if balance(item) == "unbalanced":
            yield Text(f"Payments of {name} do not reconcile.", f"场景 {name} 的支付对账不平。")


def _setup(report: Report) -> Iterator[Text]:
    for blame, text in _BLAMED.items():
        names = [item["check"] for item in report.outcomes if item.get("blame") == blame]
        if names:
            yield Text(f"{text.en}: {_en(names)}.", f"{text.zh}：{_zh(names)}。")
    repeated = [item["check"] for item in report.outcomes if item.get("attempts", 1) > 1]
    if repeated or report.predicate["environment"]["attempts"] > 1:
        yield Text(
            f"Decided only after more than one attempt: {_en(repeated) or 'the whole run'}.",
            f"经多次尝试才得出结果：{_zh(repeated) or '整次运行'}。",
        )


def _en(names: list[str]) -> str:
    rest = len(names) - NAMES_MAX
    return ", ".join(names[:NAMES_MAX]) + (f" and {rest} more" if rest > 0 else "")


def _zh(names: list[str]) -> str:
    rest = len(names) - NAMES_MAX
    return "、".join(names[:NAMES_MAX]) + (f"等 {len(names)} 项" if rest > 0 else "")


_BLAMED = {
    "HARNESS": Text("Left undecided by the harness, not by the product", "因检测工具自身原因未能判定的检测项"),
    "CONFIG": Text("Left undecided by the set-up, not by the product", "因配置而非产品原因未能判定的检测项"),
}
