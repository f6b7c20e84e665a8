"""What a whole run has shown: every answer, error, header, address and exported log of it, judged as it passes by.

Only findings are kept, and only what of them may be printed; no message and no value outlives the look at it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from conformance.sdk import CandidateFile, Outlook, Sighting, WireMessage
from conformance_security.privacy.classes import Rule, rules
from conformance_security.privacy.detect import Detector, Find

#: Where something was shown.
ANSWER, ADDRESS, LOG, NOTICE = "answer", "address", "log", "notice"
#: Places kept at most; further ones are counted.
_PLACES_MAX = 200
#: Messages remembered as clean, by digest: the same answer need not be read twice.
_CLEAN_MAX = 20_000
#: Bytes of one message that are looked at.
_MESSAGE_MAX = 16 * 1024 * 1024
#: Headers that say nothing about a customer.
_PLAIN_HEADERS = frozenset(
    {"date", "content-type", "content-length", "connection", "cache-control", "server", "vary", "etag", "allow", "age",
     "strict-transport-security", "x-content-type-options", "content-security-policy", "referrer-policy"}
)  # fmt: skip
_ADDRESS_HEADERS = frozenset({"location", "content-location", "link", "refresh"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was shown that should not have been. ``check`` made exchange ``seq``, the first of its kind."""

    channel: str
    where: str
    find: Find
    check: str
    seq: int

    def __str__(self) -> str:
        source = f" (exchange {self.seq}, made by {self.check})" if self.seq else ""
        return f"{self.where} shows {self.find}{source}"


class Observed:
    """The suite's observer: implements :class:`conformance.sdk.Observer`."""

    def __init__(self, outlook: Outlook) -> None:
        self._rules = rules(outlook.parameters["data_classes"])
        self._detector = Detector(self._rules)
        self._hooks = _hook_addresses(outlook.file)
        self._clean: set[bytes] = set()
        self._places: dict[tuple[str, str, str], Place] = {}
        #: How many exchanges, notices and logs were looked at.
        self.counts: Counter[str] = Counter()
        self.earlier = outlook.earlier
        for kind, value in declared_values(outlook.file):
            self.plant(kind, value)

    def plant(self, kind: str, value: str) -> None:
        """Look for one more value from now on, wherever it may stand."""
        if not self._detector.planted(value):
            self._clean.clear()
            self._detector.plant(kind, value)

    def rule(self, kind: str) -> Rule | None:
        """Return how a kind of data may be shown, or None where the profile says nothing of it."""
        return self._rules.get(kind)

    def see(self, seq: int, check: str, sighting: Sighting) -> None:
        """Look at one exchange."""
        hook = self._hook(sighting.request)
        if hook:
            return
        self.counts[ANSWER] += sighting.response is not None
        for kind, value in self._detector.given(sighting.request.body):
            self.plant(kind, value)
        operation = _operation(sighting.request.start)
        self._look(ADDRESS, f"the address of {operation}", _target(sighting.request.start), check, seq)
        if sighting.response is not None:
            trusted = _authenticated(sighting.request.headers)
            for name, value in sighting.response.headers:
                if name.lower() not in _PLAIN_HEADERS:
                    channel = ADDRESS if name.lower() in _ADDRESS_HEADERS else ANSWER
                    text = f"{name}: {value}".encode("utf-8", "replace")
                    self._look(channel, f"{operation}, header {name},", text, check, seq, trusted)
            self._look(ANSWER, operation, sighting.response.body, check, seq, trusted)

    def log(self, text: bytes, check: str) -> None:
        """Look at a log that the test environment exported."""
        self.counts[LOG] += 1
        self._look(LOG, "the exported log", text, check, 0)

    def notice(self, body: bytes, headers: Iterable[tuple[str, str]], check: str) -> None:
        """Look at a notice that the product sent to the harness."""
        self.counts[NOTICE] += 1
        text = "\n".join(f"{name}: {value}" for name, value in headers).encode("utf-8", "replace")
        self._look(NOTICE, "a notice", text + b"\n\n" + body, check, 0)

    def places(self, *channels: str, shown: Iterable[str] = ("never", "masked", "owner")) -> list[Place]:
        """Return where data was shown on these channels, of classes that may be shown in these ways."""
        wanted = set(shown)
        return [
            place for place in self._places.values() if place.channel in channels and place.find.rule.shown in wanted
        ]

    def summary(self) -> dict[str, int]:
        """Return how much was looked at, for the report."""
        looked = {f"{channel}s": count for channel, count in sorted(self.counts.items())}
        return looked | {"exchanges of earlier processes, not looked at": self.earlier}

    # -- one message --------------------------------------------------------------------------------------

    def _look(self, channel: str, where: str, data: bytes, check: str, seq: int, trusted: bool = False) -> None:
        if len(data) < 3:
            return
        digest = hashlib.blake2b(data, digest_size=16, person=b"t" if trusted else b"").digest()
        if digest in self._clean:
            return
        found = [find for find in self._detector.finds(data[:_MESSAGE_MAX]) if _forbidden(find, channel, trusted)]
        for find in found:
            key = (channel, where, find.rule.kind)
            if key not in self._places and len(self._places) < _PLACES_MAX:
                self._places[key] = Place(channel, where, find, check, seq)
        if not found and len(self._clean) < _CLEAN_MAX:
            self._clean.add(digest)

    def _hook(self, request: WireMessage) -> str:
        """Return the name of the hook that a request was for, or "": hooks are not part of the product."""
        if not self._hooks:
            return ""
        host = next((value for name, value in request.headers if name.lower() == "host"), "")
        return self._hooks.get((host, _target(request.start).decode().partition("?")[0]), "")


def observe(outlook: Outlook) -> Observed:
    """Make the observer of one check process."""
    return Observed(outlook)


def declared_values(file: CandidateFile) -> Iterator[tuple[str, str]]:
    """Give the values that the owner planted: ``[declared.security.canaries]``, by kind, and the users' passwords."""
    section = file.declared.get("security", {})
    planted: Any = section.get("canaries", {}) if isinstance(section, Mapping) else {}
    for kind, values in planted.items():
        for value in values if isinstance(values, list | tuple) else [values]:
            text = os.environ.get(str(value["env"]), "") if isinstance(value, Mapping) else str(value)
            if text:
                yield kind, text
    for user in file.users.values():
        password = user.get("password")
        if isinstance(password, Mapping) and "env" in password:
            yield "password", os.environ.get(str(password["env"]), "")


def _forbidden(find: Find, channel: str, trusted: bool) -> bool:
    """Tell whether a find breaks its rule: an owner's own data may be answered to an authenticated caller."""
    return not (find.rule.shown == "owner" and channel == ANSWER and trusted)


def _authenticated(headers: Iterable[tuple[str, str]]) -> bool:
    return any(name.lower() in ("authorization", "cookie", "x-api-key", "signature") for name, _ in headers)


def _hook_addresses(file: CandidateFile) -> dict[tuple[str, str], str]:
    found = {}
    for name, hook in file.hooks.items():
        parts = urlsplit(str(hook.get("url", "")))
        if parts.netloc:
            found[(parts.netloc, parts.path or "/")] = name
    return found


def _target(start: str) -> bytes:
    return start.partition(" ")[2].rpartition(" ")[0].encode("utf-8", "replace")


def _operation(start: str) -> str:
    """Return method and path for a sentence, without what differs from one object to the next."""
    method, _, rest = start.partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    segments = [re.sub(r".*\d.*", "{…}", segment) if len(segment) > 3 else segment for segment in path.split("/")]
    return f"{method} {'/'.join(segments)}"[:120]
