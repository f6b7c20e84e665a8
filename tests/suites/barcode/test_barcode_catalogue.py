"""The suite as a whole: complete catalogue, a fault for every check, a reference that does not copy the oracle."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import conformance_barcode.reference
from conformance.files.catalogue_file import read_catalogue
from conformance.model.requirement import Certainty, Method
from conformance.sdk import CheckDeclaration, declaration_of
from conformance_barcode import SUITE
from conformance_barcode.faults import FAULTS
from conformance_barcode.reference import PART

CATALOGUE = read_catalogue(SUITE.id, SUITE.package)


def _declarations() -> dict[str, CheckDeclaration]:
    found = (declaration_of(item) for name in SUITE.checks for item in vars(importlib.import_module(name)).values())
    return {item.id: item for item in found if item is not None}


CHECKS = _declarations()


def test_every_row_of_the_chapter_is_a_requirement() -> None:
    numbered = {f"BAR-{number:02d}" for number in range(1, 62)}
    assert numbered <= {item.id for item in CATALOGUE.requirements}
    assert len(CATALOGUE.requirements) >= 75


def test_a_requirement_is_tested_or_says_why_not() -> None:
    decided = {item.requirement for item in CHECKS.values()}
    for item in CATALOGUE.requirements:
        assert (item.id in decided) is (item.not_tested is None), item.id
        if item.method is not Method.TEST:
            assert item.not_tested is not None


def test_everything_is_said_in_both_languages() -> None:
    for item in CATALOGUE.requirements:
        for text in (item.title, item.why, item.faulty, item.fix, *([item.not_tested] if item.not_tested else [])):
            assert text.en
            assert any("\u4e00" <= character <= "\u9fff" for character in text.zh), f"{item.id}: {text.en}"


def test_a_number_is_printed_only_for_a_clause_that_was_seen() -> None:
    for item in CATALOGUE.requirements:
        for clause in item.clauses:
            assert clause.certainty is Certainty.SEEN or not clause.number, item.id
        assert item.clauses, item.id


def test_most_of_the_chapter_is_checked() -> None:
    assert len(CHECKS) >= 45
    assert all(item.id == item.requirement for item in CHECKS.values())


def test_every_fault_trips_a_check_that_exists_and_every_check_has_a_fault() -> None:
    tripped = {trip.check for fault in FAULTS for trip in fault.trips}
    assert tripped == set(CHECKS)
    assert {check for fault in FAULTS for check in fault.also} <= set(CHECKS)
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
    assert all(trip.says for fault in FAULTS for trip in fault.trips)


def _reference_sources() -> list[Path]:
    return sorted(Path(conformance_barcode.reference.__file__).parent.glob("*.py"))


def test_every_fault_is_switched_somewhere_in_the_reference() -> None:
    switched = {
        str(node.args[0].value)
        for path in _reference_sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "on"
        if isinstance(node.args[0], ast.Constant)
    }
    # Defects that show under load alone are the load suite's, wherever they are switched.
    assert {name for name in switched if not name.startswith("load.")} == {fault.id for fault in FAULTS}


@pytest.mark.parametrize("path", _reference_sources(), ids=lambda path: path.name)
def test_the_reference_never_reads_the_oracle(path: Path) -> None:
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [item.name for item in node.names])
    }
    own = {name for name in imported if name.startswith("conformance_barcode")}
    assert all(name.startswith("conformance_barcode.reference") for name in own), own


def test_a_check_over_a_library_asks_for_nothing_that_a_library_lacks() -> None:
    library = {"codes.create", "codes.parse", "codes.image"}
    within = [item for item in CHECKS.values() if set(item.needs) <= library]
    assert len(within) >= 28
    assert not any(item.users or item.hooks for item in within)


def test_the_part_supports_what_the_checks_need() -> None:
    offered = set(PART.supports())
    for item in CHECKS.values():
        assert set(item.claims) <= offered, item.id
        groups = {need.partition(".")[0] for need in item.needs}
        assert groups <= offered | {"accounts"}, item.id
