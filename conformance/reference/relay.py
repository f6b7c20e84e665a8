"""A relay in front of the bank that is too kind: it makes honest requests of ambiguous ones. Only faults use it."""

from __future__ import annotations

import re

from conformance.sdk.reference import FaultBoard

_LENGTH = re.compile(rb"(?i)content-length\s*:")
_CODING = re.compile(rb"(?i)transfer-encoding\s*:(?!\s*chunked\s*$)")
_HOST = re.compile(rb"(?i)host\s*:")


def relayed(data: bytes, faults: FaultBoard) -> bytes:
    """Return the bytes that reach the bank: the first head in ``data`` as the faults that are on would pass it on."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return data
    lines = head.split(b"\r\n")
    if faults.on("http.smuggling"):
        lines = _without(lines, _LENGTH, keep=1)
    if faults.on("http.coding-ignored"):
        lines = _without(lines, _CODING, keep=0)
    if faults.on("http.host-optional") and not any(_HOST.match(line) for line in lines):
        lines.insert(1, b"Host: 127.0.0.1")
    return b"\r\n".join(lines) + found + rest


def _without(lines: list[bytes], unwanted: re.Pattern[bytes], keep: int) -> list[bytes]:
    """Drop the lines that match, but for the first ``keep``."""
    kept: list[bytes] = []
    for line in lines:
        if unwanted.match(line):
            if keep == 0:
                continue
            keep -= 1
        kept.append(line)
    return kept
