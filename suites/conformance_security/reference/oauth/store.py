"""What the server remembers, on disk: pushed requests, codes, grants with their tokens, and what was used once.

Codes and refresh tokens are kept as digests: whoever reads the database cannot use them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance_security.reference.oauth.jose import digest

SCHEMA = """
CREATE TABLE IF NOT EXISTS oauth_requests (
    uri TEXT PRIMARY KEY, client TEXT NOT NULL, parameters TEXT NOT NULL, expires INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS oauth_codes (
    digest TEXT PRIMARY KEY, client TEXT NOT NULL, subject TEXT NOT NULL, parameters TEXT NOT NULL,
    grant_id TEXT NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS oauth_tokens (
    id TEXT PRIMARY KEY, grant_id TEXT NOT NULL, client TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    scope TEXT NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS oauth_tokens_grant ON oauth_tokens (grant_id);
CREATE INDEX IF NOT EXISTS oauth_requests_expires ON oauth_requests (expires);
CREATE INDEX IF NOT EXISTS oauth_codes_expires ON oauth_codes (expires);
CREATE INDEX IF NOT EXISTS oauth_tokens_expires ON oauth_tokens (expires);
CREATE TABLE IF NOT EXISTS oauth_seen (
    kind TEXT NOT NULL, owner TEXT NOT NULL, jti TEXT NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (kind, owner, jti)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS oauth_seen_expires ON oauth_seen (expires);
"""

Parameters = Mapping[str, str]

#: Seconds that expired things are kept.
_KEPT_S = 3600


@dataclass(frozen=True, slots=True)
class Kept:
    """A pushed request or a code as it was stored. ``grant`` and ``subject`` are those of a code."""

    client: str
    parameters: Parameters
    expires: int
    used: bool
    grant: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it was stored. ``kind`` is access or refresh."""

    id: str
    grant: str
    client: str
    kind: str
    subject: str
    scope: str
    expires: int
    revoked: bool = False


def first_use(connection: sqlite3.Connection, kind: str, owner: str, jti: str, now: int, expires: int) -> bool:
    """Remember an id until ``expires``; False if it was used before. Forgets what has expired."""
    connection.execute("DELETE FROM oauth_seen WHERE expires < ?", (now,))
    row = (kind, owner, jti, expires)
    return connection.execute("INSERT OR IGNORE INTO oauth_seen VALUES (?,?,?,?)", row).rowcount == 1


def forget(connection: sqlite3.Connection, now: int) -> None:
    """Delete what expired an hour ago: until then, a second use of a code still revokes what the first brought."""
    for table in ("oauth_requests", "oauth_codes", "oauth_tokens"):
        connection.execute(f"DELETE FROM {table} WHERE expires < ?", (now - _KEPT_S,))  # noqa: S608


def push(connection: sqlite3.Connection, uri: str, client: str, parameters: Parameters, expires: int) -> None:
    """Keep a pushed request."""
    row = (uri, client, json.dumps(dict(parameters)), expires)
    connection.execute("INSERT INTO oauth_requests (uri, client, parameters, expires) VALUES (?,?,?,?)", row)


def pushed(connection: sqlite3.Connection, uri: str) -> Kept | None:
    """Return a pushed request."""
    row = connection.execute("SELECT * FROM oauth_requests WHERE uri = ?", (uri,)).fetchone()
    return Kept(row["client"], json.loads(row["parameters"]), row["expires"], bool(row["used"])) if row else None


def spend_request(connection: sqlite3.Connection, uri: str) -> None:
    """Mark a pushed request as used."""
    connection.execute("UPDATE oauth_requests SET used = 1 WHERE uri = ?", (uri,))


def keep_code(connection: sqlite3.Connection, code: str, kept: Kept) -> None:
    """Keep a code."""
    row = (digest(code.encode()), kept.client, kept.subject, json.dumps(dict(kept.parameters)), kept.grant)
    names = "digest, client, subject, parameters, grant_id, expires"
    connection.execute(f"INSERT INTO oauth_codes ({names}) VALUES (?,?,?,?,?,?)", (*row, kept.expires))  # noqa: S608


def code_of(connection: sqlite3.Connection, code: str) -> Kept | None:
    """Return a code."""
    row = connection.execute("SELECT * FROM oauth_codes WHERE digest = ?", (digest(code.encode()),)).fetchone()
    if row is None:
        return None
    parameters: Any = json.loads(row["parameters"])
    return Kept(row["client"], parameters, row["expires"], bool(row["used"]), row["grant_id"], row["subject"])


def spend_code(connection: sqlite3.Connection, code: str) -> None:
    """Mark a code as used."""
    connection.execute("UPDATE oauth_codes SET used = 1 WHERE digest = ?", (digest(code.encode()),))


def keep_token(connection: sqlite3.Connection, token: Issued) -> None:
    """Keep a token: an access token under its jti, a refresh token under its digest."""
    row = (token.id, token.grant, token.client, token.kind, token.subject, token.scope, token.expires)
    names = "id, grant_id, client, kind, subject, scope, expires"
    connection.execute(f"INSERT INTO oauth_tokens ({names}) VALUES (?,?,?,?,?,?,?)", row)  # noqa: S608


def token_of(connection: sqlite3.Connection, identifier: str, kind: str) -> Issued | None:
    """Return a token."""
    found = connection.execute("SELECT * FROM oauth_tokens WHERE id = ? AND kind = ?", (identifier, kind)).fetchone()
    return Issued(*found) if found else None


def revoke_token(connection: sqlite3.Connection, identifier: str) -> None:
    """Revoke one token."""
    connection.execute("UPDATE oauth_tokens SET revoked = 1 WHERE id = ?", (identifier,))


def revoke_grant(connection: sqlite3.Connection, grant: str) -> None:
    """Revoke every token of a grant."""
    connection.execute("UPDATE oauth_tokens SET revoked = 1 WHERE grant_id = ?", (grant,))
