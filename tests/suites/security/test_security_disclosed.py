"""What a run's answers disclose: each kind once, in errors more than elsewhere, and nothing that was only repeated."""

from __future__ import annotations

import re

import pytest

from conformance.sdk import WireMessage
from conformance_security.disclosed import Disclosures


def seen(*answers: tuple[int, str], request: WireMessage | None = None) -> list[str]:
    disclosures = Disclosures()
    sent = request or WireMessage("POST /jrpc HTTP/1.1", (), b"{}")
    for number, (status, body) in enumerate(answers, 1):
        answer = WireMessage(f"HTTP/1.1 {status} OK", (), body.encode())
        disclosures.see(number, "SEC-V02", "POST /jrpc", sent, answer)
    return list(map(str, disclosures.all()))


TRACE = "Traceback (most recent call last):\n  File"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('{"error":"(sqlite3.IntegrityError) NOT NULL constraint failed"}', "a database error"),
        ('{"error":"(pymysql.err.IntegrityError) (1048, \'x\')"}', "a database error"),
        (TRACE, "a Python stack trace"),
        ("java.lang.NullPointerException", "a Java stack trace"),
    ],
)
def test_traces_and_database_errors_are_found_in_any_answer(body: str, what: str) -> None:
    [shown] = seen((200, body))
    assert re.fullmatch(rf"POST /jrpc shows {what} \(.+\) \(exchange 1, made by SEC-V02\)", shown)
    assert seen((500, body), (500, body)) == [shown]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("[SQL: \n insert into transact(account, amount) values (?)]", "an SQL statement"),
        ("near: select id, name from users where id = ?", "an SQL statement"),
        ("update accounts set balance = 1", "an SQL statement"),
        ("delete from accounts where 1", "an SQL statement"),
        ("no such file: /srv/bank/keys.json", "a file system path"),
    ],
)
def test_statements_and_paths_are_found_in_errors(body: str, what: str) -> None:
    [shown] = seen((422, body))
    assert shown.startswith(f"POST /jrpc shows {what} (")
    assert seen((200, body)) == []


@pytest.mark.parametrize(
    "body",
    [
        "Select a currency from the list, please.",
        "You may delete from your own account only; update your details and set a limit.",
        "amount must be positive",
        "",
    ],
)
def test_plain_sentences_disclose_nothing(body: str) -> None:
    assert seen((400, body)) == []


def test_what_only_repeats_the_request_is_nothing_given_away() -> None:
    sent = WireMessage("GET /files/%2Fetc%2Fpasswd HTTP/1.1", (("X-Note", "/home/me"),), b"")
    assert seen((404, "no page /etc/passwd"), (404, "what is '/home/me'?"), request=sent) == []
    assert seen((404, "no page /etc/shadow"), request=sent) != []


def test_each_operation_and_kind_is_kept_once_and_not_without_end() -> None:
    disclosures = Disclosures()
    for number in range(300):
        answer = WireMessage("HTTP/1.1 500 Oh", (), TRACE.encode())
        disclosures.see(number, "SEC-I02", f"GET /{number}", WireMessage(), answer)
    assert len(disclosures.all()) == 100
