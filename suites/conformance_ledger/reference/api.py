"""The HTTP face of one node: neutral paths, one caller at a time, refusals as problem documents."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.sdk import Host, Principal, Problem
from conformance_ledger.reference.network import Network
from conformance_ledger.reference.node import Node
from conformance_ledger.reference.transactions import Rejected, Rules, parse
from conformance_ledger.reference.views import Views

BODY_BYTES_MAX = 64 * 1024
_READERS_ONLY = frozenset({"regulator", "auditor"})
_INTEGER_DIGITS_MAX = 100

Handler = Callable[[Request], Awaitable[Response]]
Answer = Callable[[Request, Principal], dict[str, Any]]


class NodeApi:
    """Routes of one node. Everyone must be known; regulators and auditors read and never write."""

    def __init__(self, node: Node, network: Network, views: Views, host: Host, rules: Rules) -> None:
        self._node = node
        self._network = network
        self._views = views
        self._host = host
        self._rules = rules

    def app(self) -> Starlette:
        """Return the ASGI application for this node's port."""
        views = self._views
        reads: dict[str, Answer] = {
            "/ledger/info": lambda request, who: views.info(),
            "/ledger/head": lambda request, who: views.head(),
            "/ledger/blocks/{height:int}": lambda r, who: views.block(r.path_params["height"], who.user, who.roles),
            "/ledger/commits/{height:int}": lambda r, who: views.commit(r.path_params["height"]),
            "/ledger/transactions/{id}": lambda r, who: views.transaction(r.path_params["id"], who.user, who.roles),
            "/ledger/receipts/{id}": lambda r, who: views.receipt(r.path_params["id"]),
            "/ledger/proofs/{id}": lambda r, who: views.proof(r.path_params["id"]),
            "/ledger/state/{key:path}": lambda r, who: views.state(r.path_params["key"]),
            "/ledger/validators": lambda request, who: views.validators(),
            "/ledger/peers": lambda request, who: views.peers(),
            "/ledger/groups": lambda request, who: views.groups(who.user, who.roles),
            "/ledger/audit": lambda request, who: views.audit(*_page(request)),
        }
        routes = [Route(path, self._read(answer), methods=["GET"]) for path, answer in reads.items()]
        routes += [
            Route("/ledger/transactions", self._guarded(self._submit), methods=["POST"]),
            Route("/ledger/call", self._guarded(self._call), methods=["POST"]),
        ]
        return Starlette(routes=routes)

    # -- reading ------------------------------------------------------------------------------------------

    def _read(self, answer: Answer) -> Handler:
        async def handle(request: Request) -> Response:
            who = self._caller(request)
            with self._network.locked():
                return JSONResponse(answer(request, who))

        return self._guarded(handle)

    def _caller(self, request: Request) -> Principal:
        if self._rules("reads-open") and "authorization" not in request.headers:
            return Principal("stranger")
        return self._host.principal(request)

    async def _call(self, request: Request) -> Response:
        self._caller(request)
        body = _json(await _body(request))
        if not isinstance(body, dict) or body.get("function") not in ("balance", "account"):
            raise Rejected("malformed", "`function` must be `balance` or `account`", 400)
        with self._network.locked():
            return JSONResponse(self._views.call(str(body["function"]), str(body.get("account", ""))))

    # -- writing ------------------------------------------------------------------------------------------

    async def _submit(self, request: Request) -> Response:
        who = self._caller(request)
        data = await _body(request)
        try:
            if who.roles & _READERS_ONLY and not self._rules("reader-writes"):
                raise Rejected("not-allowed", "this role reads and never writes", 403)
            transaction = parse(self._document(data), self._rules)
            with self._network.locked():
                self._node.submit(transaction)
                self._node.events.append(who.user, "submit", transaction.id, "success")
        except Rejected as problem:
            self._refused(who.user, problem)
            raise
        self._network.wake()
        return JSONResponse({"transaction": transaction.id, "state": "pending"}, status_code=201)

    def _document(self, data: bytes) -> Any:
        try:
            return _json(data)
        except Rejected:
            if self._rules("malformed-crash"):
                with self._network.locked():
                    self._node.stop()
            raise

    def _refused(self, user: str, problem: Rejected) -> None:
        if self._rules("failures-unaudited"):
            return
        with self._network.locked():
            self._node.events.append(user, "submit", "transaction", "refused", problem.code)

    # -- refusals -----------------------------------------------------------------------------------------

    def _guarded(self, handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            if not self._node.answering:
                return _problem(503, "node-down", "this node is not running", {})
            try:
                return await handler(request)
            except Problem as problem:
                return _problem(problem.status, problem.code, problem.detail, problem.headers)
            except Rejected as problem:
                return _problem(problem.status, problem.code, problem.detail, {})

        return handle


def _problem(status: int, code: str, detail: str, headers: dict[str, str]) -> Response:
    document = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    return JSONResponse(document, status, headers, "application/problem+json")


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_BYTES_MAX:
            raise Rejected("too-large", f"at most {BODY_BYTES_MAX} bytes", 413)
    return bytes(data)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data, parse_int=_integer)
    except (ValueError, RecursionError) as problem:
        raise Rejected("malformed", "the body is not JSON", 400) from problem


def _integer(text: str) -> int:
    if len(text) > _INTEGER_DIGITS_MAX:
        raise ValueError("an integer has too many digits")
    return int(text)


def _page(request: Request) -> tuple[int, int]:
    try:
        return max(0, int(request.query_params.get("cursor", "0"))), min(
            500, max(1, int(request.query_params.get("limit", "200")))
        )
    except ValueError as problem:
        raise Rejected("malformed", "`cursor` and `limit` must be integers", 400) from problem
