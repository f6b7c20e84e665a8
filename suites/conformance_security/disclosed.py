"""What the answers of a whole run gave away of the product's inside, each kind once for each operation.

An error says more than it should in many ways. Any other answer is looked at for traces and database errors only: a
statement or a path may be what somebody asked for, and some products put their errors into a 200.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from conformance.sdk import WireMessage
from conformance_security.scanners import Telling, telling

#: Bytes of one answer that are looked at, and findings that are kept.
_LOOKED_AT, _KEPT_MAX = 64 * 1024, 100
_ERROR_FROM = 400


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What gave itself away: ``operation`` showed ``found`` in exchange ``seq``, which ``check`` made."""

    operation: str
    found: Telling
    check: str
    seq: int

    def __str__(self) -> str:
        return f"{self.operation} shows {self.found} (exchange {self.seq}, made by {self.check})"


class Disclosures:
    """Collects what the answers of a run disclose."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Disclosed] = {}

    def see(self, seq: int, check: str, operation: str, request: WireMessage, response: WireMessage) -> None:
        """Look at one answer; what only repeats its own request is nothing that the product gave away."""
        text = response.body[:_LOOKED_AT].decode("utf-8", "replace")
        for found in telling(text):
            if (found.everywhere or _status(response) >= _ERROR_FROM) and not _sent(found, request):
                self._keep(Disclosed(operation, found, check, seq))

    def all(self) -> list[Disclosed]:
        """Return what was found, in its order."""
        return list(self._found.values())

    def _keep(self, found: Disclosed) -> None:
        if len(self._found) < _KEPT_MAX:
            self._found.setdefault((found.operation, found.found.what), found)


def _status(response: WireMessage) -> int:
    word = response.start.split(" ")[1:2]
    return int(word[0]) if word and word[0].isdigit() else 0


def _sent(found: Telling, request: WireMessage) -> bool:
    """Tell whether what was found stood in the request."""
    sent = b"\n".join([request.start.encode("utf-8", "replace"), *_values(request), request.body])
    return found.text.strip(" \"'(=\n").encode("utf-8", "replace") in sent + b"\n" + unquote_to_bytes(sent)


def _values(request: WireMessage) -> list[bytes]:
    return [value.encode("utf-8", "replace") for _, value in request.headers]
