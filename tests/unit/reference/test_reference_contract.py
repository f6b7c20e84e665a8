"""The neutral contract is said three times (mapping, document, routes) and must say the same."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from conformance.contract import openapi
from conformance.contract.neutral import neutral_operations

if TYPE_CHECKING:
    from conftest import Client

#: Served and documented, but no operations of the contract.
BESIDE = {"limits.ping", "contract.read"}
#: An operation of the contract under another address, where another standard looks for it.
ALIASES = {"oauth.discovery"}
#: Groups whose fragments and routes belong to the bank itself.
CORE = {"auth", "mtls", "accounts", "cards", "consents", "payments", "notices", "audit", "supervisor"}


def documented() -> dict[str, tuple[str, str]]:
    """Return operation → (method, path) as the document says it."""
    return {
        str(operation["operationId"]): (method.upper(), path)
        for path, methods in openapi()["paths"].items()
        for method, operation in methods.items()
    }


def mapped() -> dict[str, tuple[str, str]]:
    """Return operation → (method, path) as the mapping says it."""
    return {name: (entry["method"], entry["path"]) for name, entry in neutral_operations().items()}


def group_of(name: str) -> str:
    return str(neutral_operations().get(name, {}).get("group", name.split(".")[0]))


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def test_document_and_mapping_agree_on_every_core_operation() -> None:
    document = documented()
    for name, (method, path) in mapped().items():
        if group_of(name) in CORE:
            assert document[name] == (method, path)


def test_document_names_no_operation_that_the_mapping_lacks() -> None:
    places = {(method, shape(path)) for method, path in mapped().values()}
    strangers = {name: place for name, place in documented().items() if name not in BESIDE | ALIASES}
    assert {name for name, (method, path) in strangers.items() if (method, shape(path)) not in places} == set()


def test_every_operation_id_is_used_once() -> None:
    ids = [operation["operationId"] for methods in openapi()["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = openapi()
    for target in references(document):
        node: Any = document
        for step in target.removeprefix("#/").split("/"):
            node = node[step]


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for value in node.values() for found in references(value)]


def test_the_bank_serves_the_document_with_its_own_address(bank: Client) -> None:
    served = bank.raw("GET", "/openapi.json").json()
    assert served.pop("servers") == [{"url": bank.process.base_url}]
    assert served == openapi()


def core_operations() -> list[str]:
    return sorted(name for name in documented() if name in BESIDE or group_of(name) in CORE)


@pytest.mark.parametrize("name", core_operations())
def test_every_documented_operation_is_routed_and_guarded(bank: Client, name: str) -> None:
    """Without credentials a documented operation is neither unknown nor a wrong method, and 401 unless it is public."""
    method, path = documented()[name]
    operation = openapi()["paths"][path][method.lower()]
    answer = bank.raw(method, re.sub(r"\{\w+\}", "absent", path))
    assert answer.status_code != 405
    assert answer.headers["content-type"] in ("application/json", "application/problem+json")
    if operation.get("security") != []:
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "path", sorted({place[1] for name, place in documented().items() if name in core_operations()})
)
def test_undocumented_methods_are_refused_with_allow(bank: Client, path: str) -> None:
    allowed = {method.upper() for method in openapi()["paths"][path]}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - allowed:
        answer = bank.ask(method, re.sub(r"\{\w+\}", "absent", path))
        assert answer.status_code == 405, (method, path)
        assert answer.headers["allow"]


def test_the_document_is_the_callers_to_change() -> None:
    mine, untouched = openapi(), json.dumps(openapi())
    for section in ("paths", "components", "info"):
        for value in mine[section].values():
            if isinstance(value, dict):
                value.clear()
    mine["tags"].clear()
    assert json.dumps(openapi()) == untouched
