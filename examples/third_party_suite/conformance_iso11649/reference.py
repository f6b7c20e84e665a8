"""This suite's part of the reference candidate: one route that validates creditor references.

It computes the remainder on its own and never imports the oracle: a shared bug would hide itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from conformance.sdk import Host, Listener, Problem


class References:
    """The part."""

    schema = ""

    def routes(self, host: Host) -> Sequence[Any]:
        """Return the route of ``references.validate``."""

        async def validate(request: Request) -> JSONResponse:
            host.principal(request)
            document = await request.json()
            return JSONResponse({"reference": _validated(str(document.get("reference", "")), host)})

        return [Route("/references/validate", validate, methods=["POST"])]

    def operations(self) -> Mapping[str, Any]:
        """Return how the operations of this suite are said in HTTP."""
        return {
            "references.validate": {
                "method": "POST",
                "path": "/references/validate",
                "body": {"reference": "{reference}"},
                "result": {"reference": "$.reference"},
            }
        }

    def listeners(self, host: Host) -> Sequence[Listener]:
        """No further ports."""
        return ()

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """No hooks."""
        return {}

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Nothing to declare."""
        return {}

    def supports(self) -> Sequence[str]:
        """The capability this part adds."""
        return ("references",)

    def start(self, host: Host) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""


def _validated(reference: str, host: Host) -> str:
    plain = reference.replace(" ", "").upper()
    longest = 40 if host.faults.on("references.length-unchecked") else 25
    if not 5 <= len(plain) <= longest or not plain.startswith("RF") or not plain.isalnum():
        raise Problem(422, "malformed-reference", "A creditor reference is RF, two digits and up to 21 characters.")
    if host.faults.on("references.letters-refused") and not plain[2:].isdigit():
        raise Problem(422, "malformed-reference", "Digits only.")
    if _remainder(plain[4:] + plain[:4]) != 1 and not host.faults.on("references.digits-unchecked"):
        raise Problem(422, "wrong-check-digits", "The check digits do not fit the reference.")
    return plain


def _remainder(text: str) -> int:
    remainder = 0
    for character in text:
        for digit in str(ord(character) - 55 if character.isalpha() else int(character)):
            remainder = (remainder * 10 + int(digit)) % 97
    return remainder


PART = References()
