"""Amounts are found and rewritten on the wire in the product's own spelling, whatever that is."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from stub_bank import Bank, candidate_of

from conformance.sdk import Accepted, Exchange, NotTested, Prepared
from conformance.sdk.load import WireRequest
from conformance_security.checks.abuse import _cookies
from conformance_security.checks.existence import _changed
from conformance_security.checks.pages import _tampered
from conformance_security.checks.signature import _raised
from conformance_security.scene import AMOUNT, Wire, is_json, sends


def sent(body: bytes, kind: str = "application/json", key: str = "key-1") -> tuple[Prepared, Accepted]:
    exchange = Exchange(1, 201, request_headers={"Content-Type": kind}, request_body=body)
    answer = Accepted({"id": "p"}, exchange)
    arguments: dict[str, Any] = {"idempotency_key": key}
    return Prepared("payments.create", arguments, "alice", "", lambda _: answer), answer


def wire(body: bytes, kind: str = "application/json") -> Wire:
    return Wire.of(*sent(body, kind))


@pytest.mark.parametrize(
    ("body", "quoted", "decimals", "rewritten"),
    [
        (b'{"amount":1237,"x":1}', False, False, b'{"amount":1,"x":1}'),
        (b'{"amount": "1237"}', True, False, b'{"amount": "1"}'),
        (b'{"amount":12.37}', False, True, b'{"amount":0.01}'),
        (b'{"value":{"amount":"12.37"}}', True, True, b'{"value":{"amount":"0.01"}}'),
        (b'{"debit":{"sum":1237},"credit":{"sum":1237}}', False, False, b'{"debit":{"sum":1},"credit":{"sum":1}}'),
    ],
)
def test_json_amounts_keep_their_spelling(body: bytes, quoted: bool, decimals: bool, rewritten: bytes) -> None:
    found = wire(body)
    assert (found.quoted, found.decimals, found.json) == (quoted, decimals, True)
    assert found.body(found.minor(1), "key-2") == rewritten
    assert found.body(found.minor(AMOUNT), "key-2") == body


def test_forms_are_rewritten_but_are_not_json() -> None:
    found = wire(b"amount=1237&currency=cny", "application/x-www-form-urlencoded")
    assert found.json is False
    assert found.body(found.number("-1"), "k") == b"amount=-1&currency=cny"


def test_a_key_in_the_body_is_renewed_so_that_a_refusal_is_not_about_the_key() -> None:
    assert wire(b'{"amount":1237,"key":"key-1"}').body("0", "key-9") == b'{"amount":0,"key":"key-9"}'


def test_an_amount_in_two_spellings_is_not_tested() -> None:
    with pytest.raises(NotTested, match="in several spellings"):
        wire(b'{"amount":1237,"shown":"1237"}')


@pytest.mark.parametrize("body", [b"{}", b'{"id":"a-1237-b"}', b'{"amount":"x1237"}'])
def test_an_amount_that_cannot_be_found_is_not_tested(body: bytes) -> None:
    with pytest.raises(NotTested, match="cannot be found"):
        wire(body)


def test_media_types_of_json() -> None:
    for kind, expected in (("application/problem+json", True), ("APPLICATION/xml", False), ("", False)):
        assert is_json(sent(b"", kind)[1]) is expected


def test_a_body_is_raised_by_one_minor_unit() -> None:
    assert _raised(b'{"amount":1237}') == b'{"amount":1238}'
    assert _raised(b'{"amount":"12.37"}') == b'{"amount":"12.38"}'
    with pytest.raises(NotTested):
        _raised(b'{"amount":1}')


def test_absent_ids_keep_the_shape_of_real_ones() -> None:
    for identifier in ("acc-0123456789abcdef", "42", "550e8400-e29b-41d4-a716-446655440000"):
        other = _changed(identifier)
        assert other != identifier
        assert [c.isdigit() or c.isalpha() for c in other[-8:]][-2:] == [True, True]
    assert len(_changed("acc-0123456789abcdef")) == 20


def test_a_tampered_cursor_differs_in_one_place() -> None:
    tampered = _tampered("eyJhIjoxfQ")
    assert sum(a != b for a, b in zip(tampered, "eyJhIjoxfQ", strict=True)) == 1


def test_joined_cookies_are_split_but_not_inside_a_date() -> None:
    header = "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure, b=2; HttpOnly"
    assert _cookies(header) == ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure", "b=2; HttpOnly"]
    assert _cookies("") == []


class Wired(Bank):
    """A bank whose payments can be seen before they are sent; ``form`` makes them."""

    form: Callable[[dict[str, Any]], tuple[dict[str, str], str]]

    def wire(self, prepared: Prepared) -> WireRequest:
        headers, body = self.form(dict(prepared.arguments))
        return WireRequest("POST", "https://h/pay", tuple(headers.items()), body.encode())

    request = connection = together = Bank.perform


COUNT = itertools.count(1)


def signed() -> dict[str, str]:
    """Return what is new in each request."""
    return {"Signature": hashlib.sha256(str(next(COUNT)).encode()).hexdigest(), "X-Nonce": f"n{next(COUNT)}"}


@pytest.mark.parametrize(
    ("form", "travels"),
    [
        (lambda given: ({"Idempotency-Key": given["key"]}, ""), True),
        (lambda given: ({}, given["key"].lower()), True),
        (lambda given: (signed(), str(uuid.uuid5(uuid.NAMESPACE_URL, given["key"]))), True),
        (lambda given: ({}, '{"amount":1}'), False),
        (lambda given: (signed(), '{"amount":1}'), False),
    ],
)
def test_whether_an_argument_travels_shows_in_two_requests(form: Any, travels: bool) -> None:
    bank = Wired()
    bank.form = form
    candidate = candidate_of(bank)
    assert sends(candidate, candidate.prepare("payments.create", key="KEY-1"), "key", "KEY-2") is travels


def test_a_driver_that_does_not_speak_http_is_believed() -> None:
    candidate = candidate_of(Bank())
    assert sends(candidate, candidate.prepare("payments.create", key="KEY-1"), "key", "KEY-2")
