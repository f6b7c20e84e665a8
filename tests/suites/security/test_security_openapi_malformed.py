"""A malformed document is the product's to mend: what is wrong, and where, is said instead of ending the check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stub_bank import Bank, candidate_of

from conformance.sdk import Accepted, Answer, Candidate, Exchange, Inconclusive, NotTested, Prepared
from conformance_security.openapi.conformity import unpromised
from conformance_security.openapi.document import Document, document_of, read_document
from conformance_security.openapi.generated import fitting, violating

OWNER = {"type": "object", "required": ["owner"], "properties": {"owner": {"type": "string"}}}
READ, WRITE = "/accounts/{account}", "/accounts"


@pytest.fixture(autouse=True)
def fresh_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFORMANCE_CACHE", str(tmp_path / "cache"))


def changed(*place: str, to: Any = None) -> dict[str, Any]:
    """Return a sound document with another value at a place, or without the place where ``to`` is ``...``."""
    account = {"name": "account", "in": "path", "required": True, "schema": {"type": "string"}}
    content = {"application/json": {"schema": OWNER}}
    raw: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Acme Pay", "version": "1"},
        "paths": {
            READ: {"get": {"parameters": [account], "responses": {"200": {"description": "Done."}}}},
            WRITE: {
                "post": {
                    "requestBody": {"required": True, "content": content},
                    "responses": {"200": {"description": "Done.", "content": content}},
                }
            },
        },
        "components": {},
    }
    raw = json.loads(json.dumps(raw))
    node: Any = raw
    for name in place[:-1]:
        node = node[name]
    if place:
        node[place[-1]] = to
    if to is ...:
        del node[place[-1]]
    return raw


def of_write(*place: str, to: Any) -> dict[str, Any]:
    return changed("paths", WRITE, "post", *place, to=to)


def member(**keywords: Any) -> dict[str, Any]:
    schema = ("requestBody", "content", "application/json", "schema")
    return of_write(*schema, "properties", "owner", to=keywords)


def used(document: Document) -> int:
    """Do with a document whatever checks do, and return how many requests were drawn."""
    pytest.importorskip("schemathesis")
    exchange = Exchange(1, 200, {"Content-Type": "application/json"}, b'{"owner":"alice"}')
    for endpoint in document.endpoints:
        unpromised(document, endpoint, exchange)
    return len([*fitting(document, document.endpoints, 2, 20), *violating(document, document.endpoints, 2, 20)])


BAD_REFERENCE = {"$ref": "#/components/parameters/nobody"}
MALFORMED: dict[str, tuple[Any, str]] = {
    "list": ([], "it is a list, not an object"),
    "text": ("openapi", "it is a text, not an object"),
    "no version": (changed("openapi", to=...), "does not say its version"),
    "unknown version": (changed("openapi", to="4.0.0"), r"its version is '4\.0\.0'"),
    "version of no text": (changed("openapi", to=3), "its version is 3"),
    "no paths": (changed("paths", to=...), "it has no paths"),
    "paths are a list": (changed("paths", to=[]), "'paths' of the document is a list"),
    "path is null": (changed("paths", WRITE, to=None), "/accounts is null, not an object"),
    "path refers to nothing": (changed("paths", WRITE, to={"$ref": "#/x"}), "/accounts refers to '#/x'"),
    "operation is a text": (changed("paths", WRITE, "post", to="x"), "POST /accounts is a text"),
    "parameters are a text": (of_write("parameters", to="id"), "'parameters' of POST /accounts is a text, not a list"),
    "parameters are null": (of_write("parameters", to=None), "'parameters' of POST /accounts is null"),
    "parameter is a text": (of_write("parameters", to=["id"]), "a parameter of POST /accounts is a text"),
    "parameter without name": (of_write("parameters", to=[{"in": "query"}]), "does not say its 'name'"),
    "bad reference": (of_write("parameters", to=[BAD_REFERENCE]), "refers to '#/components/parameters/nobody'"),
    "body is a text": (of_write("requestBody", to="x"), "the request body of POST /accounts is a text"),
    "content is a list": (of_write("requestBody", "content", to=[]), "'content' of the request body of POST"),
    "schema is a text": (of_write("requestBody", "content", "application/json", "schema", to="x"), "the schema of"),
    "responses are null": (of_write("responses", to=None), "'responses' of POST /accounts is null"),
    "response is a text": (of_write("responses", "200", to="ok"), "the response 200 of POST /accounts is a text"),
    "components are null": (changed("components", to=None), "'components' of the document is null"),
    "security is a text": (changed("security", to="bearer"), "'security' of the document is a text"),
    "security of texts": (of_write("security", to=["bearer"]), "'security' of POST /accounts lists what is no object"),
    "servers are a text": (changed("servers", to="https://x"), "servers"),
    "unknown type": (member(type="strnig"), "strnig"),
    "bounds are texts": (member(type="string", minLength="1"), "minLength"),
    "reference is a number": (
        of_write("requestBody", "content", "application/json", "schema", to={"properties": {"owner": {"$ref": 5}}}),
        r"\$ref",
    ),
    "media type without a slash": (of_write("requestBody", "content", to={"json": {"schema": OWNER}}), "media type"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "words"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_wrong_is_said_of_the_products_document(raw: Any, words: str) -> None:
    with pytest.raises(Inconclusive, match=r"product's OpenAPI document openapi\.json") as told:
        used(read_document(raw, name="openapi.json"))
    assert told.value.blame == "PRODUCT"
    assert told.match(words)
    assert told.match(r"npx @redocly/cli lint.*leave_out")


@pytest.mark.parametrize("pattern", ["([", r"^\p{Lu}$"], ids=["none", "of another dialect"])
def test_a_pattern_that_is_not_read_here_need_not_be_wrong(pattern: str) -> None:
    schema = {"type": "object", "properties": {"owner": {"type": "string", "pattern": pattern}}}
    raw = of_write("responses", "200", "content", "application/json", "schema", to=schema)
    with pytest.raises(Inconclusive, match=r"openapi\.json cannot be put to use: a pattern that is not read") as told:
        used(read_document(raw, name="openapi.json"))
    assert told.value.blame is None


def test_what_nobody_could_draw_is_said() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(400):
        deep = {"type": "array", "items": deep}
    raw = of_write("requestBody", "content", "application/json", "schema", to=deep)
    with pytest.raises(Inconclusive, match="cannot be put to use: no requests can be drawn"):
        used(read_document(raw))


@pytest.mark.parametrize(
    "raw",
    [
        changed(),
        changed("openapi", to="3.0.3"),
        changed("paths", "x-owner", to="team"),
        of_write("responses", "x-note", to="text"),
        of_write("requestBody", "content", "application/json", "schema", to=True),
        of_write("parameters", to=[{"$ref": "#/paths/~1accounts~1%7Baccount%7D/get/parameters/0"}]),
    ],
    ids=["sound", "older", "extension", "extension of responses", "any body", "reference into a list"],
)
def test_what_is_unusual_is_not_malformed(raw: Any) -> None:
    assert used(read_document(raw)) > 0


def test_what_is_wrong_with_a_path_that_is_left_out_is_nobodys_business() -> None:
    for broken in ([], {"post": {"parameters": "id", "responses": {}}}):
        assert used(read_document(changed("paths", "/jobs", to=broken), leave_out=("/jobs",))) > 0


# -- as it is declared ----------------------------------------------------------------------------------------------


class Serving(Bank):
    """Serves a document of any bytes."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body

    def request(self, prepared: Prepared) -> Answer:
        return Accepted({}, Exchange(1, 200, body=self.body))

    # What else a driver of HTTP has.
    connection = wire = socket = together = request


def declaring(body: bytes, **settings: str) -> Candidate:
    return candidate_of(Serving(body), openapi=settings)


@pytest.mark.parametrize("body", [b'{"openapi": "3.1.0", "paths": {', b"[1, 2", b'{"a": \xff}', b"\n {'openapi': 3}"])
def test_what_begins_like_json_and_is_none_is_malformed(body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_bytes(body)
    for settings in ({"path": "/openapi.json"}, {"file": str(file)}):
        with pytest.raises(Inconclusive, match=r"openapi\.json is malformed: it begins like JSON and is none"):
            document_of(declaring(body, **settings))


def test_the_document_is_called_as_it_is_declared(tmp_path: Path) -> None:
    with pytest.raises(Inconclusive, match=r"OpenAPI document /v3/openapi\.json is malformed: it is a list"):
        document_of(declaring(b"[]", path="/v3/openapi.json"))
    assert document_of(declaring(json.dumps(changed()).encode(), path="/v3/openapi.json")).name == "/v3/openapi.json"


def test_a_document_in_yaml_is_not_read_and_not_malformed() -> None:
    with pytest.raises(NotTested, match="YAML is not read here"):
        document_of(declaring(b"openapi: 3.1.0\npaths: {}\n", path="/openapi.yaml"))
