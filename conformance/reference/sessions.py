"""Logging in with a password: lockout, a limiter, and cookie sessions."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.reference import input as strict
from conformance.reference.keys import Seed
from conformance.reference.tokens import unauthorized
from conformance.reference.web import answer
from conformance.sdk.reference import Problem

if TYPE_CHECKING:
    from conformance.reference.host import ReferenceHost

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (digest TEXT PRIMARY KEY, user TEXT NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS bad_logins (
    user TEXT NOT NULL, address TEXT NOT NULL, count INTEGER NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (user, address)) WITHOUT ROWID;
"""

#: Wrong passwords before a user is locked for one client address (PCI DSS 8.3.4: at most ten).
BAD_MAX = 10
#: Seconds a lock lasts.
LOCK_S = 1800
#: Seconds a session lasts.
SESSION_S = 900
#: Logins per client address in ``LOGIN_WINDOW_S`` seconds.
LOGIN_QUOTA = 100
LOGIN_WINDOW_S = 10
#: Requests to the limits route per user in ``LIMITS_WINDOW_S`` seconds.
LIMITS_QUOTA = 20
LIMITS_WINDOW_S = 10

_SCRYPT = {"n": 2**12, "r": 8, "p": 1}
#: Stands for whoever tries to log in and does not exist.
_NOBODY = "nobody"


class Limiter:
    """A sliding window per name."""

    def __init__(self, quota: int, window_s: int) -> None:
        self._quota = quota
        self._window_s = window_s
        self._seen: dict[str, deque[float]] = {}

    def pass_or_refuse(self, name: str, now: float) -> None:
        """Count one request; raises Problem(429) with Retry-After above the quota."""
        seen = self._seen.setdefault(name, deque())
        while seen and seen[0] <= now - self._window_s:
            seen.popleft()
        if len(seen) >= self._quota:
            wait = max(1, round(seen[0] + self._window_s - now))
            raise Problem(429, "too-many-requests", "The quota is used up.", {"Retry-After": str(wait)})
        seen.append(now)

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()


class Sessions:
    """Passwords, lockout and sessions."""

    def __init__(self, seed: Seed, host: ReferenceHost) -> None:
        self._host = host
        self._salt = _salt(seed)
        self._passwords = known_passwords(seed, host.users.names())
        self._dummy = self._passwords.pop(_NOBODY)
        self.logins = Limiter(LOGIN_QUOTA, LOGIN_WINDOW_S)
        self.pings = Limiter(LIMITS_QUOTA, LIMITS_WINDOW_S)

    def restart(self) -> None:
        """Forget the counts of the limiters."""
        self.logins.clear()
        self.pings.clear()

    def user(self, session: str) -> str:
        """Return whose session this is; raises Problem(401)."""
        with self._host.db.reading() as connection:
            row = connection.execute("SELECT * FROM sessions WHERE digest = ?", (_digest(session),)).fetchone()
        if row is None or row["expires"] <= self._host.clock.epoch():
            raise unauthorized("The session is over.")
        return str(row["user"])

    def locked(self, user: str, address: str) -> bool:
        """Tell whether a user is locked for a client address."""
        everywhere = self._host.faults.on("login.locked-everywhere")
        with self._host.db.reading() as connection:
            rows = connection.execute("SELECT * FROM bad_logins WHERE user = ?", (user,)).fetchall()
        counted = [row for row in rows if everywhere or row["address"] == address]
        return any(row["count"] >= BAD_MAX and row["until"] > self._host.clock.epoch() for row in counted)

    async def right(self, user: str, password: str) -> bool:
        """Tell whether the password is right, in the same time whether or not the user exists."""
        if user not in self._passwords and self._host.faults.on("login.timing-leak"):
            return False
        wanted = self._passwords.get(user, self._dummy)
        given = await run_in_threadpool(self._hash, password)
        return hmac.compare_digest(wanted, given) and user in self._passwords

    async def count_bad(self, user: str, address: str) -> None:
        """Remember one more wrong password."""
        until = self._host.clock.epoch() + LOCK_S
        await self._host.db.write(
            lambda connection: connection.execute(
                "INSERT INTO bad_logins VALUES (?,?,1,?) ON CONFLICT DO UPDATE SET count = count + 1, until = ?",
                (user, address, until, until),
            )
        )

    async def begin(self, user: str, address: str) -> str:
        """Open a session and forget wrong passwords."""
        session = secrets.token_urlsafe(32)
        expires = self._host.clock.epoch() + SESSION_S

        def job(connection: object) -> None:
            with self._host.db.transaction() as inner:
                inner.execute("DELETE FROM bad_logins WHERE user = ? AND address = ?", (user, address))
                inner.execute("INSERT INTO sessions VALUES (?,?,?)", (_digest(session), user, expires))
                self._host.audit(user, "login", user, "accepted", {})

        await self._host.db.write(job)
        return session

    def _hash(self, password: str) -> bytes:
        return _scrypt(password, self._salt)


def known_passwords(seed: Seed, names: Sequence[str]) -> dict[str, bytes]:
    """Return the hashes of all users' passwords and of nobody's; dear the first time, and remembered."""
    return dict(_hashes(seed, (*names, _NOBODY)))


@lru_cache(2)
def _hashes(seed: Seed, names: tuple[str, ...]) -> Mapping[str, bytes]:
    return {name: _scrypt(seed.password(f"password/{name}"), _salt(seed)) for name in names}


def _salt(seed: Seed) -> bytes:
    return seed.derive("password-salt")


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_SCRYPT["n"], r=_SCRYPT["r"], p=_SCRYPT["p"])


def _digest(session: str) -> str:
    return hashlib.sha256(session.encode()).hexdigest()


def routes(host: ReferenceHost) -> list[Route]:
    """Return the routes of logging in and of the limits that checks may use up."""

    async def login(request: Request) -> Response:
        address = request.client.host if request.client else ""
        if not host.faults.on("limiter.off"):
            host.sessions.logins.pass_or_refuse(address, host.clock.now().timestamp())
        body = await strict.read_json(request, host.faults)
        strict.only(body, ("username", "password"))
        user, password = strict.text(body, "username"), strict.text(body, "password", max_length=256)
        if host.faults.on("login.user-enumerable") and user not in host.users.names():
            raise Problem(404, "unknown-user", "There is no such user.")
        right = await host.sessions.right(user, password)
        if host.sessions.locked(user, address) and not host.faults.on("login.unlimited"):
            raise Problem(403, "locked", "Too many wrong passwords from this client; try again later.")
        if not right:
            await host.sessions.count_bad(user, address)
            raise Problem(401, "invalid-login", "User name or password is wrong.", {"WWW-Authenticate": "Session"})
        session = await host.sessions.begin(user, address)
        flags = "" if host.faults.on("cookies.insecure") else "; Secure; HttpOnly; SameSite=Strict"
        cookie = f"session={session}; Path=/; Max-Age={SESSION_S}{flags}"
        return answer({"session": session, "expires_in": SESSION_S}, headers={"Set-Cookie": cookie})

    async def ping(request: Request) -> Response:
        principal = host.authorize(request)
        if not host.faults.on("limiter.off"):
            host.sessions.pings.pass_or_refuse(principal.user, host.clock.now().timestamp())
        return answer({"quota": LIMITS_QUOTA, "window_s": LIMITS_WINDOW_S})

    return [Route("/login", login, methods=["POST"]), Route("/limits/ping", ping, methods=["GET"])]
