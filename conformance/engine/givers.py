"""Exchanges that gave tokens: a check is repeated with those that its own requests carry, whoever fetched them."""

from __future__ import annotations

import re

from conformance.model.holders import names
from conformance.sdk.answers import Command, composed
from conformance.sdk.drivers import Sighting

#: Different requests for tokens that are kept; the first ones are those of the users.
_KEPT_MAX = 64
#: A token in a command, by the name of its holder.
_TOKEN = re.compile(r"\$\{([A-Z][A-Z0-9_]*)_TOKEN\}")


class Givers:
    """The latest of each request whose answer taught a secret."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], tuple[int, Command]] = {}

    def keep(self, seq: int, sighting: Sighting) -> None:
        """Keep an exchange whose answer may have given a token."""
        key = (sighting.request.start, sighting.request.body)
        if sighting.response is not None and (key in self._kept or len(self._kept) < _KEPT_MAX):
            self._kept[key] = (seq, sighting.command)

    def of(self, commands: tuple[tuple[int, str], ...]) -> tuple[tuple[int, str], ...]:
        """Return the exchanges that may have given what commands carry: before them, and not among them."""
        holders = {holder for _, text in commands for holder in _TOKEN.findall(text)}
        first = min((seq for seq, _ in commands), default=0)
        earlier = [(seq, composed(command)) for seq, command in self._kept.values() if seq < first]
        return tuple(sorted((seq, text) for seq, text in earlier if any(names(text, holder) for holder in holders)))
