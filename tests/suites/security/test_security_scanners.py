"""Scanners find what must not be shown, and are silent about what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_security.scanners import (
    identity_number,
    luhn,
    secret_members,
    telling,
)


def test_the_check_digit_of_the_published_example() -> None:
    """ISO/IEC 7812-1 annex B works through 7992739871, whose check digit is 3."""
    assert [digit for digit in "0123456789" if luhn(f"7992739871{digit}")] == ["3"]


@given(st.text("0123456789", min_size=11, max_size=18))
def test_exactly_one_check_digit_fits(digits: str) -> None:
    assert sum(luhn(digits + check) for check in "0123456789") == 1


def test_the_published_identification_number() -> None:
    """GB 11643-1999 annex: 11010519491231002X, and 440524188001010014 of the same annex (before 1900)."""
    assert identity_number("11010519491231002X")
    assert identity_number("440524188001010014")
    assert not identity_number("110105194912310021")
    assert not identity_number("11010519491331002X")


def test_secret_members_are_found_wherever_they_stand() -> None:
    value = {"card": {"CVV2": "123", "pan": "x"}, "users": [{"password": "a"}, {"password_hash": "b"}]}
    assert secret_members(value) == ["$.card.CVV2", "$.users[0].password", "$.users[1].password_hash"]


def test_flags_and_masks_disclose_nothing() -> None:
    assert secret_members({"pin": True, "cvv": None, "password": "******", "pinned": 4, "shipping": 1}) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('Traceback (most recent call last):\n  File "app.py", line 3', "a Python stack trace"),
        ("at com.example.Pay.run(Pay.java:42)", "a Java stack trace"),
        ("Error: x\n    at pay (/srv/app/pay.js:10:5)", "a JavaScript stack trace"),
        ("SELECT * FROM accounts WHERE id = 1", "an SQL statement"),
        ("ORA-00933: command not properly ended", "a database error"),
        ('{"database": "/tmp/bank/bank-1.db"}', "a file system path"),
        ("nginx/1.22.1", "a server version"),
    ],
)
def test_internals_are_named(text: str, what: str) -> None:
    assert what in [piece.what for piece in telling(text)]


def test_an_honest_problem_discloses_nothing() -> None:
    text = (
        '{"type":"about:blank","title":"Bad Request","status":400,"code":"invalid-json",'
        '"detail":"The body is not valid JSON; select another payment from your list.","instance":"/payments/pay-1"}'
    )
    assert list(telling(text)) == []
