"""The oracle against every published and derived payload: what is valid passes, what is not is refused by its rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.sdk import Problem
from conformance_barcode.emv import Verdict, judge
from conformance_barcode.emv.mpm import strict
from conformance_barcode.reference import reader
from conformance_barcode.vectors import Vector, concerning, vectors

#: Vector id → the rule by which the oracle refuses it; reviewed by hand against the row's own words.
RULES: dict[str, str] = json.loads((Path(__file__).parent / "golden_rules.json").read_text())
VALID = [vector for vector in vectors() if vector.valid]
INVALID = [vector for vector in vectors() if not vector.valid]
READS = {"formats": ["mpm", "cpm", "paycode", "receive"]}


class Sound:
    """A fault board with everything off."""

    def on(self, fault: str) -> bool:
        return False


def _name(vector: Vector) -> str:
    return f"{vector.line}-{vector.id}"


def test_every_line_of_the_file_is_a_vector_with_its_source() -> None:
    assert len(vectors()) == 171
    assert [vector.line for vector in vectors()] == list(range(1, 172))
    assert len({vector.id for vector in vectors()}) == 171
    assert all(vector.source and vector.rule for vector in vectors())


@pytest.mark.parametrize("vector", VALID, ids=_name)
def test_a_valid_payload_is_accepted_with_and_without_a_hint(vector: Vector) -> None:
    for scheme in (vector.scheme, None):
        judgement = judge(vector.payload, scheme=scheme)
        assert judgement.verdict is not Verdict.REJECT, judgement.summary()


@pytest.mark.parametrize("vector", INVALID, ids=_name)
def test_an_invalid_payload_is_refused_by_its_rule(vector: Vector) -> None:
    judgement = judge(vector.payload, scheme=vector.scheme)
    assert judgement.verdict is not Verdict.ACCEPT
    assert judgement.breaches[0].rule == RULES[vector.id], judgement.summary()


def test_only_the_length_of_a_payload_is_a_warning() -> None:
    warned = [v.id for v in INVALID if judge(v.payload, scheme=v.scheme).verdict is Verdict.WARN]
    assert [RULES[name] for name in warned] == ["mpm.oversize"]


@pytest.mark.parametrize("vector", [v for v in vectors() if v.strict is not None], ids=_name)
def test_the_strict_profile_agrees_with_the_file(vector: Vector) -> None:
    assert (strict(vector.payload).verdict is Verdict.ACCEPT) is vector.strict


def test_some_departing_schemes_are_accepted_only_by_their_overlay() -> None:
    departing = [v for v in VALID if v.strict is False]
    assert len(departing) >= 15
    assert {v.scheme for v in departing} >= {"PromptPay", "VietQR", "DuitNow", "VNPAY-QR"}
    assert all(strict(v.payload).verdict is not Verdict.ACCEPT for v in departing)


@pytest.mark.parametrize("vector", list(concerning(READS)), ids=_name)
def test_the_reference_candidate_reads_what_the_oracle_accepts(vector: Vector) -> None:
    if judge(vector.payload).verdict is not Verdict.REJECT:
        assert reader.parse(vector.payload, Sound())["verdict"] == "accept"
        return
    with pytest.raises(Problem) as refusal:
        reader.parse(vector.payload, Sound())
    assert refusal.value.status == 422
    assert refusal.value.code
    assert refusal.value.detail


def test_a_candidate_is_only_asked_for_schemes_that_it_declares() -> None:
    assert {vector.scheme for vector in concerning({"schemes": ["PIX"]})} == {"PIX"}
    assert {vector.format for vector in concerning({})} == {"mpm"}
    assert {vector.format for vector in concerning({"formats": ["cpm"]})} == {"cpm"}
