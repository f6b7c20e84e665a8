"""Idempotency keys: one key, one body, one effect."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from conformance.sdk.reference import FaultBoard, Problem

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    client TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, response TEXT NOT NULL,
    PRIMARY KEY (client, key)) WITHOUT ROWID;
"""


def once(
    connection: sqlite3.Connection,
    faults: FaultBoard,
    client: str,
    key: str,
    operation: str,
    request: Mapping[str, Any],
    effect: Callable[[], dict[str, Any]],
) -> tuple[dict[str, Any], bool]:
    """Return ``(response, replayed)``: have the effect unless this client's key has had it already.

    Must run inside a transaction, which makes concurrent duplicates wait for each other. A key that comes back with
    another request raises Problem(422). A refusal is not kept: the client may try again.
    """
    wanted = fingerprint(operation, request)
    earlier = None if faults.on("payments.replay-accepted") else recall(connection, client, key)
    if earlier is not None:
        unbound = faults.on("payments.key-body-unbound") or faults.on("load.key-body-unbound")
        if earlier[0] != wanted and not unbound:
            raise Problem(422, "key-reused", "The idempotency key was used for another request.")
        return earlier[1], True
    response = effect()
    remember(connection, client, key, wanted, response)
    return response, False


def recall(connection: sqlite3.Connection, client: str, key: str) -> tuple[str, dict[str, Any]] | None:
    """Return ``(fingerprint, response)`` of a key, or None when it is new."""
    row = connection.execute(
        "SELECT fingerprint, response FROM keys WHERE client = ? AND key = ?", (client, key)
    ).fetchone()
    return None if row is None else (row["fingerprint"], json.loads(row["response"]))


def remember(connection: sqlite3.Connection, client: str, key: str, wanted: str, response: dict[str, Any]) -> None:
    """Keep what a key was used for."""
    connection.execute("INSERT OR REPLACE INTO keys VALUES (?,?,?,?)", (client, key, wanted, json.dumps(response)))


def fingerprint(operation: str, request: Mapping[str, Any]) -> str:
    """Return a digest of an operation and its request, whatever their spelling in JSON."""
    text = json.dumps([operation, request], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
