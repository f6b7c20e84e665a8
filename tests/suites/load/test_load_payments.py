"""The work of payments: what is journalled before sending, and what each answer says, in whatever order it comes."""

import json

import pytest
from load_products import maker_of

from conformance_load.arrivals import Kind
from conformance_load.flow import Reply, Times
from conformance_load.journal import PaymentJournal, State
from conformance_load.making import Shot
from conformance_load.payments import FAILURES_RECORDED_MAX, SAMPLE_EVERY, PaymentWork

HEADERS = {"Content-Type": "application/json"}
REFUSED = Reply(422, HEADERS, b'{"code": "insufficient-funds"}')
BUSY = Reply(409, HEADERS, b'{"code": "in-progress"}')
TIMEOUT = Reply(broken="timeout", detail="nothing came")
MAKER = maker_of()


def accepted(identifier="pay-1", state="accepted"):
    return Reply(201, HEADERS, json.dumps({"id": identifier, "state": state}).encode())


@pytest.fixture
def work(tmp_path):
    made = []

    def make(*shots):
        journal = PaymentJournal.create(tmp_path / str(len(made)), 2000)
        made.append(journal)
        return PaymentWork(
            MAKER, [Shot(kind, number, b"POST / HTTP/1.1\r\nA: b\r\n\r\n{}") for kind, number in shots], journal
        )

    yield make
    for journal in made:
        journal.close()


def send(work, arrival, reply, at=10):
    work.request(arrival)
    work.sending(arrival, at)
    return work.answered(arrival, reply, Times(at - 5, at, at + 5))


UNCOVERED = 8


@pytest.mark.parametrize(
    ("number", "reply", "outcome", "state"),
    [
        (0, accepted(), "confirmed", State.ACK),
        (0, accepted(state="confirmed"), "confirmed", State.ACK),
        (0, accepted(state="pending"), "confirmed", State.PENDING),
        (0, accepted(state="rejected"), "refused", State.REJECT),
        (0, REFUSED, "refused", State.REJECT),
        (0, TIMEOUT, "broken", State.UNKNOWN),
        (0, Reply(500, HEADERS, b"{}"), "broken", State.UNKNOWN),
        (0, Reply(201, HEADERS, b"not JSON"), "broken", State.UNKNOWN),
        (0, None, "cut", State.UNKNOWN),
        (UNCOVERED, REFUSED, "expected", State.REJECT),
        (UNCOVERED, accepted(), "confirmed", State.ACK),
        (UNCOVERED, accepted(state="pending"), "confirmed", State.PENDING),
    ],
)
def test_an_answer_decides_its_payment(work, number, reply, outcome, state):
    made = work((Kind.PAYMENT, number))
    assert made.request(0) == (b"POST / HTTP/1.1\r\nA: b\r\n\r\n{}", False)
    made.sending(0, 10)
    assert made.journal.state(number) is State.SENT
    assert made.answered(0, reply, Times(5, 10, 15)) == outcome
    assert made.journal.state(number) is state
    assert made.uncovered == (number == UNCOVERED and reply is not None)
    assert made.overdrawn == (number == UNCOVERED and state is State.ACK)
    assert made.journal.pending == ({number: "pay-1"} if state is State.PENDING else {})
    judged = number == UNCOVERED and state is not State.PENDING
    assert (made.uncovered_judged.made, made.uncovered_judged.judged) == (number == UNCOVERED, judged)


@pytest.mark.parametrize(
    ("reply", "instead"),
    [
        (REFUSED, {}),
        (Reply(401, HEADERS, REFUSED.body), {"refused (HTTP 401, code insufficient-funds)": 1}),
        (Reply(500, HEADERS, b""), {"HTTP 500": 1}),
        (TIMEOUT, {"timeout": 1}),
    ],
)
def test_only_a_refusal_of_the_payment_itself_shows_that_cover_is_checked_or_a_key_is_bound(work, reply, instead):
    made = work((Kind.PAYMENT, UNCOVERED))
    send(made, 0, reply)
    assert (made.uncovered_judged.judged, made.uncovered_judged.instead) == (not instead, instead)
    shots = [Shot(Kind.PAYMENT, 0, b"first"), Shot(Kind.ALTERED, 0, b"altered", b"again")]
    made = PaymentWork(MAKER, shots, made.journal)
    send(made, 0, accepted())
    made.request(1)
    send(made, 1, reply, at=30)
    assert (made.altered_judged.judged, made.altered_judged.instead) == (not instead, instead)


def test_what_never_left_our_machine_stays_unsent(work):
    made = work((Kind.PAYMENT, 0))
    made.request(0)
    assert made.answered(0, Reply(broken="connection", detail="refused"), Times(5, 10, 15)) == "broken"
    assert made.journal.state(0) is State.FREE


def test_a_cut_payment_says_so_and_is_unknown(work):
    made = work((Kind.CUT, 0))
    assert made.request(0)[1]
    assert send(made, 0, None) == "cut"
    assert made.journal.state(0) is State.UNKNOWN


def test_a_repetition_journals_its_payment_where_that_never_left(work):
    for kind in (Kind.TWIN, Kind.REPLAY):
        made = work((Kind.PAYMENT, 0), (kind, 0))
        made.request(1)
        made.sending(1, 10)
        assert made.journal.state(0) is State.SENT
        assert made.answered(1, TIMEOUT, Times(5, 10, 15)) == "broken"
        assert made.journal.state(0) is State.SENT


@pytest.mark.parametrize(
    ("first", "second", "outcomes"),
    [
        (accepted("p"), accepted("p"), ["confirmed", "replayed"]),
        (accepted("p"), BUSY, ["confirmed", "expected"]),
        (BUSY, accepted("p"), ["expected", "confirmed"]),
        (REFUSED, accepted("p"), ["refused", "confirmed"]),
        (accepted("p"), accepted("q"), ["confirmed", "replayed"]),
    ],
)
def test_of_two_equal_requests_one_confirms(work, first, second, outcomes):
    made = work((Kind.PAYMENT, 0), (Kind.TWIN, 0))
    assert [send(made, 0, first), send(made, 1, second)] == outcomes
    assert made.journal.state(0) is State.ACK
    assert made.due(0) == 1


def test_a_refusal_of_a_replay_counts_only_once_its_payment_was_known_to_be_confirmed(work):
    made = work((Kind.PAYMENT, 0), (Kind.REPLAY, 0), (Kind.REPLAY, 0))
    made.request(1)
    made.sending(1, 8)
    assert made.answered(1, BUSY, Times(5, 8, 9)) == "expected"
    assert send(made, 0, accepted(), at=10) == "confirmed"
    assert send(made, 2, BUSY, at=30) == "denied"
    assert made.repeats.replays().as_json() == {"made": 2, "same": 0, "different": 0, "refused": 1}


def test_an_altered_request_is_sent_only_for_a_confirmed_payment(work):
    made = work((Kind.PAYMENT, 0))
    shots = [Shot(Kind.PAYMENT, 0, b"first"), Shot(Kind.ALTERED, 0, b"altered", b"again")]
    for answer, sent, outcome in ((accepted(), b"altered", "expected"), (TIMEOUT, b"again", "expected")):
        made = PaymentWork(MAKER, shots, made.journal)
        made.journal.states[0] = State.FREE
        send(made, 0, answer)
        assert made.request(1)[0] == sent
        assert send(made, 1, REFUSED, at=30) == outcome
        assert made.altered == (sent == b"altered")


def test_many_answers_are_read_by_shape_and_mean_the_same(work):
    shots = [(Kind.PAYMENT, number) for number in range(1000)]
    made = work(*shots)
    for number in range(1000):
        state = "pending" if number % 50 == 3 else "accepted"
        send(made, number, accepted(f"pay-{number:08}", state))
    assert made.reader.as_json()["fast"] > 700
    assert made.reader.disagreed == 0
    states = [made.journal.state(number) for number in range(1000)]
    assert [number for number, state in enumerate(states) if state is State.PENDING] == list(range(3, 1000, 50))
    assert made.journal.pending == {number: f"pay-{number:08}" for number in range(3, 1000, 50)}
    assert 1000 // SAMPLE_EVERY // 4 < len(made.sightings) < 1000 // SAMPLE_EVERY * 4


def test_failures_are_recorded_with_their_exchange_up_to_a_bound(work):
    made = work(*((Kind.PAYMENT, number) for number in range(FAILURES_RECORDED_MAX + 200)))
    for number in range(FAILURES_RECORDED_MAX + 200):
        send(made, number, TIMEOUT if number % 2 else REFUSED)
    assert FAILURES_RECORDED_MAX * 0.8 < len(made.sightings) < FAILURES_RECORDED_MAX + 20
    refused, broken = made.sightings[0], made.sightings[1]
    assert (refused.request.start, refused.request.headers) == ("POST / HTTP/1.1", (("A", "b"),))
    assert (refused.response.start, refused.response.body) == ("HTTP/1.1 422", REFUSED.body)
    assert broken.response is None
    assert "timeout" in broken.error
