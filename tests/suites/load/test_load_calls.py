"""Plain requests of a stream: what counts as confirmed, what is kept of an exchange, and that secrets are not."""

from types import SimpleNamespace

import pytest

from conformance.sdk import Accepted, Broken, Prepared, Refused, WireRequest
from conformance_load.calls import FAILURES_RECORDED_MAX, SAMPLE_EVERY, Call, CallWork, calls_of
from conformance_load.flow import Reply, Times

TIMES = Times(1_000, 2_000, 5_000)
OK = Reply(200, {"X-Request": "7"}, b"secret-token")


class Driver:
    """Understands a status, and nothing else."""

    def wire(self, prepared):
        return WireRequest("POST", "https://bank.example/token", (("Authorization", "Basic secret"),), b"secret-body")

    def interpret(self, prepared, exchange):
        if exchange.status >= 500:
            return Broken("server-error", "500", exchange)
        if exchange.status >= 400:
            return Refused("no", exchange, {})
        return Accepted({"text": exchange.body.decode()}, exchange)


CONTEXT = SimpleNamespace(candidate=SimpleNamespace(driver=Driver()), seed=1, progress=lambda done, total, note: None)


class Ear:
    """Notes what a work says."""

    def __init__(self):
        self.heard = []

    def sending(self, arrival):
        self.heard.append(("sending", arrival))

    def decided(self, arrival, answer):
        self.heard.append((type(answer).__name__, arrival))


def work(count=1, *, sound=lambda value: True, **options):
    prepared = Prepared("token", {}, "alice", "", lambda _: None)
    return CallWork(CONTEXT, [Call.ready(CONTEXT, prepared, sound)] * count, **options)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (OK, "confirmed"),
        (Reply(422), "refused"),
        (Reply(503), "broken"),
        (Reply(broken="timeout", detail="late"), "broken"),
        (None, "broken"),
    ],
)
def test_an_answer_becomes_an_outcome(reply, outcome):
    assert work().answered(0, reply, TIMES) == outcome


def test_an_accepted_answer_without_what_was_asked_for_is_broken():
    made = work(sound=lambda value: value["text"] == "something else")
    assert made.answered(0, OK, TIMES) == "broken"
    assert made.sightings[0].response.body == b"secret-token"


def test_a_listener_hears_each_request_before_and_after():
    ear = Ear()
    made = work(2, listener=ear)
    assert made.request(1) == (b"POST /token HTTP/1.1\r\nHost: bank.example\r\nAuthorization: Basic secret\r\n"
                               b"Content-Length: 11\r\n\r\nsecret-body", False)  # fmt: skip
    made.sending(1, 0)
    made.answered(1, Reply(409), TIMES)
    assert ear.heard == [("sending", 1), ("Refused", 1)]


def test_failures_are_kept_up_to_a_number_and_a_sample_of_the_rest():
    failing = work(1)
    for _ in range(FAILURES_RECORDED_MAX + 50):
        failing.answered(0, Reply(422), TIMES)
    assert FAILURES_RECORDED_MAX <= len(failing.sightings) < FAILURES_RECORDED_MAX + 50
    fine = work(1)
    for _ in range(20 * SAMPLE_EVERY):
        fine.answered(0, OK, TIMES)
    assert 0 < len(fine.sightings) < 60
    assert fine.sightings[0].elapsed_us == 3


@pytest.mark.parametrize(
    "reply", [OK, Reply(401, {"Set-Cookie": "secret"}, b"secret"), Reply(broken="tls", detail="secret")]
)
def test_of_an_exchange_with_secrets_nothing_but_the_status_is_kept(reply):
    made = work(secret=True, sound=lambda value: False)
    made.answered(0, reply, TIMES)
    (sighting,) = made.sightings
    assert "secret" not in repr(sighting)
    assert sighting.request.start == "POST /token HTTP/1.1"


class Counting(Driver):
    """Counts what it makes; ``fresh``: with a nonce in each."""

    def __init__(self, fresh):
        self.fresh, self.made = fresh, 0

    def wire(self, prepared):
        self.made += 1
        nonce = str(self.made) if self.fresh else "same"
        return WireRequest(
            "GET", f"https://bank.example/payments/{prepared.arguments['payment']}", (("Nonce", nonce),), b""
        )


@pytest.mark.parametrize(("fresh", "made"), [(False, 2 + 3), (True, 2 + 30)])
def test_equal_requests_are_made_once_where_the_driver_makes_equal_bytes(fresh, made):
    driver = Counting(fresh)
    context = SimpleNamespace(candidate=SimpleNamespace(driver=driver), progress=lambda done, total, note: None)
    requests = [
        (Prepared("payments.read", {"payment": f"p{number % 3}"}, "alice", "", lambda _: None), bool)
        for number in range(30)
    ]
    calls = calls_of(context, requests)
    assert [call.prepared.arguments for call in calls] == [prepared.arguments for prepared, _ in requests]
    assert (driver.made, len({call.data for call in calls})) == (made, 30 if fresh else 3)


def test_what_is_kept_of_a_request_is_what_was_sent():
    made = work()
    made.answered(0, Reply(422), TIMES)
    request = made.sightings[0].request
    assert ("Authorization", "Basic secret") in request.headers
    assert request.body == b"secret-body"
