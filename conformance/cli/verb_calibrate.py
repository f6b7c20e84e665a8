"""``conformance calibrate``: prove that every check passes the sound reference and fails its fault."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from conformance import exits
from conformance.errors import NothingSelected

if TYPE_CHECKING:
    from conformance.engine.matrix import SuiteCalibration


@click.command()
@click.option("--suite", "suites", multiple=True, help="Only this suite (repeatable).")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--workers", type=int, default=0, help="Reference candidates side by side (default: one a core).")
@click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions.")
@click.option("--check", "checks", multiple=True, help="Only these checks (pattern, repeatable); keeps no matrix.")
@click.option("--fault", "faults", multiple=True, help="Only these faults (pattern, repeatable); keeps no matrix.")
@click.option("--named-only", is_flag=True, help="Each fault meets only the checks that it names; keeps no matrix.")
@click.option("--no-save", is_flag=True, help="Do not keep the matrix for later reports.")
def command(
    suites: tuple[str, ...],
    form: str,
    workers: int,
    only_plugins: tuple[str, ...],
    checks: tuple[str, ...],
    faults: tuple[str, ...],
    named_only: bool,
    no_save: bool,
) -> int:
    """Run every check against the sound reference candidate and against each seeded fault.

    Exit code 0 when every fault is detected for its own reason, without false alarm and without unproven check.
    """
    from conformance.engine.calibrate import Part, calibrate
    from conformance.engine.matrix import save_calibration
    from conformance.engine.world import load_world

    only = only_plugins or None
    world = load_world(only, suites or None)
    part = Part(faults, checks, named_only)
    results = []
    for contents in world.suites:
        if part and not part.trials(contents.loaded.faults()):
            continue
        result = calibrate(contents, only=only, workers=workers, progress=_progress, part=part)
        if not no_save and not part:
            save_calibration(contents, result)
        results.append(result)
    if not results:
        raise NothingSelected("no fault fits these options", remedy="See `conformance list faults` for what there is.")
    summary = _summary(results)
    click.echo(json.dumps(summary, ensure_ascii=False, indent=2) if form == "json" else _text(results, summary))
    good = (
        summary["detected"] == summary["faults"] and not summary["false_alarms"] and not summary["uncalibrated_checks"]
    )
    return exits.CONFORMANT if good and results else exits.NOT_CONFORMANT


def _progress(suite: str, fault: str, done: int, total: int) -> None:
    end = "\r" if sys.stderr.isatty() and done < total else "\n"
    if sys.stderr.isatty() or done == total or done % 10 == 0:
        print(f"  {suite}: {done}/{total} trials {fault[:40]:40}", end=end, file=sys.stderr)  # noqa: T201


def _summary(results: list[SuiteCalibration]) -> dict[str, Any]:
    parts = [item.as_json() for item in results]
    return {
        "checks": sum(part["checks"] for part in parts),
        "faults": sum(part["faults"] for part in parts),
        "detected": sum(part["detected"] for part in parts),
        "false_alarms": sum(part["falseAlarms"] for part in parts),
        "uncalibrated_checks": [name for part in parts for name in part["uncalibrated"]],
        "alarms": [alarm for part in parts for alarm in part["alarms"]],
        "undetected": [
            {"fault": row["fault"], "check": row["check"], "says": row["says"], "said": row["said"]}
            for part in parts
            for row in part["matrix"]
            if not row["detected"]
        ],
        "suites": {part["suite"]: {key: part[key] for key in ("checks", "faults", "detected")} for part in parts},
    }


def _text(results: list[SuiteCalibration], summary: dict[str, Any]) -> str:
    lines = []
    for item in results:
        part = item.as_json()
        lines.append(f"{item.suite}: {part['checks']} checks, {part['detected']}/{part['faults']} faults detected")
        lines += [f"  sound: {check} {outcome}" for check, outcome in item.sound.items() if outcome != "passed"]
    lines += [
        f"undetected: {row['fault']} must trip {row['check']} saying {row['says']!r}; "
        f"it said: {row['said'] or 'passed'}"
        for row in summary["undetected"]
    ]
    lines += [f"false alarm: {alarm}" for alarm in summary["alarms"]]
    lines += [f"uncalibrated: {name}" for name in summary["uncalibrated_checks"]]
    lines.append(
        f"total: {summary['checks']} checks, {summary['detected']}/{summary['faults']} faults detected, "
        f"{summary['false_alarms']} false alarms, {len(summary['uncalibrated_checks'])} uncalibrated checks"
    )
    return "\n".join(lines)
