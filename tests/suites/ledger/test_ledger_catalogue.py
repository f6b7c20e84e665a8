"""Catalogue, checks and faults belong together: nothing required is invisible, nothing checked is unproven."""

from __future__ import annotations

import pytest

from conformance.engine.world import SuiteContents, load_world
from conformance.model.requirement import Certainty, Method
from conformance_ledger.faults import FAULTS


@pytest.fixture(scope="module")
def contents() -> SuiteContents:
    (found,) = load_world(suites=["ledger"]).suites
    return found


def test_every_requirement_has_a_check_or_a_reason(contents: SuiteContents) -> None:
    for item in contents.catalogue.requirements:
        checked = bool(contents.checks_of(item.id))
        assert checked != (item.not_tested is not None), item.id
        if item.method is not Method.TEST:
            assert not checked, f"{item.id} is not established by test"


def test_all_chapters_of_the_specification_are_there(contents: SuiteContents) -> None:
    clauses = {item.clauses[0].number.split(".")[0] for item in contents.catalogue.requirements}
    assert clauses == {str(number) for number in range(6, 18)}
    assert len(contents.catalogue.requirements) == 144


def test_ids_name_the_clause_and_texts_exist_in_both_languages(contents: SuiteContents) -> None:
    for item in contents.catalogue.requirements:
        first = item.clauses[0]
        assert item.id.rpartition("-")[0].removeprefix("LED-") in first.number or "–" in first.number, item.id
        assert first.certainty is Certainty.SEEN
        for text in (item.title, item.why, item.faulty, item.fix):
            assert text.en
            assert any("\u4e00" <= sign <= "\u9fff" for sign in text.zh), item.id
            assert "," not in text.zh, f"{item.id}: western comma in Chinese"


def test_the_second_index_is_never_printed_as_fact(contents: SuiteContents) -> None:
    second = [item.clauses[1] for item in contents.catalogue.requirements]
    assert {clause.certainty for clause in second} == {Certainty.SECONDARY}
    assert {clause.printed() for clause in second} == {"JR/T 0193-2020 (clause unverified)"}


def test_every_fault_trips_a_check_and_every_check_has_a_fault(contents: SuiteContents) -> None:
    known = {item.id for item in contents.checks}
    tripped = {trip.check for fault in FAULTS for trip in fault.trips}
    assert tripped == known
    assert {name for fault in FAULTS for name in fault.also} <= known
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)


def test_every_fault_is_a_switch_in_the_nodes() -> None:
    from importlib.resources import files

    folder = files("conformance_ledger.reference")
    code = "".join(item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".py"))
    missing = [fault.id for fault in FAULTS if f'"{fault.id.partition(".")[2]}"' not in code]
    assert missing == []


def test_the_reference_imports_nothing_of_the_oracle() -> None:
    from importlib.resources import files

    folder = files("conformance_ledger.reference")
    for item in folder.iterdir():
        if item.name.endswith(".py"):
            text = item.read_text("utf-8")
            assert "conformance_ledger.oracle" not in text, item.name
            assert "conformance_ledger.ledger" not in text, item.name
