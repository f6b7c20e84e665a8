"""A check is repeated with the requests that fetched its tokens, whichever check made them."""

from __future__ import annotations

from conformance.engine.tracing import NullRecorder, TracingRecorder
from conformance.sdk import Sighting, WireMessage

ANSWER = WireMessage("HTTP/1.1 200 OK")


def fetch(recorder: TracingRecorder, user: str, answer: WireMessage | None = ANSWER) -> None:
    """Fetch a token as the driver does: the recorder learns it before the exchange is recorded."""
    recorder.add_secret(f"token-of-{user}")
    body = f"client_id={user}".encode()
    recorder.record(Sighting("http", WireMessage("POST /token", (), body), answer, 0, 0, "", f"curl id={user}"))


def read(recorder: TracingRecorder, user: str) -> None:
    line = f'curl -H "Bearer ${{{user.upper()}_TOKEN}}"'
    recorder.record(Sighting("http", WireMessage("GET /"), ANSWER, 0, 0, "", line))


def test_tokens_that_an_earlier_check_fetched_are_fetched_first() -> None:
    recorder = TracingRecorder(NullRecorder())
    recorder.start("A")
    for user in ("alice", "bob", "malice"):
        fetch(recorder, user)
    read(recorder, "alice")
    recorder.start("B")
    read(recorder, "alice")
    assert recorder.traces.composed() == ((1, "curl id=alice"), (5, 'curl -H "Bearer ${ALICE_TOKEN}"'))
    assert recorder.traces.ranges() == ((5, 5),), "what others did is not cited as evidence"


def test_the_latest_fetch_counts_and_an_own_one_is_not_repeated() -> None:
    recorder = TracingRecorder(NullRecorder())
    recorder.start("A")
    fetch(recorder, "alice")
    fetch(recorder, "alice")
    recorder.start("B")
    read(recorder, "alice")
    assert [seq for seq, _ in recorder.traces.composed()] == [2, 3]
    recorder.start("C")
    fetch(recorder, "alice")
    read(recorder, "alice")
    assert [seq for seq, _ in recorder.traces.composed()] == [4, 5]


def test_what_was_not_answered_gave_nothing() -> None:
    recorder = TracingRecorder(NullRecorder())
    recorder.start("A")
    fetch(recorder, "alice", None)
    recorder.start("B")
    read(recorder, "alice")
    assert [seq for seq, _ in recorder.traces.composed()] == [2]
