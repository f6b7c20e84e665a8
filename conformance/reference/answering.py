"""Signatures of answers (RFC 9421 2.4): whoever signs a request is given an answer that belongs to it alone.

Written on its own, from the RFC: it shares no code with what the security suite verifies answers by.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import Message, Send

from conformance.reference.tokens import es256

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

_LABEL = re.compile(r"([a-z*][a-z0-9_.*-]*)=(:[A-Za-z0-9+/=]*:)")


def signing(host: ReferenceHost, request: Request, send: Send) -> Send:
    """Return a ``send`` that holds an answer back until it is whole, and signs it."""
    start: Message = {}
    body = bytearray()

    async def signed(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        body.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        headers = [*start.get("headers", ()), *_headers(host, request, int(start["status"]), bytes(body))]
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(body)})

    return signed


def _headers(host: ReferenceHost, request: Request, status: int, body: bytes) -> list[tuple[bytes, bytes]]:
    """Return digest and signature of an answer; under fault signature.response-unsigned, nothing."""
    if host.faults.on("signature.response-unsigned"):
        return []
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    covered = [('"@status"', str(status)), ('"content-digest"', digest), *_of_the_request(host, request)]
    listed = " ".join(name for name, _ in covered)
    parameters = f'({listed});created={host.clock.epoch()};keyid="{host.tokens.kid}"'
    base = "\n".join([*(f"{name}: {value}" for name, value in covered), f'"@signature-params": {parameters}'])
    value = base64.b64encode(es256(host.tokens.key(), base.encode())).decode()
    named = {"content-digest": digest, "signature-input": f"answer={parameters}", "signature": f"answer=:{value}:"}
    return [(name.encode(), text.encode("latin-1")) for name, text in named.items()]


def _of_the_request(host: ReferenceHost, request: Request) -> list[tuple[str, str]]:
    """Return what binds an answer to its request: its method and its signature, if it has one."""
    if host.faults.on("signature.response-unbound"):
        return []
    bound = [('"@method";req', request.method)]
    label = _LABEL.search(request.headers.get("signature", ""))
    if label:
        bound.append((f'"signature";req;key="{label.group(1)}"', label.group(2)))
    return bound
