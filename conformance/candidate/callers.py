"""Callers: the users of a candidate file, with their settings and credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.candidate.secrets import Secrets, is_reference
from conformance.model.candidate import CandidateFile


class Caller:
    """One user. Settings in ``[users.x]`` win over ``[auth]``; ``[users.x.auth]`` wins over both."""

    def __init__(self, name: str, candidate: CandidateFile, secrets: Secrets) -> None:
        section = candidate.users.get(name, {})
        own = section.get("auth", {})
        self.name = name
        self.section: Mapping[str, Any] = section
        self.settings: Mapping[str, Any] = {**candidate.auth, **section, **(own if isinstance(own, Mapping) else {})}
        self.signing: Mapping[str, Any] = _signing(candidate.signing, section.get("signing"))
        self._secrets = secrets

    @property
    def scheme(self) -> str:
        """Return how this caller authenticates."""
        return str(self.settings.get("scheme", "none"))

    @property
    def where(self) -> str:
        """Return the place of this caller in the candidate file, for messages."""
        return f"candidate.toml [users.{self.name}]"

    def text(self, key: str, default: str = "") -> str:
        """Return a setting as text, revealing a secret reference."""
        value = self.settings.get(key)
        return default if value is None else self._secrets.reveal(value, f"{self.where} {key}")

    def value(self, key: str) -> Any:
        """Return what templates see as ``user.key``; None where there is none."""
        found = self.settings.get(key)
        return self.text(key) if is_reference(found) else found

    def identity(self, tls: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return certificate and key paths for mutual TLS; None means the candidate's own, if any."""
        certificate, key = self.settings.get("client_cert"), self.settings.get("client_key")
        if not certificate:
            return None
        return self._secrets.path(certificate), self._secrets.path(key) if key else ""


def _signing(common: Mapping[str, Any], own: Any) -> Mapping[str, Any]:
    """A caller signs when its own section says so; the common section gives defaults, or says ``always = true``."""
    if own is False or (own is None and not common.get("always")):
        return {}
    return {**common, **(own if isinstance(own, Mapping) else {})}
