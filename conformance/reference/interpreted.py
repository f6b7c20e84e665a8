"""Interpreters behind the bank that take the reference of a payment for code. Only faults use them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from urllib.parse import unquote

from conformance.sdk.reference import FaultBoard

_PRODUCT = re.compile(r"\{\{(\d{1,9})\*(\d{1,9})\}\}")
_SLEEP = re.compile(r"[;(]\s*sleep (\d)\b")
_LOOKUP = re.compile(r"\$\{jndi:\w+://127\.0\.0\.1:(\d{1,5})/")
_BREAK = re.compile(r"\r\n([\w-]+): (\w+)")


async def interpreted(faults: FaultBoard, text: str) -> str:
    """Return a text as the interpreters leave it; raises what a database says of a quote that it did not expect."""
    if faults.on("injection.sql-error") and text.count("'") % 2:
        raise sqlite3.OperationalError("unrecognized token")
    if faults.on("injection.command-sleep") and (found := _SLEEP.search(text)):
        await asyncio.sleep(int(found[1]))
    if faults.on("injection.lookup-followed") and (found := _LOOKUP.search(text)):
        await _called(int(found[1]))
    if faults.on("injection.template-evaluated"):
        return _PRODUCT.sub(lambda match: str(int(match[1]) * int(match[2])), text)
    return text


def planted_headers(faults: FaultBoard, query: bytes) -> list[tuple[bytes, bytes]]:
    """Fault injection.crlf-header: what stands behind line breaks in a query becomes headers of the answer."""
    if not faults.on("injection.crlf-header"):
        return []
    found = _BREAK.findall(unquote(query.decode("latin-1")).replace("+", " "))
    return [(name.lower().encode(), value.encode()) for name, value in found]


async def _called(port: int) -> None:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
