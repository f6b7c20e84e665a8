"""The audit log: each record holds the hash of the one before and is signed by the bank."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conformance.reference.board import ShiftableClock
from conformance.reference.database import SqliteDatabase
from conformance.reference.keys import b64, unb64
from conformance.sdk.reference import FaultBoard

SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY, record TEXT NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS audit_kept (
    seq INTEGER PRIMARY KEY, record TEXT NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL);
"""

#: What the first record names as the hash before it.
GENESIS = "0" * 64


class AuditLog:
    """Appends records and proves that none was altered or removed."""

    def __init__(self, db: SqliteDatabase, clock: ShiftableClock, key: Ed25519PrivateKey, faults: FaultBoard) -> None:
        self._db = db
        self._clock = clock
        self._key = key
        self._faults = faults

    def append(self, actor: str, action: str, subject: str, result: str, detail: Mapping[str, Any]) -> None:
        """Add a record in the current transaction, or in one of its own."""
        with self._db.transaction() as connection:
            size, previous = _head(connection)
            record = {
                "seq": size + 1, "at": self._clock.text(), "actor": actor, "action": action, "subject": subject,
                "result": result, "detail": dict(detail), "previous": previous,
            }  # fmt: skip
            text = _text(record)
            digest = hashlib.sha256(text.encode()).hexdigest()
            signature = b64(self._key.sign(_statement(size + 1, digest)))
            connection.execute("INSERT INTO audit VALUES (?,?,?,?)", (size + 1, text, digest, signature))
            connection.execute("INSERT OR REPLACE INTO audit_head VALUES (1,?,?,?)", (size + 1, digest, signature))

    def page(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Return up to ``limit`` records after sequence number ``after``, oldest first."""
        with self._db.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            ).fetchall()
        unsigned = self._faults.on("audit.unsigned")
        return [
            json.loads(row["record"]) | {"hash": row["hash"], "signature": "" if unsigned else row["signature"]}
            for row in rows
        ]

    def verify(self) -> dict[str, Any]:
        """Recompute the whole chain; ``valid`` is False when a record was altered, removed or added outside."""
        with self._db.reading() as connection:
            size, head = _head(connection)
            rows = connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()
        valid = True if self._faults.on("audit.unchained") else self._chained(rows, size, head)
        return {"valid": valid, "size": len(rows), "head": head}

    def _chained(self, rows: list[sqlite3.Row], size: int, head: str) -> bool:
        previous, gaps = GENESIS, self._faults.on("audit.deletion-unseen")
        for number, row in enumerate(rows, 1):
            record = json.loads(row["record"])
            digest = hashlib.sha256(row["record"].encode()).hexdigest()
            linked = record["seq"] == row["seq"] == number and record["previous"] == previous
            if not (linked or gaps) or digest != row["hash"] or not self._signed(row["seq"], digest, row["signature"]):
                return False
            previous = digest
        return gaps or (len(rows) == size and previous == head)

    def _signed(self, seq: int, digest: str, signature: str) -> bool:
        if self._faults.on("audit.signature-unverified"):
            return True
        try:
            self._key.public_key().verify(unb64(signature), _statement(seq, digest))
        except (InvalidSignature, ValueError):
            return False
        return True

    def tamper(self, seq: int, action: str) -> None:
        """Alter, forge or delete a record behind the log's back, as an intruder with the database would (test hook).

        What is forged is altered, and all hashes made to fit. ``restore`` puts back what was there before the last of
        these; raises ValueError for any other action.
        """
        actions = {"alter": _alter, "forge": _forge, "delete": _delete, "restore": _restore}
        if action not in actions:
            raise ValueError(f"audit-tamper has no action {action!r}: {', '.join(actions)}")
        with self._db.transaction() as connection:
            if action != "restore":
                connection.execute("DELETE FROM audit_kept")
                connection.execute("INSERT INTO audit_kept SELECT * FROM audit WHERE seq >= ?", (seq,))
            actions[action](connection, seq)


def _delete(connection: sqlite3.Connection, seq: int) -> None:
    connection.execute("DELETE FROM audit WHERE seq = ?", (seq,))


def _alter(connection: sqlite3.Connection, seq: int) -> None:
    row = connection.execute("SELECT record FROM audit WHERE seq = ?", (seq,)).fetchone()
    if row is not None:
        text = _text(json.loads(row["record"]) | {"result": "altered"})
        connection.execute("UPDATE audit SET record = ? WHERE seq = ?", (text, seq))


def _forge(connection: sqlite3.Connection, seq: int) -> None:
    _alter(connection, seq)
    rows = connection.execute("SELECT seq, record FROM audit WHERE seq >= ? ORDER BY seq", (seq,)).fetchall()
    previous = ""
    for row in rows:
        record = json.loads(row["record"])
        text = _text(record | {"previous": previous or record["previous"]})
        previous = hashlib.sha256(text.encode()).hexdigest()
        connection.execute("UPDATE audit SET record = ?, hash = ? WHERE seq = ?", (text, previous, row["seq"]))
    connection.execute("UPDATE audit_head SET hash = ?", (previous,))


def _restore(connection: sqlite3.Connection, seq: int) -> None:
    connection.execute("INSERT OR REPLACE INTO audit SELECT * FROM audit_kept")
    last = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    if last is not None:
        connection.execute("UPDATE audit_head SET hash = ? WHERE size = ?", (last["hash"], last["seq"]))


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _head(connection: sqlite3.Connection) -> tuple[int, str]:
    row = connection.execute("SELECT size, hash FROM audit_head WHERE one = 1").fetchone()
    return (row["size"], row["hash"]) if row else (0, GENESIS)


def _statement(seq: int, digest: str) -> bytes:
    return f"{seq}:{digest}".encode()
