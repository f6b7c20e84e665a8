"""A document's references out of it are neither fetched nor read: the product wrote them."""

from __future__ import annotations

import copy
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.sdk import Exchange, NotTested
from conformance_security.openapi.conformity import unpromised
from conformance_security.openapi.document import Document, read_document
from conformance_security.openapi.generated import fitting, violating


@pytest.fixture(autouse=True)
def fresh_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFORMANCE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def foreign() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a host outside every scope, and the list of what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "17")
            self.end_headers()
            self.wfile.write(b'{"type":"string"}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def described(member: Any, **media: Any) -> dict[str, Any]:
    """Return a document with one operation, whose request and answer have one member."""
    schema = {"type": "object", "required": ["owner"], "properties": {"owner": member}}
    answer = {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    body = {"required": True, "content": {"application/json": {"schema": schema, **media}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Acme Pay", "version": "1"},
        "paths": {"/accounts": {"post": {"requestBody": body, "responses": {"200": answer}}}},
        "components": {"schemas": {}},
    }


def used(raw: dict[str, Any]) -> list[bytes]:
    """Do with a document whatever checks do, and return the bodies that would be sent."""
    document = read_document(raw)
    drawn = [*fitting(document, document.endpoints, 3, 20), *violating(document, document.endpoints, 3, 20)]
    judged(document)
    return [case.body for case in drawn]


def judged(document: Document) -> str | None:
    exchange = Exchange(1, 200, {"Content-Type": "application/json"}, b'{"owner":"alice"}')
    return unpromised(document, document.endpoints[0], exchange)


@pytest.mark.parametrize(
    "member",
    [{"$ref": "{}/o"}, {"$dynamicRef": "{}/o"}, {"$recursiveRef": "{}/o"}, {"enum": ["a", {"$ref": "{}/o"}]}],
    ids=["ref", "dynamic", "recursive", "in a value"],
)
def test_no_address_outside_the_document_is_fetched(foreign: tuple[str, list[str]], member: dict[str, Any]) -> None:
    pytest.importorskip("schemathesis")
    address, asked = foreign
    raw = json.loads(json.dumps(described(member)).replace("{}/o", f"{address}/o"))
    with pytest.raises(NotTested, match=r"refers to what lies outside it.*bundle the document"):
        used(raw)
    assert asked == []


def test_a_document_in_two_files_is_not_read_to_its_end(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    local = tmp_path / "secret.json"
    local.write_text('{"enum":["local secret"]}', encoding="utf-8")
    for reference in (local.as_uri(), str(local), "secret.json", "secret.json#/owner"):
        with pytest.raises(NotTested, match=r"never fetched or read"):
            used(described({"$ref": reference}))


def test_examples_behind_an_address_are_not_fetched(foreign: tuple[str, list[str]]) -> None:
    pytest.importorskip("schemathesis")
    address, asked = foreign
    assert used(described({"type": "string"}, examples={"one": {"externalValue": f"{address}/example"}}))
    assert asked == []


def test_a_validator_given_a_foreign_reference_fetches_nothing(foreign: tuple[str, list[str]]) -> None:
    address, asked = foreign
    own = read_document(described({"type": "string"}))
    content = copy.deepcopy(own.endpoints[0].responses["200"]["content"])
    content["application/json"]["schema"]["properties"]["owner"] = {"$ref": f"{address}/owner"}
    own.endpoints[0].responses["200"]["content"] = content  # type: ignore[index]
    with pytest.raises(NotTested, match="which it does not hold"):
        judged(own)
    assert asked == []


def test_references_inside_the_document_are_followed() -> None:
    raw = described({"$ref": "#/components/schemas/Owner"})
    raw["components"]["schemas"]["Owner"] = {"type": "integer"}
    assert "owner of the answer" in (judged(read_document(raw)) or "")


def test_a_reference_to_nothing_is_told_and_does_not_pass() -> None:
    with pytest.raises(NotTested, match="which it does not hold: mend the reference"):
        judged(read_document(described({"$ref": "#/components/schemas/Nobody"})))
