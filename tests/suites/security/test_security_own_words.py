"""Members of a product's own answers, altered: which are tried, as what, and what taking one over looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stub_bank import Bank, candidate_of, evidence

from conformance.model.candidate import CandidateFile
from conformance.sdk import Accepted, Answer, Candidate, Exchange, Finding, Pool, Prepared
from conformance_security.checks import authorization
from conformance_security.own_words import MEMBERS_MAX, answer_only


def tried(answer: Any, request: Any, identifier: str = "T1", **mapping: Any) -> dict[str, object]:
    exchange = Exchange(1, 201, body=json.dumps(answer).encode(), request_body=json.dumps(request).encode())
    file = CandidateFile("x", "1", mapping=mapping)
    driver: Any = Bank()
    candidate = Candidate(driver, file, Pool(()), lambda name, arguments: {}, "alice")
    return dict(answer_only(candidate, Accepted({"id": identifier}, exchange)))


def test_members_of_what_was_made_are_altered_each_after_its_kind() -> None:
    data = {
        "tradeNo": "T1", "sum": "1.00", "tradeStatus": "EXECUTED", "fee": 0, "paid": "12.37", "risky": False,
        "gmtCreate": "2026-11-26T10:00:00+08:00", "auditor": None, "timeline": {"executedAt": "20261126100000"},
        "labels": ["a"], "channel": "web",
    }  # fmt: skip
    states = {"EXECUTED": "confirmed", "RETURNED": "refunded"}
    found = tried({"code": "0", "data": data}, {"order": {"sum": "1.00"}}, states=states)
    assert found == {
        "tradeStatus": "RETURNED", "fee": 1237, "paid": "912.37", "risky": True,
        "gmtCreate": "2001-11-26T10:00:00+08:00", "auditor": "admin", "timeline": {"executedAt": "20011126100000"},
        "labels": [], "channel": "refunded",
    }  # fmt: skip


def test_names_in_a_form_were_sent_as_well() -> None:
    answer = {"id": "T1", "amount": 1, "currency": "usd", "captured": True, "source": {"card": 4}, "paid": False}
    exchange = Exchange(
        1, 201, body=json.dumps(answer).encode(), request_body=b"amount=1&currency=usd&source%5Bcard%5D=4"
    )
    file = CandidateFile("x", "1")
    driver: Any = Bank()
    candidate = Candidate(driver, file, Pool(()), lambda name, arguments: {}, "alice")
    assert dict(answer_only(candidate, Accepted({"id": "T1"}, exchange))) == {"captured": False, "paid": True}


@pytest.mark.parametrize("answer", [[], "text", None, {"data": []}])
def test_answers_without_such_an_object_give_nothing_to_try(answer: Any) -> None:
    assert tried(answer, {"data": 1}) == {}


def test_no_more_are_tried_than_a_product_can_bear() -> None:
    assert len(tried({"id": "T1", **{f"m{number}": number for number in range(99)}}, {})) == MEMBERS_MAX


class Dated(Bank):
    """A bank that says when it paid; ``copying``: it believes whoever asks."""

    copying = False

    def pay(self, prepared: Prepared, body: dict[str, Any], amount: int, sent: bytes) -> Answer:
        answer = super().pay(prepared, body, amount, sent)
        if isinstance(answer, Accepted):
            answer.value["created"] = body["created"] if self.copying and "created" in body else "2026-11-26T10:00:00Z"
            return self.yes(answer.value, sent, 201)
        return answer

    def payments_create(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        known = ("debtor", "creditor", "amount", "currency", "reference", *(("created",) if self.copying else ()))
        return self.pay(prepared, {name: body[name] for name in known if name in body}, int(body["amount"]), sent)


def test_a_product_that_takes_its_own_members_from_the_request_is_found() -> None:
    bank = Dated()
    authorization.unknown_members_decide_nothing(candidate_of(bank), evidence())
    bank.copying = True
    with pytest.raises(Finding, match="'created' in the request must not decide when the payment was made"):
        authorization.unknown_members_decide_nothing(candidate_of(bank), evidence())
