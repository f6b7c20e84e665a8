"""Callers: the users of a candidate file, with their settings and credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conformance.candidate.secrets import Secrets, is_reference
from conformance.model.candidate import CandidateFile

#: Settings that let one in.
CREDENTIALS = ("token", "password", "key", "client_secret", "private_key")


class Caller:
    """One user. Settings in ``[users.x]`` win over ``[auth]``; ``[users.x.auth]`` wins over both."""

    def __init__(
        self,
        name: str,
        candidate: CandidateFile,
        secrets: Secrets,
        further: Mapping[str, Any] | None = None,
        alias: str = "",
    ) -> None:
        """``further`` are credentials of one account of this user, ``alias`` what the pair is called."""
        section = {**candidate.users.get(name, {}), **(further or {})}
        own = section.get("auth", {})
        self.user = name
        self.name = alias or name
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
        if value is None:
            return default
        text = self._secrets.reveal(value, f"{self.where} {key}")
        if key in CREDENTIALS:
            # Written in the file it is no secret any more, but it need not stand in reports as well.
            self._secrets.remember(text, re.sub(r"\W+", "_", f"{self.name}_{key}".upper()))
        return text

    def value(self, key: str) -> Any:
        """Return what templates see as ``user.key``; None where there is none."""
        found = self.settings.get(key)
        return self.text(key) if is_reference(found) or (key in CREDENTIALS and found is not None) else found

    def public(self, key: str) -> Any:
        """Return a setting that lets nobody in, such as a tenant's name; None for everything else."""
        found = self.section.get(key)
        return None if key in CREDENTIALS or not isinstance(found, str | int) else found

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
