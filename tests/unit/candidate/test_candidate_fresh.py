"""Fresh values and ids chosen by the client: the same within one operation and its replay, never in another."""

from collections.abc import Callable

import pytest
from candidate_product import Product

from conformance.candidate.fresh import FRESH_MAX, FRESH_MIN, FreshValues, fresh_value
from conformance.errors import FileProblems
from conformance.sdk import Accepted, Candidate

Bind = Callable[..., Candidate]
OPEN = {
    "method": "PUT",
    "path": "/accounts/{fresh:20}",
    "query": {"name": "{fresh:20}"},
    "header": {"X-Request": "{fresh}"},
    "body": {"name": "{fresh:20}", "label": "acct-{fresh:10}", "id": {"from": "fresh", "as": "uuid"}},
    "result": {"id": "argument:fresh:20", "uuid": {"at": "argument:fresh", "as": "uuid"}},
}
PAY = {
    "method": "PUT",
    "path": "/transfers/{fresh}",
    "header": {"Idempotency-Key": "{idempotency_key}"},
    "body": {"id": {"from": "idempotency_key", "as": "uuid"}, "amount": "{amount}"},
    "result": {"id": {"at": "argument:idempotency_key", "as": "uuid"}},
}


def test_one_value_within_a_request_and_another_in_the_next(bound: Bind, product: Product) -> None:
    product.answer = lambda request: (204, {}, b"")
    candidate = bound(operations={"accounts.open": OPEN})
    first, second = candidate.call("accounts.open"), candidate.call("accounts.open")

    seen = []
    for request, answer in zip(product.requests, (first, second), strict=True):
        assert isinstance(answer, Accepted)
        whole = request.headers["X-Request"]
        assert len(whole) == FRESH_MAX
        name = request.json["name"]
        assert (len(name), name) == (20, whole[:20])
        assert request.path == f"/accounts/{name}?name={name}"
        assert request.json["label"] == f"acct-{whole[:10]}"
        assert answer.value == {"id": name, "uuid": request.json["id"]}
        seen.append(whole)
    assert len(set(seen)) == 2


def test_all_calls_of_an_operation_see_the_same_value(bound: Bind, product: Product) -> None:
    steps = [
        {"method": "PUT", "path": "/orders/{fresh}", "keep": {"order": "$.id"}},
        {"method": "POST", "path": "/orders/{fresh}/pay", "body": {"order": "{order}"}},
    ]
    candidate = bound(operations={"payments.create": {"steps": steps}})
    prepared = candidate.prepare("payments.create", idempotency_key="k-1")
    prepared.send()
    prepared.send()
    candidate.call("payments.create", idempotency_key="k-2")

    put, pay, again, other, _ = [request.path for request in product.requests]
    assert pay == again == f"{put}/pay"
    assert other.startswith("/orders/")
    assert other != put


def test_a_replay_is_the_same_request_and_another_key_or_user_is_not(bound: Bind, product: Product) -> None:
    candidate = bound(operations={"payments.create": PAY}, users={"alice": {}, "bob": {}})
    prepared = candidate.prepare("payments.create", amount=1, idempotency_key="k-1")
    answers = [prepared.send(), prepared.send(), *candidate.driver.together([prepared, prepared])]  # type: ignore[attr-defined]
    candidate.call("payments.create", amount=1, idempotency_key="k-1")
    candidate.call("payments.create", amount=1, idempotency_key="k-2")
    prepared.as_user("bob").send()

    paths = [request.path for request in product.requests]
    assert len(set(paths[:5])) == 1
    assert len(set(paths)) == 3
    sent = {request.json["id"] for request in product.requests[:5]}
    assert {answer.value["id"] for answer in answers if isinstance(answer, Accepted)} == sent


def test_without_a_key_every_sending_has_a_value_of_its_own(bound: Bind, product: Product) -> None:
    prepared = bound(operations={"accounts.open": OPEN}).prepare("accounts.open")
    prepared.send()
    prepared.send()
    assert product.requests[0].path != product.requests[1].path


def test_a_response_to_an_unsent_request_is_read_with_the_value_of_its_key(bound: Bind, product: Product) -> None:
    operation = {**PAY, "result": {"id": "argument:fresh"}}
    candidate = bound(operations={"payments.create": operation})
    prepared = candidate.prepare("payments.create", amount=1, idempotency_key="k-1")
    wire = candidate.driver.wire(prepared)  # type: ignore[attr-defined]
    answer = prepared.send()
    assert isinstance(answer, Accepted)
    assert wire.url.endswith(f"/{answer.value['id']}")


@pytest.mark.parametrize("text", ["{fresh:9}", "{fresh:33}", "{fresh:x}", "a-{fresh:}", "{reference|fresh:5}"])
def test_a_length_that_would_repeat_is_refused_when_the_file_is_read(bound: Bind, text: str) -> None:
    operation = {"method": "PUT", "path": f"/a/{text}", "body": {"n": text, "m": {"from": "fresh:5"}}}
    with pytest.raises(FileProblems) as caught:
        bound(operations={"x.make": {**operation, "result": {"id": "argument:fresh:5"}}})
    found = {problem.path: problem for problem in caught.value.problems}
    place = '$.operations["x.make"]'
    assert set(found) == {f"{place}.path", f"{place}.body.n", f"{place}.body.m.from", f"{place}.result.id"}
    assert all(f"from {FRESH_MIN} to {FRESH_MAX}" in problem.expected for problem in found.values())


def test_values_are_letters_and_digits_and_those_of_a_key_are_worked_out() -> None:
    values, others = FreshValues(), FreshValues()
    made = [fresh_value() for _ in range(200)] + [values.of("o", "u", f"k{n}") for n in range(200)]
    assert len({value[:FRESH_MIN] for value in made}) == 400
    assert all(len(value) == FRESH_MAX and value.isalnum() and value[0].isalpha() for value in made)
    assert values.of("o", "u", "k1") == values.of("o", "u", "k1") != others.of("o", "u", "k1")
    apart = [values.of("o", None, "k"), values.of("o", "", "k"), values.of("ou", None, "k"), values.of("o", "u", "k")]
    assert len(set(apart)) == 4
