"""Reading fast: an answer that fits a shape means what the driver says it means; all else goes to the driver."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_products import PRODUCTS, maker_of

from conformance.sdk import Accepted, Exchange
from conformance_load.answer_shape import taken_apart
from conformance_load.flow import Reply
from conformance_load.meaning import LEARNT_FROM, FastReader, meaning_of

MAKERS = {product: maker_of(product) for product in PRODUCTS}
HEADERS = {"Content-Type": "application/json", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
#: How each product answers: by number and a source of chance.
BODIES = {
    "neutral": lambda number, chance: {
        "id": f"pay-{chance.getrandbits(80):020x}",
        "debtor": f"acc-{number % 5}",
        "amount": 1 + number * 7919 % 99_991,
        "currency": "CNY",
        "refunded": 0,
        "note": "größer",
        "created": f"2026-01-01T00:00:{number % 60:02}.{number % 1000:03}Z",
        "state": chance.choice(["accepted", "confirmed"]),
    },
    "decimals": lambda number, chance: {
        "code": "OK",
        "data": {"status": chance.choice(["DONE", "WAIT"]), "ref": f"T{chance.getrandbits(40):011d}", "fee": 0.0},
        "at": 1_780_000_000 + number,
    },
    "form": lambda number, chance: {"result": "FINE", "id": f"{chance.getrandbits(64):x}".zfill(16), "tags": [1, "a"]},
}


def reply_of(body, status=200, headers=HEADERS):
    return Reply(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def reader_of(maker):
    def interpret(number, reply):
        exchange = Exchange(seq=0, status=reply.status, headers=reply.headers, body=reply.body)
        return maker.driver.interpret(maker.prepare(number), exchange)

    return FastReader(interpret, lambda number: (f"acc-{number % 5}", str(1 + number * 7919 % 99_991))), interpret


def trained(product, answers=6 * LEARNT_FROM):
    reader, interpret = reader_of(MAKERS[product])
    chance = random.Random(1)
    for number in range(answers):
        reply = reply_of(BODIES[product](number, chance))
        if reader.read(reply) is None:
            reader.ask(number, reply)
    return reader, interpret


@pytest.mark.parametrize("product", PRODUCTS)
def test_after_a_few_answers_nearly_all_are_read_fast(product):
    reader, interpret = trained(product)
    before = reader.slow
    chance = random.Random(2)
    for number in range(1000, 2000):
        reply = reply_of(BODIES[product](number, chance))
        read = reader.read(reply)
        if read is None:
            reader.ask(number, reply)
        else:
            assert (read[0].decode(), read[1]) == tuple(meaning_of(interpret(number, reply)))
    assert reader.slow - before <= 2 * LEARNT_FROM
    assert reader.disagreed == 0


MUTATIONS = st.sampled_from(["replace", "delete", "insert", "swap"])


def mutated(body, data):
    place = data.draw(st.integers(0, len(body) - 1))
    match data.draw(MUTATIONS):
        case "replace":
            return body[:place] + bytes([data.draw(st.integers(0, 255))]) + body[place + 1 :]
        case "delete":
            return body[:place] + body[place + data.draw(st.integers(1, 8)) :]
        case "insert":
            return (
                body[:place]
                + data.draw(st.sampled_from([b"0", b'"', b"\\", b",", b" ", b"FAIL", b"e5"]))
                + body[place:]
            )
        case _:
            other = data.draw(st.integers(0, len(body) - 1))
            return body[:place] + body[other:] + body[place:other]


READERS = {product: trained(product) for product in PRODUCTS}


@pytest.mark.parametrize("product", PRODUCTS)
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_an_answer_is_reading_it_fast_gives_what_the_driver_gives(product, data):
    reader, interpret = READERS[product]
    number = data.draw(st.integers(0, 10**6))
    body = json.dumps(BODIES[product](number, data.draw(st.randoms(use_true_random=False)))).encode()
    if data.draw(st.booleans()):
        body = mutated(body, data)
    status = data.draw(st.sampled_from([200, 200, 200, 201, 400, 422, 429, 500, 302]))
    headers = data.draw(
        st.sampled_from([HEADERS, HEADERS, {}, {"Content-Type": "text/html"}, {"content-type": "application/json"}])
    )
    reply = reply_of(body, status, headers)
    read = reader.read(reply)
    if read is not None:
        answer = interpret(number, reply)
        assert isinstance(answer, Accepted)
        assert (read[0].decode(), read[1]) == tuple(meaning_of(answer))


WORDS = st.sampled_from(
    ["OK", "ok", "FAIL", "DONE", "WAIT", "NO", "FINE", "", "rejected", "accepted", 0, 1, None, True]
)


@pytest.mark.parametrize("product", PRODUCTS)
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_word_that_was_not_seen_is_left_to_the_driver(product, data):
    reader, interpret = READERS[product]
    body = BODIES[product](data.draw(st.integers(0, 10**6)), random.Random(data.draw(st.integers(0, 99))))
    place = body if data.draw(st.booleans()) or "data" not in body else body["data"]
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(WORDS)
    reply = reply_of(body)
    read = reader.read(reply)
    if read is not None:
        assert (read[0].decode(), read[1]) == tuple(meaning_of(interpret(1, reply)))


def test_a_shape_that_is_wrong_is_noticed_and_no_shape_is_trusted_any_more():
    reader, _ = reader_of(MAKERS["neutral"])
    chance = random.Random(3)
    replies = [reply_of({"id": f"p{chance.getrandbits(64):020}", "state": "accepted"}) for _ in range(40)]
    for number, reply in enumerate(replies[:20]):
        if reader.read(reply) is None:
            reader.ask(number, reply)
    read = reader.read(replies[30])
    assert read is not None
    reader._interpret = lambda number, reply: Accepted({"id": "another", "state": "accepted"}, Exchange(0))
    answer = reader.prove(30, replies[30], read)
    assert answer.value["id"] == "another"
    assert reader.disagreed == 1
    for number, reply in enumerate(replies):
        assert reader.read(reply) is None
        reader.ask(number, reply)
    assert reader.as_json() == {"fast": reader.fast, "byDriver": reader.slow, "disagreed": 1}


@pytest.mark.parametrize(
    "body",
    [
        lambda number: {"id": "always-the-same", "state": "accepted"},
        lambda number: {"id": f"ü{number}", "state": "accepted"},
        lambda number: {"number": number, "state": "accepted"},
        lambda number: {"id": number, "state": "accepted"},
    ],
    ids=["constant-id", "not-ascii", "no-id", "a-number"],
)
def test_ids_that_cannot_be_told_are_left_to_the_driver(body):
    reader, _ = reader_of(MAKERS["neutral"])
    for number in range(40):
        reply = reply_of(json.dumps(body(number), ensure_ascii=False).encode())
        assert reader.read(reply) is None
        reader.ask(number, reply)
    assert reader.fast == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_taking_apart_loses_nothing_and_finds_values_only(document, ascii_only):
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    pieces, values = taken_apart(body)
    whole = pieces[0] + b"".join(value + piece for value, piece in zip(values, pieces[1:], strict=True))
    assert whole == body
    for value in values:
        assert not isinstance(json.loads(value), dict | list)
