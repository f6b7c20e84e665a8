"""A pass of checks: every planned check ends with exactly one outcome, whatever it does to its process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.engine.checks_pass import CheckWorker, Workplace, run_pass
from conformance.engine.spec import CheckSpec
from conformance.errors import ConfigError, HarnessError
from conformance.sdk.checks import declaration_of

TOYS = Path(__file__).parents[2] / "toys"
MODULE = "toy_checks.checks.toys"
FURTHER = "toy_checks.checks.further"

CANDIDATE = f"""
name = "Toy"
version = "1"
base_url = ""
driver = "stdio"
supports = ["accounts"]
[stdio]
command = ["{sys.executable}", "{TOYS / "toy_program.py"}"]
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[CheckWorker]:
    place = Workplace(tmp_path, tmp_path / "log.txt", {"PYTHONPATH": str(TOYS)})
    with CheckWorker(place) as worker:
        yield worker


def spec(tmp_path: Path, *names: str, candidate: str = CANDIDATE, warn: tuple[str, ...] = ()) -> CheckSpec:
    sys.path.insert(0, str(TOYS))
    try:
        modules = [importlib.import_module(name) for name in (MODULE, FURTHER)]
    finally:
        sys.path.remove(str(TOYS))
    found = {
        item.id: (module.__name__, item)
        for module in modules
        for value in vars(module).values()
        if (item := declaration_of(value))
    }
    planned = [
        {
            "id": name,
            "requirement": name,
            "suite": "toy",
            "module": found[name][0],
            "function": found[name][1].function,
            "deadlineS": found[name][1].deadline_s,
            "scenarios": [],
            "settled": None,
        }
        for name in names
    ]
    path = tmp_path / "candidate.toml"
    path.write_text(candidate, encoding="utf-8")
    return CheckSpec("run-1", str(path), str(tmp_path), tuple(planned), warn, {"toy": {}}, rootdir=str(tmp_path))


def outcomes(events: list[Any]) -> dict[str, tuple[str, str]]:
    found = [event for event in events if event["event"] == "outcome"]
    names = [event["check"] for event in found]
    assert len(names) == len(set(names)), f"a check has two outcomes: {names}"
    return {event["check"]: (event["outcome"], event["reason"]) for event in found}


def test_every_ending_has_its_outcome(tmp_path: Path, worker: CheckWorker) -> None:
    events: list[Any] = []
    names = (
        "TOY-PASS",
        "TOY-FAIL",
        "TOY-BARE",
        "TOY-NOTE",
        "TOY-SKIP",
        "TOY-CRASH",
        "TOY-NEED",
        "TOY-HANG",
        "TOY-EXIT",
    )
    run_pass(spec(tmp_path, *names), worker, events.append)
    found = outcomes(events)
    assert {name: outcome for name, (outcome, _) in found.items()} == {
        "TOY-PASS": "passed",
        "TOY-FAIL": "failed",
        "TOY-BARE": "inconclusive",
        "TOY-NOTE": "passed",
        "TOY-SKIP": "inconclusive",
        "TOY-CRASH": "inconclusive",
        "TOY-NEED": "not tested",
        "TOY-HANG": "inconclusive",
        "TOY-EXIT": "inconclusive",
    }
    assert found["TOY-FAIL"][1] == "a defect was found"
    assert "never a pass" in found["TOY-SKIP"][1]
    assert found["TOY-CRASH"][1].startswith("KeyError: 'amount' (in crashes, line ")
    assert "within the declared 1 s" in found["TOY-HANG"][1]


def test_checks_of_several_modules_run_in_the_plans_order_and_no_other_module_is_read(
    tmp_path: Path, worker: CheckWorker
) -> None:
    events: list[Any] = []
    run_pass(spec(tmp_path, "TOY-NOTE", "TOY-FURTHER", "TOY-PASS"), worker, events.append)
    assert [(name, outcome) for name, (outcome, _) in outcomes(events).items()] == [
        ("TOY-NOTE", "passed"),
        ("TOY-FURTHER", "passed"),
        ("TOY-PASS", "passed"),
    ]


def test_a_killed_process_costs_one_check_and_the_rest_goes_on(tmp_path: Path, worker: CheckWorker) -> None:
    events: list[Any] = []
    run_pass(spec(tmp_path, "TOY-PASS", "TOY-KILL", "TOY-NOTE"), worker, events.append)
    found = outcomes(events)
    assert found["TOY-PASS"][0] == "passed"
    assert found["TOY-KILL"] == ("inconclusive", "the child process was killed by SIGKILL")
    assert found["TOY-NOTE"][0] == "passed"


def test_evidence_is_durable_before_an_outcome_is_told(tmp_path: Path, worker: CheckWorker) -> None:
    from conformance.evidence.reader import read_records

    on_disk: dict[str, list[str]] = {}

    def look(event: Any) -> None:
        if event["event"] == "outcome":
            on_disk[event["check"]] = [record["check"] for record in read_records(tmp_path / "evidence")]

    run_pass(spec(tmp_path, "TOY-PASS", "TOY-KILL"), worker, look)
    assert "TOY-PASS" in on_disk["TOY-PASS"]


def test_no_outcome_is_told_when_the_process_that_writes_the_evidence_dies(tmp_path: Path, worker: CheckWorker) -> None:
    events: list[Any] = []
    with pytest.raises(HarnessError, match="the process that writes the evidence ended early"):
        run_pass(spec(tmp_path, "TOY-UNRECORDED", "TOY-PASS"), worker, events.append)
    assert outcomes(events) == {}
    run_pass(spec(tmp_path, "TOY-PASS"), worker, events.append)
    assert outcomes(events)["TOY-PASS"][0] == "passed"


def test_a_should_only_warns(tmp_path: Path, worker: CheckWorker) -> None:
    events: list[Any] = []
    run_pass(spec(tmp_path, "TOY-FAIL", warn=("TOY-FAIL",)), worker, events.append)
    assert outcomes(events)["TOY-FAIL"][0] == "warned"


def test_a_candidate_that_cannot_be_bound_is_a_config_error(tmp_path: Path, worker: CheckWorker) -> None:
    wrong = CANDIDATE.replace('"stdio"', '"telepathy"').replace('base_url = ""', 'base_url = "https://pay.example.com"')
    with pytest.raises(ConfigError, match="no driver 'telepathy'"):
        run_pass(spec(tmp_path, "TOY-PASS", candidate=wrong), worker, lambda _event: None)


def test_a_process_serves_one_pass_after_another(tmp_path: Path, worker: CheckWorker) -> None:
    events: list[Any] = []
    run_pass(spec(tmp_path, "TOY-PASS"), worker, events.append)
    first = worker.process().pid
    run_pass(spec(tmp_path, "TOY-NOTE"), worker, events.append)
    assert worker.process().pid == first
    assert set(outcomes(events)) == {"TOY-PASS", "TOY-NOTE"}


def test_checks_that_wait_do_so_side_by_side(tmp_path: Path, worker: CheckWorker) -> None:
    events: list[Any] = []
    run_pass(spec(tmp_path, "TOY-PASS", "TOY-WAIT-PASS", "TOY-WAIT-FAIL"), worker, events.append)
    order = [(event["event"], event["check"]) for event in events if event["event"] != "pass-finished"]
    assert order.index(("check-started", "TOY-WAIT-FAIL")) < order.index(("check-resumed", "TOY-WAIT-PASS"))
    assert order.index(("outcome", "TOY-PASS")) < order.index(("check-resumed", "TOY-WAIT-PASS"))
    assert outcomes(events) == {
        "TOY-PASS": ("passed", ""),
        "TOY-WAIT-PASS": ("passed", ""),
        "TOY-WAIT-FAIL": ("failed", "the code still works"),
    }


def test_a_paused_check_goes_on_between_others_when_its_time_has_come(tmp_path: Path, worker: CheckWorker) -> None:
    """What it waits for (a consent, a code) must not grow older than it said while all the others run."""
    events: list[Any] = []
    run_pass(spec(tmp_path, "TOY-WAIT-SHORT", "TOY-PASS", "TOY-FAIL", "TOY-NOTE"), worker, events.append)
    order = [(event["event"], event["check"]) for event in events if event["event"] != "pass-finished"]
    assert order.index(("check-resumed", "TOY-WAIT-SHORT")) < order.index(("check-started", "TOY-NOTE"))
    assert outcomes(events)["TOY-WAIT-SHORT"] == ("passed", "")
    assert outcomes(events)["TOY-NOTE"] == ("passed", "")


@pytest.mark.parametrize(("may_lack", "outcome"), [(True, "not applicable"), (False, "not tested")])
def test_what_a_product_lacks_is_not_applicable_only_where_the_profile_says_so(
    tmp_path: Path, worker: CheckWorker, may_lack: bool, outcome: str
) -> None:
    events: list[Any] = []
    planned = spec(tmp_path, "TOY-LACK")
    run_pass(replace(planned, checks=({**planned.checks[0], "mayLack": may_lack},)), worker, events.append)
    assert outcomes(events)["TOY-LACK"][0] == outcome
    assert outcomes(events)["TOY-LACK"][1].startswith("nothing is signed here")


def test_a_check_keeps_its_own_evidence_over_a_pause(tmp_path: Path, worker: CheckWorker) -> None:
    from conformance.evidence.reader import read_records

    events: list[Any] = []
    run_pass(spec(tmp_path, "TOY-WAIT-PASS", "TOY-PASS"), worker, events.append)
    told = next(event for event in events if event["event"] == "outcome" and event["check"] == "TOY-WAIT-PASS")
    credited = [record["seq"] for record in read_records(tmp_path / "evidence") if record["check"] == "TOY-WAIT-PASS"]
    assert len(told["exchanges"]) == 2, "what others did during the pause is not its evidence"
    assert [first for first, _ in told["exchanges"]] == credited
    assert [label for label, _ in told["notes"]] == ["before", "after"]


def test_a_pause_longer_than_the_deadline_is_never_begun(tmp_path: Path, worker: CheckWorker) -> None:
    events: list[Any] = []
    run_pass(spec(tmp_path, "TOY-WAIT-LONG"), worker, events.append)
    assert outcomes(events)["TOY-WAIT-LONG"] == (
        "inconclusive",
        "the check would wait 60 s, which its declared 1 s do not leave",
    )
