"""Injection payloads: what an interpreter would show cannot stand in the request itself."""

from hypothesis import given
from hypothesis import strategies as st

from conformance.sdk import Exchange
from conformance_security.injection import PLANTED, Marks, external_entity, payloads, showing

FACTORS = st.integers(10_007, 75_542)
MARKS = Marks(12_347, 54_321, 4711)


@given(FACTORS, FACTORS, st.integers(1024, 65_535))
def test_an_echoed_payload_is_never_taken_for_an_evaluated_one(first: int, second: int, port: int) -> None:
    marks = Marks(first, second, port)
    for payload in payloads(marks, 1):
        assert showing(Exchange(1, 200, {}, payload.text.encode()), marks) is None
    assert showing(Exchange(1, 200, {}, external_entity(marks)), marks) is None


def test_what_an_interpreter_leaves_is_seen() -> None:
    assert "the product" in (showing(Exchange(1, 201, {}, b'{"reference":"670701387"}'), MARKS) or "")
    assert "the header" in (showing(Exchange(1, 200, {PLANTED.lower(): "yes"}), MARKS) or "")
    assert "/etc/passwd" in (showing(Exchange(1, 200, {}, b"root:x:0:0:root:/root:/bin/sh\n"), MARKS) or "")


def test_payloads_are_of_every_kind_and_each_its_own() -> None:
    found = list(payloads(MARKS, 1))
    assert {payload.kind for payload in found} == {
        "SQL", "NoSQL", "template", "command", "LDAP", "lookup", "file", "CRLF",
    }  # fmt: skip
    assert len({payload.text for payload in found}) == len(found)
    assert all(len(payload.text) <= 140 for payload in found), "short enough for a payment's reference"
    assert sum(payload.delays for payload in found) >= 4
