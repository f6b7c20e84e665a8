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
from conformance_security.disclosed import Disclosures
from conformance_security.privacy.classes import Rule, Shown, rules
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
_CREDENTIALS = frozenset({"authorization", "cookie", "x-api-key", "signature"})
#: Bytes below which a message says nothing.
_SHORTEST = 3
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


@dataclass(frozen=True, slots=True)
class _Source:
    """Which exchange a message belongs to; what follows from it is worked out only for a finding."""

    check: str
    seq: int
    request: WireMessage

    @property
    def operation(self) -> str:
        """Method and path, without what differs from one object to the next."""
        return _operation(self.request.start)

    @property
    def authenticated(self) -> bool:
        """Tell whether the request carried credentials."""
        return any(name.lower() in _CREDENTIALS for name, _ in self.request.headers)


class Observed:
    """The suite's observer: implements :class:`conformance.sdk.Observer`."""

    def __init__(self, outlook: Outlook) -> None:
        self._rules = rules(outlook.parameters["data_classes"])
        self._detector = Detector(self._rules)
        self._hooks = _hook_addresses(outlook.file)
        self._hook_paths = {path for _, path in self._hooks}
        self._clean: set[bytes] = set()
        self._places: dict[tuple[str, str, str], Place] = {}
        #: How many exchanges, notices and logs were looked at.
        self.counts: Counter[str] = Counter()
        self.earlier = outlook.earlier
        self.disclosures = Disclosures()
        for kind, value in declared_values(outlook.file):
            self.plant(kind, value)

    def plant(self, kind: str, value: str) -> None:
        """Look for one more value from now on, wherever it may stand."""
        if not self._detector.planted(value):
            self._clean.clear()
            self._detector.plant(kind, value)

    def knows(self, *shown: Shown) -> bool:
        """Tell whether any value was planted, or handed over in a request, that may be shown only so."""
        return self._detector.knows(*shown)

    def rule(self, kind: str) -> Rule | None:
        """Return how a kind of data may be shown, or None where the profile says nothing of it."""
        return self._rules.get(kind)

    def see(self, seq: int, check: str, sighting: Sighting) -> None:
        """Look at one exchange."""
        request, response = sighting.request, sighting.response
        if self._is_hook(request):
            return
        for kind, value in self._detector.given(request.body):
            self.plant(kind, value)
        source = _Source(check, seq, request)
        self._look(ADDRESS, "the address of {}", _target(request.start), source)
        if response is None:
            return
        self.counts[ANSWER] += 1
        self.disclosures.see(seq, check, source.operation, request, response)
        for name, value in response.headers:
            if name.lower() not in _PLAIN_HEADERS:
                channel = ADDRESS if name.lower() in _ADDRESS_HEADERS else ANSWER
                self._look(channel, f"{{}}, header {name},", f"{name}: {value}".encode("utf-8", "replace"), source)
        self._look(ANSWER, "{}", response.body, source)

    def log(self, text: bytes, check: str) -> None:
        """Look at a log that the test environment exported."""
        self.counts[LOG] += 1
        self._look(LOG, "the exported log", text, _Source(check, 0, WireMessage()))

    def notice(self, body: bytes, headers: Iterable[tuple[str, str]], check: str) -> None:
        """Look at a notice that the product sent to the harness."""
        self.counts[NOTICE] += 1
        text = "\n".join(f"{name}: {value}" for name, value in headers).encode("utf-8", "replace")
        self._look(NOTICE, "a notice", text + b"\n\n" + body, _Source(check, 0, WireMessage()))

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

    def _look(self, channel: str, where: str, data: bytes, source: _Source) -> None:
        """Look at one message; ``{}`` in ``where`` stands for the operation that was asked for."""
        if len(data) < _SHORTEST:
            return
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if digest in self._clean:
            return
        found = list(self._detector.finds(data[:_MESSAGE_MAX]))
        for find in found:
            if channel == ANSWER and find.rule.shown == "owner" and source.authenticated:
                continue  # an owner's own data may be answered to an authenticated caller
            place = where.replace("{}", source.operation)
            key = (channel, place, find.rule.kind)
            if key not in self._places and len(self._places) < _PLACES_MAX:
                self._places[key] = Place(channel, place, find, source.check, source.seq)
        if not found and len(self._clean) < _CLEAN_MAX:
            self._clean.add(digest)

    def _is_hook(self, request: WireMessage) -> bool:
        """Tell whether a request was for a hook of the test environment, which is no part of the product."""
        if _target(request.start).decode().partition("?")[0] not in self._hook_paths:
            return False
        host = next((value for name, value in request.headers if name.lower() == "host"), "")
        return (host, _target(request.start).decode().partition("?")[0]) in self._hooks


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


def _hook_addresses(file: CandidateFile) -> frozenset[tuple[str, str]]:
    parts = [urlsplit(str(hook.get("url", ""))) for hook in file.hooks.values()]
    return frozenset((part.netloc, part.path or "/") for part in parts if part.netloc)


def _target(start: str) -> bytes:
    return start.partition(" ")[2].rpartition(" ")[0].encode("utf-8", "replace")


def _operation(start: str) -> str:
    """Return method and path for a sentence, without what differs from one object to the next."""
    method, _, rest = start.partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    segments = [re.sub(r".*\d.*", "{…}", segment) if len(segment) > 3 else segment for segment in path.split("/")]
    return f"{method} {'/'.join(segments)}"[:120]
