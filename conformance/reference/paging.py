"""Pages: opaque cursors that cannot be forged, limits that cannot be abused."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from conformance.reference.keys import b64, unb64
from conformance.sdk.reference import FaultBoard, Problem

#: Items of a page when the caller does not say.
LIMIT_DEFAULT = 50
#: Items of a page at most; more is answered with this many.
LIMIT_MAX = 200
#: What fault input.page-size-unbounded asks the database for: everything.
_UNBOUNDED = -1


class Pages:
    """Reads ``cursor`` and ``limit`` and writes ``next``."""

    def __init__(self, secret: bytes, faults: FaultBoard) -> None:
        self._secret = secret
        self._faults = faults

    def asked(self, request: Request, listing: str) -> tuple[int, int]:
        """Return ``(after, limit)``; a tampered cursor or one of another ``listing`` is refused."""
        return self._after(request.query_params.get("cursor", ""), listing), self._limit(request)

    def _limit(self, request: Request) -> int:
        given = request.query_params.get("limit")
        if given is None:
            return LIMIT_DEFAULT
        digits = given.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
            raise Problem(400, "invalid-limit", f"limit must be a number from 1 to {LIMIT_MAX}.")
        number = int(given)
        if self._faults.on("input.page-size-unbounded"):
            return number if number > 0 else _UNBOUNDED
        if number < 1:
            raise Problem(400, "invalid-limit", f"limit must be a number from 1 to {LIMIT_MAX}.")
        return number if self._faults.on("input.page-size-uncapped") else min(number, LIMIT_MAX)

    def _after(self, cursor: str, listing: str) -> int:
        if not cursor:
            return 0
        try:
            number_text, _, tag = unb64(cursor).partition(b".")
            number = int(number_text)
        except ValueError as error:
            raise Problem(400, "invalid-cursor", "The cursor is not one of ours.") from error
        if not hmac.compare_digest(tag, self._tag(number, listing)):
            raise Problem(400, "invalid-cursor", "The cursor is not one of ours.")
        return number

    def next(self, listing: str, last: int, count: int, limit: int) -> str | None:
        """Return the cursor after item ``last``, or None when the page was not full."""
        if limit == _UNBOUNDED or count < limit:
            return None
        return b64(str(last).encode() + b"." + self._tag(last, listing))

    def _tag(self, number: int, listing: str) -> bytes:
        return hmac.digest(self._secret, f"{listing}/{number}".encode(), "sha256")[:12]
