"""The declarative driver, against a small product whose answers each test writes."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest
from candidate_product import Ears, Product

from conformance.candidate.pace import Pace
from conformance.errors import ConfigError, FileProblems
from conformance.sdk import Accepted, Broken, Candidate, Inconclusive, NotTested, Refused, accepted
from conformance.sdk.drivers import Sighting

Bind = Callable[..., Candidate]
PAYMENT = {"debtor": "a", "creditor": "b", "amount": 1050, "currency": "CNY", "idempotency_key": "k-1"}


# -- the neutral contract -------------------------------------------------------------------------------------------


def test_a_product_that_speaks_the_contract_needs_no_mapping(bound: Bind, product: Product, ears: Ears) -> None:
    product.answer = lambda request: (201, {}, {"id": "p1", "state": "accepted"})
    answer = bound(supports=("payments",)).call("payments.create", **PAYMENT, reference="r")

    assert isinstance(answer, Accepted)
    assert answer.value == {"id": "p1", "state": "accepted"}
    [request] = product.requests
    assert (request.method, request.path) == ("POST", "/payments")
    assert request.headers["Idempotency-Key"] == "k-1"
    assert request.json == {"debtor": "a", "creditor": "b", "amount": 1050, "currency": "CNY", "reference": "r"}
    assert request.headers["Conformance-Check"] == "TST-1"
    assert request.headers["Conformance-Run"] == "run-1"
    assert ears.sightings[0].request.start == "POST /payments HTTP/1.1"
    assert answer.exchange.seq == 1


def test_path_arguments_are_encoded_and_missing_query_arguments_left_out(bound: Bind, product: Product) -> None:
    candidate = bound(supports=("payments", "accounts"))
    candidate.call("accounts.balance", account="a/../b?c")
    candidate.call("payments.list", account="a b", cursor=None, limit=3)
    assert [request.path for request in product.requests] == [
        "/accounts/a%2F..%2Fb%3Fc/balance",
        "/payments?account=a%20b&limit=3",
    ]


def test_only_what_is_supported_is_offered(bound: Bind) -> None:
    candidate = bound(supports=("payments.read", "auth"), operations={"accounts.read": {"path": "/a/{account}"}})
    assert candidate.offers("payments.read")
    assert candidate.offers("accounts.read")
    assert candidate.offers("token")
    assert not candidate.offers("payments.create")
    with pytest.raises(NotTested, match=r"add 'payments' or 'payments\.create' to supports"):
        candidate.call("payments.create")


def test_an_operation_said_to_be_absent_is_absent(bound: Bind) -> None:
    candidate = bound(supports=("payments",), operations={"payments.cancel": False})
    assert not candidate.offers("payments.cancel")
    with pytest.raises(NotTested, match="does not have it"):
        candidate.call("payments.cancel", payment="1")


def test_effects_beyond_the_scope_are_never_caused(bound: Bind, product: Product) -> None:
    from conformance.model.candidate import Scope

    candidate = bound(
        supports=("payments",),
        scope=Scope(production=True),
        operations={"payments.create": {"method": "POST", "path": "/pay"}},
    )
    with pytest.raises(NotTested, match="effect money"):
        candidate.call("payments.create", **PAYMENT)
    assert product.requests == []


# -- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, "server-error"), (503, "server-error"), (429, "throttled"), (302, "redirect"), (304, "redirect")],
)
def test_what_is_no_answer_is_broken(bound: Bind, product: Product, status: int, kind: str) -> None:
    product.answer = lambda request: (status, {"Location": "https://elsewhere.example.com/"}, {})
    answer = bound(supports=("accounts",)).call("accounts.read", account="1")
    assert isinstance(answer, Broken)
    assert answer.kind == kind
    assert answer.exchange.status == status
    assert len(product.requests) == 1


def test_a_refusal_carries_the_products_own_code(bound: Bind, product: Product) -> None:
    problem = {"type": "about:blank", "status": 422, "code": "amount-invalid"}
    product.answer = lambda request: (422, {"Content-Type": "application/problem+json"}, problem)
    answer = bound(supports=("payments",)).call("payments.create", **PAYMENT)
    assert isinstance(answer, Refused)
    assert (answer.code, answer.value["status"]) == ("amount-invalid", 422)


def test_a_refusal_need_not_be_parseable(bound: Bind, product: Product) -> None:
    product.answer = lambda request: (404, {"Content-Type": "text/html"}, b"<h1>no</h1>")
    answer = bound(supports=("accounts",)).call("accounts.read", account="1")
    assert isinstance(answer, Refused)
    assert answer.code == ""


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("application/json", b"{", "not JSON"),
        ("application/json", b'{"a": NaN}', "NaN"),
        ("application/json", b"[" * 100_000, "not JSON"),
        ("text/html", b'{"id": 1}', "Content-Type text/html"),
        ("application/json", b"\xff\xfe\x00", "not JSON"),
    ],
)
def test_a_body_that_is_not_json_is_unparseable(
    bound: Bind, product: Product, content_type: str, body: bytes, words: str
) -> None:
    product.answer = lambda request: (200, {"Content-Type": content_type}, body)
    answer = bound(supports=("accounts",)).call("accounts.read", account="1")
    assert isinstance(answer, Broken)
    assert answer.kind == "unparseable"
    assert words in answer.detail


def test_a_body_of_another_shape_breaks_the_schema(bound: Bind, product: Product) -> None:
    product.answer = lambda request: (200, {}, "just text")
    answer = bound(supports=("accounts",)).call("accounts.read", account="1")
    assert isinstance(answer, Broken)
    assert answer.kind == "schema"


# -- a check's edits ------------------------------------------------------------------------------------------------


def test_edits_are_made_at_their_stage(bound: Bind, product: Product) -> None:
    operations = {
        "payments.create": {
            "method": "POST",
            "path": "/pay",
            "header": {"Idempotency-Key": "{idempotency_key}"},
            "body": {"money": {"value": {"from": "amount", "as": "decimal-string"}}, "to": "{creditor}"},
        }
    }
    prepared = bound(operations=operations).prepare("payments.create", **PAYMENT)
    prepared.send()
    prepared.with_field("amount", 10.5).without_field("creditor").with_extra_field("role", "admin").send()
    prepared.with_bytes(b'{"amount":1,"amount":2}').with_header("X-A", "1").without_header("idempotency-key").send()
    prepared.with_method("PUT").with_path("/other?x=1").with_query("y", "2").send()
    prepared.after_signing(body=lambda body: body + b" ", headers={"X-B": "2", "Content-Type": None}, path="/z").send()

    plain, fields, raw, request, wire = product.requests
    assert plain.json == {"money": {"value": "10.50"}, "to": "b"}
    assert fields.json == {"money": {"value": 10.5}, "role": "admin"}
    assert raw.body == b'{"amount":1,"amount":2}'
    assert raw.headers["X-A"] == "1"
    assert "Idempotency-Key" not in raw.headers
    assert (request.method, request.path) == ("PUT", "/other?x=1&y=2")
    assert (wire.path, wire.headers["X-B"], wire.body[-1:]) == ("/z", "2", b" ")
    assert "Content-Type" not in wire.headers


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (
            {"id": "{fresh}", "key": "{user.key}", "method": "pay", "params": {"opts": {"x": 1}, "to": "{creditor}"}},
            ("params",),
        ),
        ({"data": {"type": "payment", "attributes": {"to": "{creditor}"}}}, ("data", "attributes")),
        ({"amount": {"value": "{amount}", "currency": "{currency}"}, "to": "{creditor}"}, ()),
        ({"to": "{creditor}", "more": {"*": True}}, ("more",)),
        ({"*": True, "params": {"to": "{creditor}"}}, ()),
    ],
)
def test_a_further_member_stands_where_the_product_looks_for_arguments(
    bound: Bind, product: Product, body: dict[str, Any], sent: tuple[str, ...]
) -> None:
    """In an envelope nobody looks at it, and that nothing came of it would say nothing."""
    operations = {"payments.create": {"method": "POST", "path": "/pay", "body": body}}
    bound(operations=operations).prepare("payments.create", **PAYMENT).with_extra_field("role", "admin").send()
    found = product.requests[0].json
    for name in sent:
        assert "role" not in found
        found = found[name]
    assert found["role"] == "admin"
    assert ("idempotency_key" in found) == ("*" in str(body))


def test_a_field_that_the_mapping_places_nowhere_is_still_sent_when_a_check_sets_it(
    bound: Bind, product: Product
) -> None:
    candidate = bound(operations={"payments.create": {"method": "POST", "path": "/pay", "body": ["amount"]}})
    candidate.prepare("payments.create", amount=1, reference="dropped").with_field("currency", "XXX").send()
    assert product.requests[0].json == {"amount": 1, "currency": "XXX"}


# -- bodies, extraction, paging -------------------------------------------------------------------------------------


def test_forms_nest_with_brackets(bound: Bind, product: Product) -> None:
    body = {"amount": {"from": "amount", "as": "minor"}, "card": {"number": "4242", "tags": ["a", "{debtor}"]}}
    operation = {"method": "POST", "path": "/v1/charges", "format": "form", "body": body}
    bound(operations={"payments.create": operation}).call("payments.create", **PAYMENT)
    [request] = product.requests
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {
        "amount": ["1050"],
        "card[number]": ["4242"],
        "card[tags][0]": ["a"],
        "card[tags][1]": ["a"],
    }


def test_a_member_of_theirs_may_be_called_from(bound: Bind, product: Product) -> None:
    body = {"from": "{debtor}", "inner": {"from": "{debtor}", "to": "{creditor}"}, "n": {"from": "amount"}}
    bound(operations={"payments.create": {"method": "POST", "path": "/p", "body": body}}).call(
        "payments.create", **PAYMENT
    )
    assert product.requests[0].json == {"from": "a", "inner": {"from": "a", "to": "b"}, "n": 1050}


def test_xml_goes_out_and_comes_in(bound: Bind, product: Product) -> None:
    operation = {
        "method": "POST",
        "path": "/gateway",
        "format": "xml",
        "response": "xml",
        "body": {"total_fee": "{amount}", "note": "<{debtor}>"},
        "error": {"when": "$.xml.return_code", "unless": ["SUCCESS"], "code": "$.xml.err_code"},
        "result": {"id": "$.xml.id", "amount": {"at": "$.xml.fee", "as": "minor-string"}},
    }
    candidate = bound(operations={"payments.create": operation})
    replies = iter(
        [
            b"<xml><return_code><![CDATA[SUCCESS]]></return_code><id>7</id><fee>1050</fee></xml>",
            b"<xml><return_code>FAIL</return_code><err_code>NOTENOUGH</err_code></xml>",
            b'<!DOCTYPE x [<!ENTITY e "boom">]><xml><id>&e;</id></xml>',
        ]
    )
    product.answer = lambda request: (200, {"Content-Type": "text/xml"}, next(replies))

    first, second, third = (candidate.call("payments.create", **PAYMENT) for _ in range(3))

    assert product.requests[0].body.endswith(b"<xml><total_fee>1050</total_fee><note>&lt;a&gt;</note></xml>")
    assert isinstance(first, Accepted)
    assert first.value == {"id": "7", "amount": 1050}
    assert isinstance(second, Refused)
    assert second.code == "NOTENOUGH"
    assert isinstance(third, Broken)
    assert "document type" in third.detail


def test_values_are_extracted_converted_and_defaulted(bound: Bind, product: Product) -> None:
    result = {
        "id": "header:Location",
        "account": "argument:account",
        "available": {"at": "$.data[0].balance", "as": "decimal-number", "currency": "$.data[0].ccy"},
        "state": {"at": "$.data[0].st", "as": "state"},
        "opened": {"at": "$.data[0].t", "as": "epoch-ms"},
        "note": {"at": "$.nothing", "default": "none"},
        "gone": {"at": "$.nothing", "optional": True},
        "kind": {"at": "$.data[0].k", "words": {"D": "debit"}},
    }
    operation = {"path": "/a/{account}", "result": result}
    candidate = bound(operations={"accounts.read": operation}, mapping={"states": {"OK": "confirmed"}})
    row = '{"balance": 90071992547409.93, "ccy": "KWD", "st": "OK", "t": 1700000000123, "k": "D"}'
    product.answer = lambda request: (200, {"Location": "/a/9"}, b'{"data": [' + row.encode() + b"]}")

    value = accepted(candidate.call("accounts.read", account="9"), "reading")

    assert value == {
        "id": "/a/9",
        "account": "9",
        "available": 90071992547409930,
        "state": "confirmed",
        "opened": "2023-11-14T22:13:20.123000Z",
        "note": "none",
        "kind": "debit",
    }


def test_a_missing_or_unconvertible_value_breaks_the_schema(bound: Bind, product: Product) -> None:
    operation = {"path": "/a", "result": {"amount": {"at": "$.amount", "as": "minor"}}}
    candidate = bound(operations={"accounts.read": operation})
    for body, words in (({}, "$.amount is missing"), ({"amount": "1.5"}, "'1.5' is not a whole number")):
        product.answer = lambda request, body=body: body
        answer = candidate.call("accounts.read")
        assert isinstance(answer, Broken)
        assert answer.kind == "schema"
        assert words in answer.detail


@pytest.mark.parametrize(
    ("following", "query", "pages", "asked"),
    [
        ("$.next", {"after": "{cursor}"}, [([1, 2], "n2"), ([3], None)], ["", "after=n2"]),
        (
            {"last": "$.id", "more": "$.more"},
            {"after": "{cursor}"},
            [([1, 2], True), ([3], False)],
            ["", "after=2"],
        ),
        (
            {"offset": 0, "size": 2},
            {"offset": {"from": "cursor", "default": 0}},
            [([1, 2], 0), ([3], 0)],
            ["offset=0", "offset=2"],
        ),
        (
            {"page": 1, "size": 2},
            {"page": {"from": "cursor", "default": 1}},
            [([1, 2], 0), ([3], 0)],
            ["page=1", "page=2"],
        ),
        (
            {"offset": 0, "total": "$.more"},
            {"offset": {"from": "cursor", "default": 0}},
            [([1, 2], 3), ([3], 3)],
            ["offset=0", "offset=2"],
        ),
    ],
)
def test_lists_are_paged_in_every_way(
    bound: Bind, product: Product, following: Any, query: Any, pages: Any, asked: list[str]
) -> None:
    operation = {"path": "/l", "query": query, "items": "$.data[*]", "each": {"id": "$.id"}, "next": following}
    candidate = bound(operations={"payments.list": operation})
    replies = iter(pages)

    def answer(_: Any) -> Any:
        items, more = next(replies)
        return {"data": [{"id": item} for item in items], "more": more, "next": more}

    product.answer = answer
    seen, cursor = [], None
    while True:
        page = accepted(candidate.call("payments.list", cursor=cursor), "a page")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [1, 2, 3]
    assert [request.path.partition("?")[2] for request in product.requests] == asked


def test_lists_follow_link_headers(bound: Bind, product: Product) -> None:
    operation = {"path": "/l", "items": "$[*]", "next": {"link": "next"}}
    candidate = bound(operations={"payments.list": operation})
    product.answer = lambda request: (
        (200, {"Link": '</l?p=1>; rel="prev", </l?p=2>; rel="next"'}, [1]) if "p=2" not in request.path else [2]
    )
    first = accepted(candidate.call("payments.list"), "a page")
    second = accepted(candidate.call("payments.list", cursor=first["next"]), "a page")
    assert (first["items"], second) == ([1], {"items": [2], "next": None})
    assert product.requests[1].path == "/l?p=2"


def test_bytes_are_handed_on_as_base64(bound: Bind, product: Product) -> None:
    product.answer = lambda request: (200, {"Content-Type": "image/png"}, b"\x89PNG")
    value = accepted(bound(supports=("codes",)).call("codes.image", code="1"), "the image")
    assert value == {"png": base64.b64encode(b"\x89PNG").decode(), "content_type": "image/png"}


# -- several calls, waiting, redirects ------------------------------------------------------------------------------


def test_two_calls_make_one_payment_and_other_statuses_may_refuse(bound: Bind, product: Product) -> None:
    operation = {
        "refused": [520],
        "steps": [
            {
                "method": "POST",
                "path": "/invoices",
                "caller": {"owner": "creditor"},
                "body": {"sat": {"from": "amount", "as": "decimal-string", "exponent": 3}},
                "keep": {"invoice": "$.bolt11"},
            },
            {"method": "POST", "path": "/pay", "body": {"invoice": "{invoice}"}, "refused": [520]},
        ],
    }
    candidate = bound(
        operations={"payments.create": operation},
        auth={"scheme": "api-key"},
        users={"alice": {"key": "alice-key"}, "bob": {"key": "bob-key"}},
        pool=({"id": "b", "owner": "bob"},),
    )
    product.answer = lambda request: {"bolt11": "ln-1"} if request.path == "/invoices" else {"id": "p"}
    assert accepted(candidate.call("payments.create", **PAYMENT), "the payment") == {"id": "p"}
    invoice, pay = product.requests
    assert (invoice.headers["X-Api-Key"], invoice.json) == ("bob-key", {"sat": "1.050"})
    assert (pay.headers["X-Api-Key"], pay.json) == ("alice-key", {"invoice": "ln-1"})

    product.answer = lambda request: (520, {}, {"code": "no"}) if request.path == "/pay" else {"bolt11": "ln-2"}
    assert isinstance(candidate.call("payments.create", **PAYMENT), Refused)
    product.requests.clear()
    product.answer = lambda request: (400, {}, {"code": "no-invoice"})
    assert isinstance(candidate.call("payments.create", **PAYMENT), Refused)
    assert len(product.requests) == 1


def _waiting(**more: Any) -> dict[str, Any]:
    until = {
        "operation": "payments.read",
        "with": {"payment": "$.id"},
        "at": "$.state",
        "is": ["confirmed"],
        "refused": ["rejected"],
        "every_ms": 1,
        **more,
    }
    return {
        "payments.create": {"method": "POST", "path": "/pay", "body": ["amount"], "until": until},
        "payments.read": {"path": "/pay/{payment}"},
    }


@pytest.mark.parametrize(("last", "kind"), [("confirmed", Accepted), ("rejected", Refused)])
def test_a_payment_is_polled_until_it_is_settled(bound: Bind, product: Product, last: str, kind: type) -> None:
    states = iter(["pending", "pending", last])
    product.answer = lambda request: {"id": "7", "state": "pending" if request.method == "POST" else next(states)}
    answer = bound(operations=_waiting()).call("payments.create", **PAYMENT)
    assert isinstance(answer, kind)
    assert [request.path for request in product.requests] == ["/pay", "/pay/7", "/pay/7", "/pay/7"]


def test_a_payment_that_never_settles_is_a_timeout(bound: Bind, product: Product) -> None:
    product.answer = lambda request: {"id": "7", "state": "pending"}
    answer = bound(operations=_waiting(deadline_s=0.02)).call("payments.create", **PAYMENT)
    assert isinstance(answer, Broken)
    assert answer.kind == "timeout"


def test_redirects_are_followed_only_where_the_mapping_says_so(bound: Bind, product: Product) -> None:
    operations = {
        "accounts.read": {"path": "/old", "redirects": True},
        "payments.create": {"method": "POST", "path": "/old", "body": ["amount"], "redirects": True},
    }
    candidate = bound(operations=operations)
    product.answer = lambda request: (303, {"Location": "new"}, {}) if request.path == "/old" else {"id": "9"}
    assert accepted(candidate.call("accounts.read"), "reading") == {"id": "9"}
    assert accepted(candidate.call("payments.create", amount=1), "paying") == {"id": "9"}
    assert [(r.method, r.path) for r in product.requests][2:] == [("POST", "/old"), ("GET", "/new")]

    product.answer = lambda request: (302, {"Location": "http://127.0.0.1:9/"}, {})
    with pytest.raises(Inconclusive, match="not in scope"):
        candidate.call("accounts.read")


# -- users and credentials ------------------------------------------------------------------------------------------


def test_secrets_come_from_the_environment_and_never_show_in_commands(
    bound: Bind, product: Product, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "very-secret-key")
    users = {"alice": {"scheme": "bearer", "token": {"env": "ACME_KEY"}}, "bob": {"scheme": "basic", "username": "b"}}
    candidate = bound(supports=("accounts",), users=users)
    answer = candidate.call("accounts.list")
    candidate.as_user("bob").call("accounts.list")
    candidate.without_credentials().call("accounts.list")

    alice, bob, nobody = (request.headers.get("Authorization") for request in product.requests)
    assert (alice, nobody) == ("Bearer very-secret-key", None)
    assert bob == "Basic " + base64.b64encode(b"b:").decode()
    assert "very-secret-key" not in answer.exchange.curl
    assert '"Authorization: Bearer ${ACME_KEY}"' in answer.exchange.curl
    assert "very-secret-key" in ears.secrets
    assert "very-secret-key" in candidate.driver.secrets()  # type: ignore[attr-defined]


def test_a_missing_variable_is_named(bound: Bind, product: Product) -> None:
    users = {"alice": {"scheme": "bearer", "token": {"env": "NOT_SET_ANYWHERE"}}}
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        bound(supports=("accounts",), users=users).call("accounts.list")
    assert product.requests == []


def test_a_token_is_fetched_kept_and_known_before_it_is_recorded(bound: Bind, product: Product, ears: Ears) -> None:
    def answer(request: Any) -> Any:
        if request.path == "/token":
            return {"access_token": "token-0123456789", "token_type": "Bearer", "expires_in": 300}
        return {"items": [], "next": None}

    known_when_recorded = []
    record = ears.record

    def watching(sighting: Sighting) -> int:
        known_when_recorded.append("token-0123456789" in ears.secrets)
        return record(sighting)

    ears.record = watching  # type: ignore[method-assign]
    product.answer = answer
    users = {"alice": {"client_id": "alice", "client_secret": "s3cret-s3cret"}}
    candidate = bound(supports=("accounts", "auth"), auth={"scheme": "oauth2"}, users=users)
    candidate.call("accounts.list")
    candidate.call("accounts.list")
    candidate.call("token", scope="less")

    paths = [request.path for request in product.requests]
    assert paths == ["/token", "/accounts", "/accounts", "/token"]
    assert parse_qs(product.requests[0].body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["alice"],
        "client_secret": ["s3cret-s3cret"],
    }
    assert parse_qs(product.requests[3].body.decode())["scope"] == ["less"]
    assert product.requests[1].headers["Authorization"] == "Bearer token-0123456789"
    assert "Authorization" not in product.requests[0].headers
    assert known_when_recorded == [True] * 4


def test_an_expired_token_is_fetched_anew(bound: Bind, product: Product) -> None:
    product.answer = lambda request: {"access_token": f"t{len(product.requests)}", "expires_in": 0}
    users = {"alice": {"client_id": "alice", "client_secret": "s3cret-s3cret"}}
    candidate = bound(supports=("accounts",), auth={"scheme": "oauth2"}, users=users)
    candidate.call("accounts.list")
    candidate.call("accounts.list")
    assert [request.path for request in product.requests] == ["/token", "/accounts"] * 2


def test_a_refused_token_leaves_the_check_undecided(bound: Bind, product: Product) -> None:
    product.answer = lambda request: (401, {}, {"code": "invalid_client"})
    users = {"alice": {"client_id": "alice", "client_secret": "wrong-secret"}}
    with pytest.raises(Inconclusive, match="alice cannot authenticate: token was refused"):
        bound(supports=("accounts",), auth={"scheme": "oauth2"}, users=users).call("accounts.list")


def test_a_client_may_prove_itself_with_its_key(bound: Bind, product: Product, tmp_path: Any) -> None:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "client.pem").write_bytes(pem)
    user = {
        "client_id": "alice",
        "client_secret": "ignored-now",
        "private_key": {"file": "client.pem"},
        "kid": "k1",
        "audience": "https://bank.example.com",
    }
    product.answer = lambda request: {"access_token": "token-0123456789"}
    bound(supports=("accounts",), auth={"scheme": "oauth2"}, users={"alice": user}).call("accounts.list")

    form = parse_qs(product.requests[0].body.decode())
    assert "client_secret" not in form
    head, body, signature = form["client_assertion"][0].split(".")
    decoded = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body)]
    assert decoded[0] == {"alg": "ES256", "typ": "JWT", "kid": "k1"}
    assert decoded[1]["iss"] == decoded[1]["sub"] == "alice"
    assert decoded[1]["aud"] == "https://bank.example.com"
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.public_key().verify(der, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("scheme", ["login", "cookie"])
def test_a_login_call_gives_a_token(bound: Bind, product: Product, scheme: str) -> None:
    product.answer = lambda request: {"data": {"jwt": "token-0123456789"}}
    operations = {"login": {"method": "POST", "path": "/signin", "body": ["*"], "result": {"session": "$.data.jwt"}}}
    operations["login"]["body"] = {"user": "{user.username}", "pass": "{user.password}"}
    users = {"alice": {"username": "al", "password": "pa55word"}}
    auth = {"scheme": scheme, "header": "X-Session", "prefix": ""}
    candidate = bound(supports=("accounts",), operations=operations, auth=auth, users=users)
    candidate.call("accounts.list")
    login, listing = product.requests
    assert (login.path, login.json) == ("/signin", {"user": "al", "pass": "pa55word"})
    if scheme == "login":
        assert listing.headers["X-Session"] == "token-0123456789"
    else:
        assert listing.headers["Cookie"] == "session=token-0123456789"


def test_hmac_signs_what_the_template_names(bound: Bind, product: Product) -> None:
    auth = {
        "scheme": "hmac",
        "key": "hmac-secret",
        "key_id": "id-1",
        "template": "{method}|{target}|{timestamp}|{body}",
        "encoding": "base64",
    }
    candidate = bound(supports=("payments",), auth=auth, users={"alice": {}})
    candidate.call("payments.create", amount=1, reference="{timestamp}")
    [request] = product.requests
    signed = f"POST|/payments|{request.headers['X-Timestamp']}|".encode() + request.body
    made = hmac.new(b"hmac-secret", signed, hashlib.sha256).digest()
    assert request.headers["X-Signature"] == base64.b64encode(made).decode()
    assert request.headers["X-Key-Id"] == "id-1"


def test_a_check_may_forge_the_credentials(bound: Bind, product: Product) -> None:
    users = {"alice": {"scheme": "bearer", "token": "alice-token"}}
    prepared = bound(supports=("accounts",), users=users).prepare("accounts.list")
    prepared.with_header("authorization", "Bearer forged").send()
    prepared.without_header("Authorization").send()
    assert product.requests[0].headers["authorization"] == "Bearer forged"
    assert "Authorization" not in product.requests[1].headers


# -- many at once ---------------------------------------------------------------------------------------------------


def test_many_threads_share_one_driver(bound: Bind, product: Product, ears: Ears) -> None:
    product.answer = lambda request: (
        {"access_token": "token-0123456789"} if request.path == "/token" else {"id": request.path.rpartition("/")[2]}
    )
    users = {"alice": {"client_id": "alice", "client_secret": "s3cret-s3cret"}}
    candidate = bound(supports=("accounts",), auth={"scheme": "oauth2"}, users=users)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: candidate.call("accounts.read", account=f"a{n}"), range(64)))
    assert [answer.value["id"] for answer in answers if isinstance(answer, Accepted)] == [f"a{n}" for n in range(64)]
    assert sorted(answer.exchange.seq for answer in answers) == list(range(2, 66))
    assert [request.path for request in product.requests].count("/token") == 1


def test_the_rate_of_the_file_is_kept() -> None:
    now = [0.0]
    pace = Pace(10, clock=lambda: now[0])
    waits = []
    for _ in range(30):
        waits.append(pace.take())
        now[0] += waits[-1]
    assert waits[:10] == [0.0] * 10
    assert sum(waits) == pytest.approx(2.0)


# -- for load clients -----------------------------------------------------------------------------------------------


def test_a_request_may_be_finished_without_being_sent(bound: Bind, product: Product) -> None:
    users = {"alice": {"scheme": "bearer", "token": "alice-token"}}
    candidate = bound(supports=("payments",), users=users)
    prepared = candidate.prepare("payments.create", **PAYMENT)
    wire = candidate.driver.wire(prepared)  # type: ignore[attr-defined]
    assert product.requests == []
    assert (wire.method, wire.url) == ("POST", f"{product.url}/payments")
    assert dict(wire.headers)["Authorization"] == "Bearer alice-token"
    assert dict(wire.headers)["Conformance-Check"] == "TST-1"

    from conformance.sdk import Exchange

    answer = candidate.driver.interpret(prepared, Exchange(0, 201, {}, b'{"id": "1"}'))  # type: ignore[attr-defined]
    assert isinstance(answer, Accepted)
    assert answer.value == {"id": "1"}


def test_decimal_numbers_keep_every_digit_on_the_wire(bound: Bind, product: Product) -> None:
    body = {"amount": {"from": "amount", "as": "decimal-number"}}
    candidate = bound(operations={"payments.create": {"method": "POST", "path": "/p", "body": body}})
    candidate.call("payments.create", amount=12345678901234567890, currency="CNY")
    assert product.requests[0].body == b'{"amount":123456789012345678.90}'
    assert json.loads(product.requests[0].body, parse_float=Decimal)["amount"] == Decimal("123456789012345678.90")


# -- mistakes in the file -------------------------------------------------------------------------------------------


def test_every_mistake_is_reported_at_once_with_its_place(bound: Bind) -> None:
    operations = {
        "payments.create": {
            "method": "PSOT",
            "path": "pay",
            "bdoy": {},
            "body": {"amount": {"from": "amount", "as": "cents"}, "to": "{creditr}"},
            "result": {"id": "$..[", "at": {"at": "$.x", "as": "roman"}},
            "until": {"operation": "payments.nothing", "at": "$.state"},
        },
        "payments.read": True,
        "accounts.read": {"path": "/a", "caller": "nobody", "endpoint": "nowhere", "accept": "200"},
        "payments.list": {"path": "/l", "items": "$.data[*]", "next": {"cursor": "x"}},
    }
    with pytest.raises(FileProblems) as caught:
        bound(
            operations=operations,
            mapping={"contarct": "none"},
            users={
                "alice": {"scheme": "bearer"},
                "bob": {"scheme": "telepathy"},
                "signer": {"signing": {"algorithm": "md5", "componets": [], "components": ["a b"]}},
            },
        )
    found = {problem.path: problem for problem in caught.value.problems}
    create = '$.operations["payments.create"]'
    assert {
        f"{create}.method",
        f"{create}.path",
        f"{create}.bdoy",
        f"{create}.body.amount.as",
        f"{create}.result.id",
        f"{create}.result.at.as",
        f"{create}.until.is",
        f"{create}.until.operation",
        create,
        '$.operations["payments.read"]',
        '$.operations["accounts.read"].caller',
        '$.operations["accounts.read"].endpoint',
        '$.operations["accounts.read"].accept',
        '$.operations["payments.list"].next',
        "$.mapping.contarct",
        "$.users.alice",
        "$.users.bob.scheme",
        "$.users.signer.signing.algorithm",
        "$.users.signer.signing.componets",
        "$.users.signer.signing.components",
        "$.users.signer.signing.key",
    } == set(found)
    assert "body" in found[f"{create}.bdoy"].remedy
    assert found[create].expected == "{creditor}"


def test_an_unknown_driver_is_named_with_those_installed(bound: Bind) -> None:
    with pytest.raises(ConfigError, match="no driver 'carrier-pigeon'; installed: http"):
        bound(driver="carrier-pigeon")
