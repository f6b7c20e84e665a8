"""What the test environment may do inside the bank: faults, reset and hooks. Never part of the product.

It is reached through the control port, which the minder keeps while the bank is dead.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.reference.host import ReferenceHost
from conformance.reference.logs import AccessLog

Arguments = Mapping[str, Any]


class Control:
    """What the test environment may do to the bank."""

    def __init__(
        self,
        host: ReferenceHost,
        log: AccessLog,
        faults_changed: Callable[[], None],
    ) -> None:
        self._host = host
        self._log = log
        self._faults_changed = faults_changed
        self._part_hooks = {name: hook for part in host.parts for name, hook in part.hooks(host).items()}

    def application(self, token: str) -> Starlette:
        """Return the control application; every request must bear ``token``."""
        routes = [
            Route("/health", self._guarded(token, self._health), methods=["GET"]),
            Route("/faults", self._guarded(token, self._read_faults), methods=["GET"]),
            Route("/faults", self._guarded(token, self._set_faults), methods=["PUT"]),
            Route("/reset", self._guarded(token, self._reset), methods=["POST"]),
            Route("/hooks/{name}", self._guarded(token, self._hook), methods=["POST"]),
        ]
        return Starlette(routes=routes)

    def _guarded(
        self, token: str, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, f"Bearer {token}".encode()):
                return JSONResponse({"error": "the control token is missing or wrong"}, 401)
            return await handler(request)

        return guarded

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"ok": True, "database": self._host.db.path.name})

    async def _read_faults(self, request: Request) -> Response:
        return JSONResponse(self._state())

    async def _set_faults(self, request: Request) -> Response:
        self._host.switch(list((await request.json())["faults"]))
        self._faults_changed()
        return JSONResponse(self._state())

    async def _reset(self, request: Request) -> Response:
        self._host.reset(list((await request.json()).get("faults", ())))
        self._log.clear()
        self._faults_changed()
        return JSONResponse(self._state())

    def _state(self) -> dict[str, Any]:
        return {"faults": self._host.faults.active(), "hits": self._host.faults.hits()}

    async def _hook(self, request: Request) -> Response:
        name = request.path_params["name"]
        body = await request.body()
        arguments: Arguments = await request.json() if body else {}
        own = {
            "clock": self._clock,
            "inject": self._inject,
            "export_logs": self._export,
            "slow_disk": self._slow_disk,
        }
        if name in own:
            return _told(own[name], arguments)
        if name in self._part_hooks:
            return JSONResponse(dict(await run_in_threadpool(self._part_hooks[name], arguments)))
        return JSONResponse({"error": f"there is no hook {name}"}, 404)

    def _clock(self, arguments: Arguments) -> Arguments:
        """Shift the bank's clock: ``offset_s`` from real time, or ``advance_s`` from where it is."""
        clock = self._host.clock
        clock.shift(float(arguments.get("offset_s", clock.offset_s + float(arguments.get("advance_s", 0)))))
        return {"now": clock.text(), "offset_s": int(clock.offset_s)}

    def _slow_disk(self, arguments: Arguments) -> Arguments:
        """Make every commit take ``delay_ms`` longer from now on; 0 ends it."""
        self._host.db.slow_down(int(arguments["delay_ms"]))
        self._host.mishaps.disk_changed(self._host.db.delay_ms)
        return {"delay_ms": self._host.db.delay_ms}

    def _export(self, arguments: Arguments) -> Arguments:
        """Return the access log."""
        return {"lines": self._log.lines()}

    def _inject(self, arguments: Arguments) -> Arguments:
        """Do what an intruder or an operator would: see the ``kind`` in each branch."""
        host, kind = self._host, arguments["kind"]
        if kind == "token":  # a token signed by the bank's real key, with any claims and header members
            user = str(arguments["user"])
            claims, header = arguments.get("claims", {}), arguments.get("header", {})
            scopes = tuple(str(arguments.get("scope", " ".join(host.user(user).scopes))).split())
            return {"access_token": host.tokens.issue(user, scopes, claims=claims, header=header)}
        if kind == "rotate-keys":  # retire the signing key
            return {"kid": host.tokens.rotate()}
        if kind == "audit-tamper":  # alter or delete an audit record behind the log's back
            host.audit_log.tamper(int(arguments["seq"]), str(arguments.get("action", "alter")))
            return {"seq": int(arguments["seq"])}
        raise ValueError(f"inject has no kind {kind!r}: token, rotate-keys or audit-tamper")


def _told(hook: Callable[[Arguments], Arguments], arguments: Arguments) -> Response:
    try:
        return JSONResponse(dict(hook(arguments)))
    except (KeyError, ValueError, TypeError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
