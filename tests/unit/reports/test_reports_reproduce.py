"""Scripts of failed checks: what is quoted stays quoted, ids are followed, secrets stay variables."""

import subprocess
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conformance.candidate.curl import curl_line
from conformance.candidate.secrets import Secrets
from conformance.sdk.load import WireRequest
from conformance_reports.reproduce import quoted, script, words

PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


@given(body=PLAIN, value=PLAIN)
def test_words_survive_being_read_and_quoted_again(body: str, value: str) -> None:
    request = WireRequest("POST", "http://127.0.0.1/x", (("X-Note", value), ("X-Key", "s3cret-value")), body.encode())
    secrets = Secrets()
    secrets.remember("s3cret-value", "SHOP_KEY")

    read = words(curl_line(request, "", secrets))

    texts = ["".join("${" + p.text + "}" if p.variable else p.text for p in word) for word in read]
    assert texts[:2] == ["curl", "-X"]
    assert (f"X-Note: {value}" if value.strip(" ") else "X-Note;") in texts
    assert "X-Key: ${SHOP_KEY}" in texts
    assert [word for word in read if any(p.variable for p in word)] == [read[texts.index("X-Key: ${SHOP_KEY}")]]


def test_what_a_shell_makes_of_hostile_text_is_that_text() -> None:
    hostile = "'; touch /tmp/x; $(id) `id` ${HOME} \\ \" !x"
    request = WireRequest("POST", "http://127.0.0.1/", (), hostile.encode())
    again = " ".join(quoted(word) for word in words(curl_line(request, "", Secrets())))
    done = subprocess.run(["bash", "-c", f"printf '%s' {again.split(' --data-binary ')[1]}"], capture_output=True)
    assert done.stdout.decode() == hostile


def exchange(number: int, start: str, status: int, body: str) -> dict[str, Any]:
    return {
        "seq": number, "kind": "http", "req": {"start": start, "headers": [], "body": ""},
        "resp": {"start": f"HTTP/1.1 {status} OK", "headers": [], "body": body},
    }  # fmt: skip


def test_ids_tokens_and_unique_values_are_made_anew() -> None:
    unique = "key-" + "a1" * 10
    row = {
        "check": "X-1", "title": {"en": "t\nrm -rf"}, "reason": "r", "expected": None, "actual": None,
        "exchanges": [[4, 6]],
        "curl": [
            "curl -X POST http://h/token --data-binary \"secret=${ALICE_SECRET}\"",
            f"curl -X POST http://h/pay -H \"Authorization: Bearer ${{ALICE_TOKEN}}\" -H 'Idempotency-Key: {unique}'",
            "curl -X GET http://h/pay/pay-12345 -H \"Authorization: Bearer ${ALICE_TOKEN}\"",
        ],
    }  # fmt: skip
    records = {
        4: exchange(4, "POST /token HTTP/1.1", 200, '{"access_token": "[redacted]"}'),
        5: exchange(5, "POST /pay HTTP/1.1", 201, '{"data": {"id": "pay-12345"}}'),
        6: exchange(6, "GET /pay/pay-12345 HTTP/1.1", 200, "{}"),
    }

    text = script(row, records.get)

    assert "need ALICE_SECRET " in text
    assert "need ALICE_TOKEN " not in text
    assert "ALICE_TOKEN=$(pick access_token)" in text
    assert "ANSWER_5_DATA_ID=$(pick data id)" in text
    assert 'http://h/pay/"${ANSWER_5_DATA_ID}"' in text
    assert unique not in text
    assert '"${FRESH}"' in text
    assert "\nrm -rf" not in text
    assert subprocess.run(["bash", "-n", "-c", text], check=False).returncode == 0


def test_what_the_evidence_does_not_keep_is_asked_for_before_anything_is_sent(tmp_path) -> None:
    row = {
        "check": "X-2", "title": {"en": "t"}, "reason": "r", "expected": None, "actual": None, "exchanges": [[7, 7]],
        "curl": ["curl -X POST http://h/par -H 'DPoP: [redacted]' --data-binary 'a=1&client_assertion=[redacted]'"],
    }  # fmt: skip
    path = tmp_path / "X-2.sh"
    path.write_text(script(row, {7: exchange(7, "POST /par HTTP/1.1", 201, "{}")}.get), encoding="utf-8")

    # A shell that is not bash hands over to it.
    done = subprocess.run(["sh", str(path)], capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert "CLIENT_ASSERTION_7 is not set; export it: a new value for client_assertion of exchange 7" in done.stderr
    assert "DPOP_7 is not set" in done.stderr
    assert done.stderr.endswith("or let the harness make new ones: conformance run --check X-2\n")
    assert done.stdout == ""


def test_a_script_ends_by_saying_what_to_compare() -> None:
    row = {
        "check": "X-3", "title": {"en": "t"}, "reason": "it's paid twice", "expected": "1 id", "actual": "8 ids",
        "exchanges": [], "curl": [],
    }  # fmt: skip
    done = subprocess.run(["bash", "-c", script(row, {}.get)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("compare:\nit's paid twice; expected: 1 id; recorded: 8 ids\n")
