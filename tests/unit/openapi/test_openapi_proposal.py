"""Proposals: what is found in documents of four styles, how often rightly, and that the file is one a run accepts."""

import copy
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_documents import DOCUMENTS, PLACED, TRUTH, document

from conformance.candidate.http import DRIVER
from conformance.candidate.offering import offer_of, offer_of_neutral
from conformance.candidate.problems import http_problems
from conformance.contract import openapi
from conformance.contract.neutral import neutral_operations
from conformance.files.candidate_file import read_candidate
from conformance.model.candidate import CandidateFile
from conformance.openapi.document import Document, read_document
from conformance.openapi.proposal import propose
from conformance.openapi.vocabulary import RULES

Drafted = Callable[[Document], CandidateFile]


@pytest.fixture
def drafted(tmp_path: Path) -> Drafted:
    """Write a proposal and read it back, as a run would."""

    def make(source: Document) -> CandidateFile:
        path = tmp_path / "candidate.toml"
        path.write_text(propose(source, "the document").text(), encoding="utf-8")
        return read_candidate(path)

    return make


def found(source: Document) -> dict[str, str]:
    """Return what a proposal maps: our operation → their endpoint."""
    text = propose(source).text()
    return dict(re.findall(r"^# ([a-z.]+) ← ((?:GET|POST|PUT|DELETE|PATCH) [^,\s]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", TRUTH)
def test_operations_are_found_and_nothing_else_is(name: str) -> None:
    made = found(document(name))
    right = {key for key, value in made.items() if TRUTH[name].get(key) == value}
    assert made.items() - TRUTH[name].items() == set(), "proposed wrongly"
    assert TRUTH[name].keys() - right == set(), "not found"


def test_precision_and_recall_of_all_guesses() -> None:
    """The table that a change to the words must not make worse: per document, operations and arguments."""
    rows = []
    for name in TRUTH:
        source = document(name)
        made, shaped = found(source), propose(source).shaped
        create = next(one for one in shaped if one.operation == "payments.create")
        right = sum(TRUTH[name].get(key) == value for key, value in made.items())
        placed = sum(create.placed.get(key) == value for key, value in PLACED[name].items())
        rows.append((name, right / len(made), right / len(TRUTH[name]), placed / len(PLACED[name])))
    assert rows == [
        # document, precision and recall of operations, recall of a payment's arguments
        ("cards.yaml", 1.0, 1.0, 1.0),
        ("wallet.json", 1.0, 1.0, 1.0),
        ("expenses.yaml", 1.0, 1.0, 1.0),
        ("openbank.yaml", 1.0, 1.0, 1.0),
    ]


@pytest.mark.parametrize("name", TRUTH)
def test_the_file_is_read_and_its_mapping_has_no_mistake(name: str, drafted: Drafted) -> None:
    candidate = drafted(document(name))
    assert http_problems(candidate) == []
    assert offer_of(candidate).names == TRUTH[name].keys()


@pytest.mark.parametrize("name", TRUTH)
def test_the_whole_file_is_as_it_was(name: str) -> None:
    """What a person gets to read. After a deliberate change, write the golden files anew and look at the difference."""
    golden = DOCUMENTS / f"{Path(name).stem}.expected.toml"
    made = propose(document(name), name).text()
    assert made == golden.read_text("utf-8")


def switched_on(text: str, names: list[str]) -> str:
    """Take the comment off the lines that say that the product does not have these operations."""
    return re.sub(r'^# (?="([a-z._]+)" = false)', lambda at: "" if at[1] in names else at[0], text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", TRUTH)
def test_each_absence_that_is_proposed_is_right_as_soon_as_it_is_no_comment(name: str, tmp_path: Path) -> None:
    text = propose(document(name), name).text()
    proposed = re.findall(r'^# "([a-z._]+)" = false', text, re.MULTILINE)
    assert proposed
    for some in (*([one] for one in proposed), proposed):
        path = tmp_path / "candidate.toml"
        path.write_text(switched_on(text, some), encoding="utf-8")
        candidate = read_candidate(path)
        assert http_problems(candidate) == []
        assert {key for key, value in candidate.operations.items() if value is False} == set(some)


def test_without_credentials_one_caller_is_written_and_the_reason_why_not_two(tmp_path: Path, drafted: Drafted) -> None:
    def open_to_all(raw: dict[str, Any]) -> None:
        raw.pop("security", None)
        raw.get("components", {}).pop("securitySchemes", None)
        raw["paths"].pop("/accounts")

    source = neutral_document(tmp_path, open_to_all)
    assert list(drafted(source).users) == ["alice"]
    text = propose(source).text()
    assert "ownership between two needs callers that the product can tell apart" in text
    assert "bob" not in text.replace("[users.bob]", ""), "the accounts to prepare are of the one caller"


# -- our own contract -------------------------------------------------------------------------------------------


def neutral_document(tmp_path: Path, change: Callable[[dict[str, Any]], None] = lambda raw: None) -> Document:
    raw = copy.deepcopy(openapi())
    change(raw)
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return read_document(str(path))


def test_our_own_contract_needs_no_mapping_and_is_bound_as_it_is(tmp_path: Path, drafted: Drafted) -> None:
    source = neutral_document(tmp_path)
    served = {endpoint.name for endpoint in source.endpoints} & set(neutral_operations())

    candidate = drafted(source)
    offer = offer_of(candidate)

    assert candidate.operations == {}
    assert offer.names == served
    assert {name: offer.compiled[name] for name in served} == {name: offer_of_neutral()[name] for name in served}


def test_our_own_contract_is_found_by_its_words_alone(tmp_path: Path) -> None:
    """Without the names of operations, what speaks is path, method, summary and members."""

    def nameless(raw: dict[str, Any]) -> None:
        for item in raw["paths"].values():
            for method in item.values():
                if isinstance(method, dict):
                    method["x-was"] = method.pop("operationId", "")

    source = neutral_document(tmp_path, nameless)
    was = {
        f"{method.upper()} {path}": entry["x-was"]
        for path, item in source.raw["paths"].items()
        for method, entry in item.items()
        if isinstance(entry, dict) and "x-was" in entry
    }
    wanted = {rule.operation for rule in RULES} & set(was.values())
    made = found(source)

    right = {key for key, value in made.items() if was.get(value) == key}
    assert len(right) / len(made) >= 0.9, {key: value for key, value in made.items() if key not in right}
    assert len(right) / len(wanted) >= 0.9, sorted(wanted - right)


# -- forms of money, states, authentication -------------------------------------------------------------------------


def test_decimals_in_nested_objects_are_written_and_read(drafted: Drafted) -> None:
    candidate = drafted(document("openbank.yaml"))
    create = candidate.operations["payments.create"]
    initiation = create["body"]["Data"]["Initiation"]
    assert initiation["InstructedAmount"]["Amount"] == {"from": "amount", "as": "decimal-string"}
    assert create["result"]["state"] == {"at": "$.Data.Status", "as": "state"}
    assert create["until"]["operation"] == "payments.read"
    assert candidate.mapping["states"]["AcceptedSettlementCompleted"] == "confirmed"
    assert candidate.auth == {"scheme": "oauth2", "scope": "payments accounts"}
    assert candidate.endpoints == {"authorization": "https://sandbox.harbour.example.com"}


def test_an_invoice_and_its_payment_become_one(drafted: Drafted) -> None:
    candidate = drafted(document("wallet.json"))
    invoice, payment = candidate.operations["payments.create"]["steps"]
    assert invoice["caller"] == {"owner": "creditor"}
    assert invoice["body"] == {"out": False, "amount": {"from": "amount", "as": "minor"}, "memo": "{reference}"}
    assert invoice["keep"] == {"invoice": "$.payment_request"}
    assert payment["caller"] == {"owner": "debtor"}
    assert payment["body"] == {"out": True, "bolt11": "{invoice}"}
    assert candidate.mapping["refused"] == [520]
    assert candidate.operations["accounts.balance"]["result"]["available"]["exponent"] == -3


def test_what_stands_in_tenants_paths_becomes_a_member_of_the_user(drafted: Drafted) -> None:
    candidate = drafted(document("expenses.yaml"))
    create = candidate.operations["payments.create"]
    assert create["path"] == "/projects/{user.project}/bills"
    assert create["body"]["payed_for"] == [{"from": "creditor", "as": "integer"}]
    assert create["body"]["date"] == "2026-01-02"
    assert create["result"]["id"] == {"at": "$", "as": "text"}
    assert candidate.users["alice"].keys() == {"username", "password", "project"}


SCHEMES = {
    "bearer": ({"type": "http", "scheme": "bearer"}, {"scheme": "bearer"}),
    "basic": ({"type": "http", "scheme": "Basic"}, {"scheme": "basic"}),
    "header": ({"type": "apiKey", "in": "header", "name": "X-Token"}, {"scheme": "api-key", "header": "X-Token"}),
    "query": ({"type": "apiKey", "in": "query", "name": "key"}, {"scheme": "api-key", "name": "key", "in": "query"}),
    "cookie": ({"type": "apiKey", "in": "cookie", "name": "sid"}, {"scheme": "api-key", "name": "sid", "in": "cookie"}),
    "prefix": (
        {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token <your key>"},
        {"scheme": "api-key", "header": "Authorization", "prefix": "Token "},
    ),
    "machine": (
        {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
        {"scheme": "oauth2"},
    ),
    "password": (
        {"type": "oauth2", "flows": {"password": {"tokenUrl": "auth/token", "scopes": {}}}},
        {"scheme": "login", "token_at": "$.access_token"},
    ),
    "person": ({"type": "oauth2", "flows": {"authorizationCode": {"tokenUrl": "/t"}}}, {"scheme": "bearer"}),
    "discovery": ({"type": "openIdConnect", "openIdConnectUrl": "https://id.example.com"}, {"scheme": "bearer"}),
    "certificate": ({"type": "mutualTLS"}, {"scheme": "mtls"}),
    "unknown": ({"type": "http", "scheme": "digest"}, {"scheme": "none"}),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_every_kind_of_security_scheme(name: str, tmp_path: Path, drafted: Drafted) -> None:
    declared, expected = SCHEMES[name]
    raw = {
        "openapi": "3.1.0",
        "info": {"title": "9 lives", "version": "1"},
        "servers": [{"url": "http://127.0.0.1:1/api"}],
        "components": {"securitySchemes": {"it": declared}},
        "security": [{"it": []}],
        "paths": {"/payments/{id}": {"get": {"responses": {"200": {"description": "x"}}}}},
    }
    path = tmp_path / "document.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    candidate = drafted(read_document(str(path)))
    assert candidate.auth == expected
    assert http_problems(candidate) == []
    assert DRIVER.problems(candidate) == []


AMOUNTS: list[tuple[dict[str, Any], str]] = [
    ({"type": "integer"}, "minor"),
    ({"type": "integer", "description": "whole dollars"}, "decimal-number"),
    ({"type": "string", "example": "12.34"}, "decimal-string"),
    ({"type": "string", "pattern": r"^\d+\.\d{2}$"}, "decimal-string"),
    ({"type": "string", "pattern": r"^\d+$"}, "minor-string"),
    ({"type": "string", "description": "in cents"}, "minor-string"),
    ({"type": "number", "example": 12.5}, "decimal-number"),
    ({"type": "number", "multipleOf": 0.01}, "decimal-number"),
    ({"type": "number", "description": "in minor units"}, "minor"),
    ({"type": "number"}, "decimal-number"),
    ({"type": ["integer", "null"]}, "minor"),
]


@pytest.mark.parametrize(("schema", "conversion"), AMOUNTS)
def test_how_an_amount_is_written(schema: dict[str, Any], conversion: str, tmp_path: Path, drafted: Drafted) -> None:
    body = {"type": "object", "properties": {"amount": schema, "to": {"type": "string"}}}
    raw = {
        "openapi": "3.0.0",
        "info": {"title": "x", "version": "1"},
        "paths": {
            "/transfers": {
                "post": {
                    "summary": "Create a transfer",
                    "requestBody": {"content": {"application/json": {"schema": body}}},
                    "responses": {"201": {"description": "x"}},
                }
            }
        },
    }
    path = tmp_path / "document.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    made = drafted(read_document(str(path))).operations["payments.create"]
    assert made["body"]["amount"]["as"] == conversion
    assert made["body"]["to"] == "{creditor}"


def test_hostile_words_of_a_document_stay_words(tmp_path: Path, drafted: Drafted) -> None:
    """A title, a path or a description cannot leave its string or its comment."""
    nasty = 'x"\n[scope]\neffects = "read" # \x00\x7f\ud800'
    raw = {
        "openapi": "3.0.0",
        "info": {"title": nasty, "version": nasty},
        "paths": {
            "/payments": {
                "post": {
                    "summary": nasty,
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "required": ["amount", nasty],
                                    "properties": {
                                        "amount": {"type": "integer", "description": nasty},
                                        nasty: {"type": "string", "default": nasty},
                                    },
                                }
                            }
                        }
                    },
                    "responses": {"200": {"description": nasty}},
                }
            }
        },
    }
    path = tmp_path / "document.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    candidate = drafted(read_document(str(path)))
    assert candidate.scope.effects == "destructive"
    assert candidate.operations["payments.create"]["body"]["amount"]["from"] == "amount"
    tomllib.loads(propose(read_document(str(path)), nasty).text())
