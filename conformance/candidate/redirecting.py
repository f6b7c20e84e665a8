"""Redirects, followed only where a mapping says so."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin

from conformance.sdk.answers import Broken, Exchange
from conformance.sdk.load import WireRequest


def redirected(request: WireRequest, exchange: Exchange | Broken) -> WireRequest | None:
    """Return the request that a redirect asks for, or None. Scope is checked when it is sent."""
    if isinstance(exchange, Broken) or exchange.status not in (301, 302, 303, 307, 308):
        return None
    location = exchange.header("Location")
    if not location:
        return None
    url = urljoin(request.url, location)
    if exchange.status in (307, 308) or request.method in ("GET", "HEAD"):
        return replace(request, url=url)
    headers = tuple(pair for pair in request.headers if pair[0].lower() not in ("content-type", "content-length"))
    return WireRequest("GET", url, headers, b"")
