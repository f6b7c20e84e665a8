"""Proposals for APIs in well-known styles: what is found in each, in envelopes too, and what is said to be missing."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_styles import STYLES, endpoint, enveloped, made_of, wrapped

from conformance.candidate.problems import http_problems
from conformance.files.candidate_file import read_candidate
from conformance.model.candidate import CandidateFile
from conformance.openapi.proposal import propose

Proposed = Callable[[dict[str, Any]], tuple[str, CandidateFile]]


@pytest.fixture
def proposed(tmp_path: Path) -> Proposed:
    """Return what is written for some paths, as text and as a run would read it."""

    def make(paths: dict[str, Any]) -> tuple[str, CandidateFile]:
        text = propose(made_of(tmp_path, paths)).text()
        path = tmp_path / "candidate.toml"
        path.write_text(text, encoding="utf-8")
        candidate = read_candidate(path)
        assert http_problems(candidate) == []
        return text, candidate

    return make


def where(value: Any) -> Any:
    return value["at"] if isinstance(value, dict) else value


# -- words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STYLES)
def test_arguments_and_results_are_found_in_every_style(name: str, tmp_path: Path, proposed: Proposed) -> None:
    paths, placed, read = STYLES[name]
    made = propose(made_of(tmp_path, paths))
    create = next(one for one in made.shaped if one.operation == "payments.create")
    assert create.placed == placed
    text, candidate = proposed(paths)
    result = candidate.operations["payments.create"]["result"]
    assert {key: where(result.get(key)) for key in read} == read
    assert made.confidences["payments.create"] > 0.75
    above = text[text.index("# payments.create ←") : text.index('[operations."payments.create"]')]
    assert "not found, and needed" not in above


def test_the_clients_own_number_is_the_idempotency_key_and_is_never_left_out(proposed: Proposed) -> None:
    body = proposed(enveloped())[1].operations["payments.create"]["body"]
    assert body["outTradeNo"] == "{idempotency_key|fresh}"
    assert body["remark"] == "{reference}"


def test_a_refund_has_its_own_id_amount_and_state(proposed: Proposed) -> None:
    refund = proposed(enveloped())[1].operations["payments.refund"]
    assert refund["path"] == "/api/v1/transfers/{payment}/refunds"
    assert refund["body"]["refundAmount"]["from"] == "amount"
    assert refund["body"]["outRefundNo"] == "{idempotency_key|fresh}"
    result = refund["result"]
    assert result["id"] == "$.data.refundNo"
    assert where(result["payment"]) == "$.data.tradeNo"
    assert where(result["amount"]) == "$.data.refundAmount"
    assert where(result["state"]) == "$.data.refundStatus"


def test_the_clients_number_is_read_as_the_reference_only_where_the_reference_was_sent_in_it(
    proposed: Proposed,
) -> None:
    answer = {"id": "string", "status": "string", "amount": "integer", "outTradeNo": "string"}
    takes = {"outTradeNo": "string", "amount": "integer", "payer": "string", "payee": "string"}
    key = [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}]

    def created(**further: Any) -> dict[str, Any]:
        paths = {"/payments": {"post": endpoint("Create a payment", takes, answer, **further)}}
        result = proposed(paths)[1].operations["payments.create"]["result"]
        assert isinstance(result, dict)
        return result

    assert "reference" not in created()
    assert where(created(parameters=key)["reference"]) == "$.outTradeNo"


def test_an_accounts_own_currency_is_not_the_payments(proposed: Proposed) -> None:
    body = proposed(STYLES["Berlin Group"][0])[1].operations["payments.create"]["body"]
    assert body["instructedAmount"]["currency"] == "{currency}"
    assert "currency" not in body["debtorAccount"]


def test_arguments_go_into_the_one_item_of_a_list_of_payments_and_of_no_other_list(proposed: Proposed) -> None:
    amount = {"value!": "string", "currency_code!": "string"}
    unit = {"amount!": amount, "payee": {"merchant_id": "string"}, "soft!": "string"}
    takes = {"intent!": ["CAPTURE"], "purchase_units!": [unit], "items": [{"description": "string"}]}
    text, candidate = proposed({"/v2/checkout/orders": {"post": endpoint("Create an order", takes, {"id": "string"})}})
    body = candidate.operations["payments.create"]["body"]
    assert body == {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "amount": {"value": {"from": "amount", "as": "decimal-string"}, "currency_code": "{currency}"},
                "payee": {"merchant_id": "{creditor}"},
            }
        ],
    }
    assert "soft is required (string) and not understood" in text


def test_a_number_that_identifies_a_refund_is_not_its_amount(proposed: Proposed) -> None:
    takes = {"transaction_id": "string", "refund_no": "string", "amount!": {"refund!": "integer", "total!": "integer"}}
    answer = {"refund_id": "string", "transaction_id": "string", "amount": {"refund": "integer", "total": "integer"}}
    refund = proposed({"/v3/refunds": {"post": endpoint("Apply for a refund", takes, answer)}})[1].operations[
        "payments.refund"
    ]
    assert refund["body"]["amount"] == {"refund": {"from": "amount", "as": "minor"}}
    assert where(refund["result"]["amount"]) == "$.amount.refund"


def test_a_payment_may_be_asked_for_by_post(proposed: Proposed) -> None:
    answer = wrapped({"orderId": "string", "orderStatus": "string", "payAmount": "string"})
    for path in ("/pay/queryOrder", "/payment/query"):
        made = proposed({path: {"post": endpoint("Query a payment", {"orderId!": "string"}, answer)}})[1]
        assert made.operations["payments.read"]["body"] == {"orderId": "{payment}"}


# -- envelopes --------------------------------------------------------------------------------------------------


def test_nothing_is_read_from_the_envelope_itself(proposed: Proposed) -> None:
    operations = proposed(enveloped())[1].operations
    for name in ("payments.create", "payments.read", "payments.refund"):
        assert [where(one) for one in operations[name]["result"].values() if not where(one).startswith("$.data.")] == []
    assert operations["payments.list"]["items"] == "$.data.list[*]"


CODES: list[tuple[Any, list[str]]] = [
    ({"schema": {"type": "integer", "example": 0}}, ["0"]),
    ({"schema": {"type": "string", "default": "0000"}}, ["0000"]),
    ({"schema": {"type": "string", "const": "S100"}}, ["S100"]),
    ({"schema": {"type": "string", "enum": ["SUCCESS", "PARAM_ERROR", "NO_BALANCE"]}}, ["SUCCESS"]),
    ({"schema": {"type": "integer", "description": "1000 means success, anything else is an error"}}, ["1000"]),
]


@pytest.mark.parametrize(("code", "good"), CODES)
def test_what_the_document_says_of_success_is_taken(code: Any, good: list[str], proposed: Proposed) -> None:
    text, candidate = proposed(enveloped(code))
    assert candidate.mapping["error"] == {"when": "$.code", "unless": good, "code": "$.code"}
    assert "? the document does not say" not in text


def test_an_example_of_a_whole_answer_says_what_success_is(proposed: Proposed) -> None:
    paths = enveloped()
    content = paths["/api/v1/transfers"]["post"]["responses"]["200"]["content"]["application/json"]
    content["examples"] = {"done": {"value": {"code": "A0000", "data": {}}}}
    assert proposed(paths)[1].mapping["error"]["unless"] == ["A0000"]


def test_a_guess_at_success_has_a_question_mark(proposed: Proposed) -> None:
    text, candidate = proposed(enveloped())
    assert {"0", "200", "SUCCESS"} < set(candidate.mapping["error"]["unless"])
    assert "# ? the document does not say which code means success" in text


def test_a_flag_of_success_needs_no_guess(proposed: Proposed) -> None:
    answer = {"success": "boolean", "msg": "string", "result": {"id": "string", "status": "string"}}
    paths = {"/payments/{id}": {"get": endpoint("Get a payment", None, answer)}}
    text, candidate = proposed(paths)
    assert candidate.mapping["error"] == {"when": "$.success", "is": ["False"], "code": "$.msg"}
    assert candidate.operations["payments.read"]["result"]["id"] == "$.result.id"
    assert "hides a refusal" not in text


def test_a_bare_id_in_an_envelope_is_the_id(proposed: Proposed) -> None:
    takes = {"amount": "integer", "payer": "string", "payee": "string"}
    paths = {"/payments": {"post": endpoint("Create a payment", takes, wrapped("string"))}}
    assert proposed(paths)[1].operations["payments.create"]["result"]["id"] == {"at": "$.data", "as": "text"}


def test_a_list_straight_in_the_envelope_keeps_its_paging(proposed: Proposed) -> None:
    answer = wrapped([{"id": "string", "amount": "integer", "status": "string"}], total="integer")
    page = [{"name": "pageNum", "in": "query", "schema": {"type": "integer"}}]
    made = proposed({"/payments": {"get": endpoint("List payments", None, answer, parameters=page)}})[1]
    entry = made.operations["payments.list"]
    assert entry["items"] == "$.data[*]"
    assert entry["next"]["total"] == "$.total"


NO_ENVELOPES = {
    "one answer is no envelope": (
        wrapped({"id": "string"}),
        {"id": "string", "code": "string", "status": "string"},
    ),
    "the content is called otherwise": (
        wrapped({"id": "string"}),
        {"code": "string", "result": {"id": "string", "status": "string"}},
    ),
    "a payment has a status and some data": (
        {"id": "string", "status": "string", "data": {"note": "string"}},
        {"id": "string", "status": "string", "data": {"note": "string"}},
    ),
}


@pytest.mark.parametrize("name", NO_ENVELOPES)
def test_what_is_no_envelope_is_left_alone(name: str, proposed: Proposed) -> None:
    one, other = NO_ENVELOPES[name]
    paths = {
        "/accounts/{id}": {"get": endpoint("Get an account", None, one)},
        "/payments/{id}": {"get": endpoint("Get a payment", None, other)},
    }
    assert "when" not in proposed(paths)[1].mapping.get("error", {})


def test_answers_that_cannot_be_mistaken_for_the_envelope_do_not_hide_it(proposed: Proposed) -> None:
    token = {"access_token": "string", "token_type": "string", "expires_in": "integer"}
    paths = enveloped() | {"/oauth/token": {"post": endpoint("Get a token", {"grant_type": "string"}, token)}}
    assert proposed(paths)[1].mapping["error"]["when"] == "$.code"


# -- what is missing --------------------------------------------------------------------------------------------


def test_a_payment_without_parties_and_results_is_doubtful_and_says_so(tmp_path: Path, proposed: Proposed) -> None:
    takes = {"amount": "string", "zahler!": "string", "empfaenger!": "string"}
    paths = {"/transfers": {"post": endpoint("Create a transfer", takes, {"nummer": "string", "amount": "string"})}}
    text, candidate = proposed(paths)
    assert propose(made_of(tmp_path, paths)).confidences["payments.create"] <= 0.5
    assert "1 operations found, 1 of them doubtful" in text
    assert "# ? not found, and needed: debtor, creditor, id in the answer, state in the answer" in text
    asked = re.findall(r"^# \? ([A-Za-z_]+) = (.*?)  #", text, re.MULTILINE)
    assert asked == [
        ("zahler", '""'),
        ("empfaenger", '""'),
        ("FILL_IN_debtor", '"{debtor}"'),
        ("FILL_IN_creditor", '"{creditor}"'),
        ("id", '"$.FILL_IN"'),
        ("state", '{ at = "$.FILL_IN", as = "state" }'),
    ]
    assert candidate.operations["payments.create"]["body"].keys() == {"amount"}


def test_what_is_required_and_not_understood_makes_doubtful(tmp_path: Path, proposed: Proposed) -> None:
    paths = STYLES["WeChat Pay v3"][0]
    text, candidate = proposed(paths)
    assert propose(made_of(tmp_path, paths)).confidences["payments.create"] == 0.79
    assert "# ? required, and not understood: notify_url" in text
    assert "notify_url" not in candidate.operations["payments.create"]["body"]


def test_an_answer_that_nothing_is_said_of_is_asked_for(proposed: Proposed) -> None:
    paths = {"/payments/{id}": {"get": endpoint("Get a payment")}}
    text, candidate = proposed(paths)
    assert '# [operations."payments.read".result]' in text
    assert "result" not in candidate.operations["payments.read"]
    assert '# id = "argument:payment"' in text
    assert "# ? not found, and needed: state in the answer, amount in the answer" in text


def test_an_amount_that_reading_tells_need_not_be_answered_at_once(proposed: Proposed) -> None:
    takes = {"amount": "integer", "payer": "string", "payee": "string"}
    short = {"id": "string", "status": "string"}
    paths = {
        "/payments": {"post": endpoint("Create a payment", takes, short)},
        "/payments/{id}": {"get": endpoint("Get a payment", None, short | {"amount": "integer"})},
    }
    assert "needed" not in proposed(paths)[0]
    assert "amount in the answer" in proposed({"/payments": paths["/payments"]})[0]


def test_a_list_that_names_no_account_asks_for_the_parameter(proposed: Proposed) -> None:
    answer = [{"id": "string", "amount": "integer", "status": "string"}]
    page = [{"name": "limit", "in": "query", "schema": {"type": "integer"}}]
    bare = {"/payments": {"get": endpoint("List payments", None, answer)}}
    assert '# ? query = { FILL_IN = "{account}" }' in proposed(bare)[0]
    paged = {"/payments": {"get": endpoint("List payments", None, answer, parameters=page)}}
    text, candidate = proposed(paged)
    assert '# ? add FILL_IN = "{account}"' in text
    assert candidate.operations["payments.list"]["query"] == {"limit": "{limit}"}


def test_money_and_times_that_are_little_more_than_guesses_have_a_question_mark(proposed: Proposed) -> None:
    text, _ = proposed(enveloped())
    assert "# ? 0.50: text; neither example nor pattern" in text
    assert "# ? nothing says how this time is written" in text


# -- likeness ---------------------------------------------------------------------------------------------------

_QUOTE = {"quote!": "string", "request": "string", "amount": "integer", "unit": "string", "state": "string"}
MINT = {
    "/v1/mint/quote/bolt11": {"post": endpoint("Request", {"amount!": "integer", "unit!": "string"}, _QUOTE)},
    "/v1/mint/quote/bolt11/{quote_id}": {"get": endpoint("Get", None, _QUOTE)},
    "/v1/melt/quote/bolt11": {"post": endpoint("Request", {"request!": "string", "unit!": "string"}, _QUOTE)},
    "/v1/swap": {"post": endpoint("Swap", {"inputs": [{"amount": "integer"}]}, {"signatures": [{"C_": "string"}]})},
}


def test_what_is_like_a_payment_is_proposed_but_not_bound(proposed: Proposed) -> None:
    text, candidate = proposed(MINT)
    assert candidate.operations == {}
    assert "0 operations found" in text
    assert "2 more are perhaps there" in text
    assert "# ? perhaps payments.create ← POST /v1/mint/quote/bolt11, confidence 0.45" in text
    assert "# ? perhaps payments.read ← GET /v1/mint/quote/bolt11/{quote_id}, confidence 0.45" in text


def test_without_its_marks_what_is_perhaps_there_is_a_mapping(proposed: Proposed, tmp_path: Path) -> None:
    text, _ = proposed(MINT)
    begin, end = text.index('# [operations."payments.create"]'), text.index("# Nothing opens accounts")
    bare = "\n".join(line.removeprefix("# ") if "perhaps" not in line else line for line in text[begin:end].split("\n"))
    bare = re.sub(r"^(Get|because .*)$", "", bare, flags=re.MULTILINE)
    path = tmp_path / "bound.toml"
    path.write_text(text[:begin] + bare + text[end:], encoding="utf-8")
    candidate = read_candidate(path)
    assert http_problems(candidate) == []
    assert candidate.operations["payments.create"]["result"]["id"] == "$.quote"
    assert candidate.operations["payments.read"]["path"] == "/v1/mint/quote/bolt11/{payment}"


def test_what_has_a_price_is_not_like_a_payment(proposed: Proposed) -> None:
    product = {"id": "string", "status": "string", "price": "number", "currency": "string"}
    paths = {"/products": {"post": endpoint("Create a product", {"price": "number", "currency": "string"}, product)}}
    assert "perhaps" not in proposed(paths)[0]


def test_words_are_believed_before_likeness(proposed: Proposed) -> None:
    paths = MINT | STYLES["Stripe"][0]
    text, candidate = proposed(paths)
    assert candidate.operations["payments.create"]["path"] == "/v1/transfers"
    assert "perhaps payments.create" not in text
