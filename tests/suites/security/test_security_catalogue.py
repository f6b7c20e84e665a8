"""The catalogue is complete and said in both languages; every check has a fault, and every fault a check."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator

import pytest

from conformance.files.catalogue_file import read_catalogue
from conformance.model.requirement import Certainty, Requirement
from conformance.sdk import CheckDeclaration, Text, declaration_of
from conformance_security import SUITE
from conformance_security.faults import FAULTS

CATALOGUE = read_catalogue("security", SUITE.package)
#: Chapter letters with the number of requirements in each.
NUMBERS = {"T": 19, "S": 13, "J": 26, "Z": 10, "V": 12, "I": 10, "D": 13}
EVERY_ID = [f"SEC-{letter}{number:02d}" for letter, count in NUMBERS.items() for number in range(1, count + 1)]


def declarations() -> Iterator[CheckDeclaration]:
    for name in SUITE.checks:
        for value in vars(importlib.import_module(name)).values():
            found = declaration_of(value)
            if found is not None and found.module == name:
                yield found


CHECKS = {item.id: item for item in declarations()}


def test_every_requirement_is_there_once() -> None:
    assert sorted(item.id for item in CATALOGUE.requirements) == sorted(EVERY_ID)
    assert len(EVERY_ID) == 103


@pytest.mark.parametrize("requirement", CATALOGUE.requirements, ids=lambda item: item.id)
def test_every_text_is_there_in_both_languages(requirement: Requirement) -> None:
    for name in ("title", "why", "faulty", "fix"):
        text: Text = getattr(requirement, name)
        assert text.en.strip(), name
        assert re.search(r"[\u4e00-\u9fff]", text.zh), name
        assert text.en != text.zh
    assert not requirement.title.en.endswith("."), "a title is not a sentence"


def test_every_sentence_is_said_once() -> None:
    for name in ("title", "why", "faulty", "fix"):
        texts = [getattr(item, name).en for item in CATALOGUE.requirements]
        assert len(set(texts)) == len(texts), f"{name} is repeated"


def test_a_requirement_has_a_check_or_says_why_not() -> None:
    checked = {item.requirement for item in CHECKS.values()}
    for requirement in CATALOGUE.requirements:
        assert (requirement.not_tested is None) == (requirement.id in checked), requirement.id


def test_clauses_are_printed_only_where_their_text_was_seen() -> None:
    for requirement in CATALOGUE.requirements:
        assert requirement.clauses, requirement.id
        for clause in requirement.clauses:
            seen = clause.certainty is Certainty.SEEN
            assert seen or "(clause unverified)" in clause.printed()
            assert not (seen and clause.standard.id.startswith(("jrt", "gbt"))), "no Chinese standard's text was seen"


def test_every_standard_and_chapter_is_used() -> None:
    cited = {clause.standard.id for item in CATALOGUE.requirements for clause in item.clauses}
    assert {item.id for item in CATALOGUE.standards} == cited
    assert set(CATALOGUE.chapters) == {item.chapter for item in CATALOGUE.requirements}
    assert all(text.en and text.zh for text in CATALOGUE.chapters.values())


def test_every_fault_trips_a_check_with_words_of_its_own() -> None:
    for fault in FAULTS:
        assert fault.title.en, fault.id
        assert re.search(r"[\u4e00-\u9fff]", fault.title.zh), fault.id
        for trip in fault.trips:
            assert trip.check in CHECKS, f"{fault.id} trips {trip.check}, which does not exist"
            assert trip.says.strip(), f"{fault.id}: any failure would do"
        assert set(fault.also) <= set(CHECKS), fault.id
        assert not {trip.check for trip in fault.trips} & set(fault.also), fault.id


def test_every_check_has_a_fault() -> None:
    tripped = {trip.check for fault in FAULTS for trip in fault.trips}
    assert set(CHECKS) == tripped


def test_fault_ids_are_unique() -> None:
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)


def test_checks_ask_only_for_operations_of_the_neutral_contract() -> None:
    from conformance.contract.neutral import neutral_operations

    known = set(neutral_operations())
    for item in CHECKS.values():
        assert set(item.needs) <= known, item.id
