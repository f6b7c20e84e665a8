"""Reading documents: versions, formats, bounds, and nothing fetched from elsewhere."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from openapi_documents import DOCUMENTS, document

from conformance.errors import ConfigError
from conformance.openapi.document import read_document
from conformance.openapi.members import list_of, members, tokens

MINIMAL: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}}


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "document"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_yaml_json_and_both_generations_have_one_shape() -> None:
    old, new = document("expenses.yaml"), document("wallet.json")
    bill = next(item for item in old.endpoints if item.title == "POST /projects/{project_id}/bills")
    assert old.server == "https://purse.example.com/api"
    assert bill.content == "application/json"
    assert {item.name for item in members(old, bill.body)} >= {"payer", "amount"}
    assert (bill.answer or {}).get("type") == "integer"
    assert new.title == "Satchel"
    assert document("openbank.yaml").server == "https://sandbox.harbour.example.com/open-banking/v3.1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ("a: [", "neither JSON nor YAML"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("!!python/object/apply:os.system ['true']", "neither JSON nor YAML"),
        ("[]", "no paths"),
        ('{"paths": {}}', "version not given"),
        ('{"paths": {}, "openapi": "4.0"}', "version 4.0"),
        ("[" * 100_000, "YAML"),
    ],
)
def test_what_is_no_document_is_refused_with_a_reason(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_document(written(tmp_path, text))
    assert says in caught.value.summary
    assert "Traceback" not in caught.value.diagnostics()


def test_references_that_turn_in_circles_or_leave_the_document_lead_nowhere(tmp_path: Path) -> None:
    raw = {
        **MINIMAL,
        "paths": {
            "/a": {"get": {"responses": {"200": {"$ref": "#/components/responses/Loop"}}}},
            "/b": {"post": {"requestBody": {"$ref": "https://elsewhere.example.com/x.json"}, "responses": {}}},
            "/c": {"$ref": "#/paths/~1c"},
        },
        "components": {
            "responses": {"Loop": {"$ref": "#/components/responses/Loop"}},
            "schemas": {"Tree": {"properties": {"left": {"$ref": "#/components/schemas/Tree"}}}},
        },
    }
    found = read_document(written(tmp_path, json.dumps(raw)))
    assert [item.title for item in found.endpoints] == ["GET /a", "POST /b"]
    assert len(members(found, {"$ref": "#/components/schemas/Tree"})) < 10


def test_a_name_is_read_as_words() -> None:
    assert tokens("createPaymentIntent") == ("create", "payment", "intent")
    assert tokens("DomesticPaymentId") == ("domestic", "payment", "id")
    assert tokens("webhook_endpoints") == ("webhook", "endpoint")
    assert tokens("entries") == ("entry",)


def test_a_list_is_told_from_a_thing_that_holds_one() -> None:
    source = document("cards.yaml")
    by = {item.title: item for item in source.endpoints}
    assert (list_of(source, by["GET /v1/charges"].answer) or ("",))[0] == "$.data[*]"
    assert list_of(source, by["GET /v1/charges/{charge}"].answer) is None


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://elsewhere.example.com/")
            self.end_headers()
            return
        body = (DOCUMENTS / "wallet.json").read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_document_is_fetched_from_this_machine_only() -> None:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    try:
        assert read_document(f"{here}/openapi.json").server == here
        with pytest.raises(ConfigError, match="HTTP 302"):
            read_document(f"{here}/moved")
        with pytest.raises(ConfigError, match="not this machine"):
            read_document("http://elsewhere.example.com/openapi.json")
        with pytest.raises(ConfigError, match="not this machine"):
            read_document("http://localhost.example.com/openapi.json")
    finally:
        server.shutdown()
        server.server_close()
