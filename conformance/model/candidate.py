"""The candidate file: everything a person declares about the product under test.

Money is in minor units, times in seconds unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Effect(StrEnum):
    """What a check does to the candidate, mildest first."""

    READ = "read"
    WRITE = "write"
    MONEY = "money"
    DESTRUCTIVE = "destructive"
    DISRUPTIVE = "disruptive"

    def within(self, ceiling: Effect) -> bool:
        """Tell whether this effect is no stronger than ``ceiling``."""
        return _STRENGTH[self] <= _STRENGTH[ceiling]


_STRENGTH = {effect: number for number, effect in enumerate(Effect)}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the harness may ask of the candidate, and how long it waits."""

    requests_per_second_max: int = 200
    load_per_second_max: int = 1000
    timeout_s: int = 10
    response_bytes_max: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scope:
    """Where traffic may go: ``hosts`` are extra ``host:port`` pairs beside the base URL and the endpoints.

    ``effects`` is the strongest side effect allowed. ``production`` refuses anything beyond reading.
    """

    hosts: tuple[str, ...] = ()
    effects: Effect = Effect.DISRUPTIVE
    production: bool = False

    def ceiling(self) -> Effect:
        """Return the strongest effect that may really be caused."""
        return Effect.READ if self.production else self.effects


@dataclass(frozen=True, slots=True)
class CandidateFile:
    """``candidate.toml``, read and validated; secrets stay references (``{"env": "NAME"}``).

    ``supports`` declares capabilities: operation groups (``payments``) and finer ones (``signing.rfc9421``).
    ``operations`` binds operations to the product's own protocol, or to False where it has none.
    ``declared`` is free for suites: a ledger's hash profile, a barcode scheme, quotas.
    """

    name: str
    version: str
    base_url: str = ""
    vendor: str = ""
    driver: str = "http"
    supports: tuple[str, ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=dict)
    auth: Mapping[str, Any] = field(default_factory=dict)
    users: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    signing: Mapping[str, Any] = field(default_factory=dict)
    tls: Mapping[str, Any] = field(default_factory=dict)
    operations: Mapping[str, Any] = field(default_factory=dict)
    mapping: Mapping[str, Any] = field(default_factory=dict)
    stdio: Mapping[str, Any] = field(default_factory=dict)
    pool: tuple[Mapping[str, Any], ...] = ()
    limits: Limits = field(default_factory=Limits)
    scope: Scope = field(default_factory=Scope)
    hooks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
