"""The product's document: read as it is written, drawn from reproducibly, and held against answers."""

import json

import pytest

from conformance.contract import openapi
from conformance.sdk import Exchange
from conformance_security.openapi.conformity import unpromised
from conformance_security.openapi.document import Document, Endpoint, read_document
from conformance_security.openapi.generated import fitting, violating

RAW = {
    "openapi": "3.1.0",
    "info": {"title": "Acme Pay", "version": "1"},
    "security": [{"bearer": []}],
    "paths": {
        "/accounts/{account}": {
            "parameters": [{"$ref": "#/components/parameters/account"}],
            "get": {
                "operationId": "readAccount",
                "responses": {
                    "200": {
                        "description": "Done.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Account"}}},
                    },
                    "4XX": {"description": "Refused."},
                },
            },
        },
        "/accounts/closed": {"get": {"responses": {"default": {"description": "Anything."}}}},
        "/accounts": {
            "post": {
                "security": [],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Opening"}}},
                },
                "responses": {"201": {"description": "Done."}, "400": {"description": "Refused."}},
            }
        },
        "/jobs/run": {"post": {"responses": {}}},
    },
    "components": {
        "parameters": {
            "account": {"name": "account", "in": "path", "required": True, "schema": {"type": "string"}},
        },
        "schemas": {
            "Account": {
                "type": "object",
                "required": ["id", "balance"],
                "properties": {"id": {"type": "string"}, "balance": {"type": "integer"}},
            },
            "Opening": {
                "type": "object",
                "required": ["currency"],
                "properties": {"currency": {"type": "string", "pattern": "^[A-Z]{3}$"}},
                "additionalProperties": False,
            },
        },
    },
}

DOCUMENT = read_document(RAW, leave_out=("/jobs",))


def _endpoint(name: str, document: Document = DOCUMENT) -> Endpoint:
    return next(item for item in document.endpoints if item.name == name)


def test_endpoints_are_read_with_their_security_and_references() -> None:
    assert [item.name for item in DOCUMENT.endpoints] == [
        "GET /accounts/{account}",
        "GET /accounts/closed",
        "POST /accounts",
    ]
    read, opened = _endpoint("GET /accounts/{account}"), _endpoint("POST /accounts")
    assert (read.public, opened.public) == (False, True)
    assert read.parameters[0]["name"] == "account"
    assert opened.body == RAW["components"]["schemas"]["Opening"]  # type: ignore[index]
    assert opened.media == "application/json"


def test_a_real_path_finds_its_endpoint_and_a_fixed_one_wins() -> None:
    assert DOCUMENT.endpoint("GET", "/accounts/closed") == _endpoint("GET /accounts/closed")
    assert DOCUMENT.endpoint("GET", "/accounts/acc-1") == _endpoint("GET /accounts/{account}")
    assert DOCUMENT.endpoint("GET", "/accounts/acc-1/cards") is None
    assert DOCUMENT.endpoint("DELETE", "/accounts/acc-1") is None


def test_known_values_fill_the_path_by_their_place() -> None:
    read = _endpoint("GET /accounts/{account}")
    assert read.values_in("/accounts/acc-1") == ("acc-1",)
    assert read.filled({"/accounts/{account}": "acc-1"}) == "/accounts/acc-1"
    assert read.filled({"/payments/{account}": "pay-1"}, "none") == "/accounts/none"


def test_a_reference_that_leads_in_circles_or_nowhere_ends() -> None:
    looping = Document({"components": {"a": {"$ref": "#/components/a"}}}, ())
    assert looping.resolved({"$ref": "#/components/a"}) == {}
    assert looping.resolved({"$ref": "#/components/none"}) == {}


# -- drawn ----------------------------------------------------------------------------------------------------------


def test_violations_are_drawn_the_same_again_and_break_the_schema() -> None:
    pytest.importorskip("schemathesis")
    first = violating(read_document(RAW), DOCUMENT.endpoints, 4, 20)
    again = violating(read_document(json.loads(json.dumps(RAW))), DOCUMENT.endpoints, 4, 20)
    assert [(case.breaks, case.body) for case in first] == [(case.breaks, case.body) for case in again]
    bodies = [case for case in first if case.endpoint.name == "POST /accounts"]
    assert bodies
    assert all(case.breaks and case.where == {"body"} for case in bodies)


def test_what_the_document_allows_is_drawn_for_every_endpoint_of_the_neutral_contract() -> None:
    pytest.importorskip("schemathesis")
    document = read_document(openapi(), leave_out=("/ledger",))
    some = [item for item in document.endpoints if item.path.startswith(("/payments", "/consents"))]
    cases = fitting(document, some, 1, 20)
    assert {case.endpoint.name for case in cases} == {item.name for item in some}
    assert not any(case.breaks for case in cases)


# -- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "body", "wrong"),
    [
        (200, "application/json; charset=utf-8", {"id": "1", "balance": 5}, None),
        (200, "application/json", {"id": "1"}, "breaks 'required'"),
        (200, "application/json", {"id": "1", "balance": "5"}, "balance of the answer"),
        (200, "text/html", {"id": "1", "balance": 5}, "the media type text/html"),
        (404, "application/json", {}, None),
        (405, "application/json", {}, None),
        (206, "application/json", {"id": "1", "balance": 5}, "the status 206"),
        (500, "application/json", {}, "the status 500"),
    ],
)
def test_an_answer_is_promised_or_not(status: int, kind: str, body: object, wrong: str | None) -> None:
    exchange = Exchange(1, status, {"Content-Type": kind}, json.dumps(body).encode())
    found = unpromised(DOCUMENT, _endpoint("GET /accounts/{account}"), exchange)
    assert found is None if wrong is None else wrong in (found or "")


def test_nullable_members_of_older_documents_may_be_null() -> None:
    raw = json.loads(json.dumps(RAW)) | {"openapi": "3.0.3"}
    raw["components"]["schemas"]["Account"]["properties"]["balance"]["nullable"] = True
    document = read_document(raw)
    exchange = Exchange(1, 200, {"Content-Type": "application/json"}, b'{"id":"1","balance":null}')
    assert unpromised(document, _endpoint("GET /accounts/{account}", document), exchange) is None
