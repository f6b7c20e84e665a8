"""Callers: the users of a candidate file, with their settings and credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance.candidate.offering import Offer, offer_of
from conformance.candidate.secrets import Secrets, is_reference
from conformance.errors import ConfigError
from conformance.model.candidate import CandidateFile

#: Settings that let one in.
CREDENTIALS = ("token", "password", "key", "client_secret", "private_key")

#: Drivers that send the credentials of the candidate file, and nothing else that tells whose call it is.
SENDING = ("http", "oauth")

#: Of each scheme, the settings by which the product knows a caller; how they are sent is the same for all.
_CLIENT = ("username", "password", "client_id", "client_secret", "private_key", "scope", "audience")
_TELLING: Mapping[str, tuple[str, ...]] = {
    "bearer": ("token",),
    "basic": ("username", "password"),
    "api-key": ("key",),
    "oauth2": _CLIENT,
    "login": _CLIENT,
    "cookie": _CLIENT,
    "hmac": ("key", "key_id"),
}
#: Schemes whose callers fetch a token, and the operation that gives it where they name none.
_FETCHING: Mapping[str, str] = {"oauth2": "token", "login": "login", "cookie": "login"}
#: Settings that tell callers apart beside any scheme.
_BESIDE = ("client_cert", "client_key")


class Caller:
    """One user. Settings in ``[users.x]`` win over ``[auth]``; ``[users.x.auth]`` wins over both."""

    def __init__(
        self,
        name: str,
        candidate: CandidateFile,
        secrets: Secrets,
        further: Mapping[str, Any] | None = None,
        alias: str = "",
        place: str = "",
    ) -> None:
        """``further`` are credentials of one account of this user, ``alias`` what the pair is called.

        ``place`` is where in the candidate file those credentials stand.
        """
        section = {**candidate.users.get(name, {}), **(further or {})}
        own = section.get("auth", {})
        self.user = name
        self.name = alias or name
        self.section: Mapping[str, Any] = section
        self.settings: Mapping[str, Any] = {**candidate.auth, **section, **(own if isinstance(own, Mapping) else {})}
        self.signing: Mapping[str, Any] = _signing(candidate.signing, section.get("signing"))
        self._secrets = secrets
        self._further = frozenset(further or ())
        self._place = place
        self._file = str(candidate.path or "candidate.toml")

    @property
    def scheme(self) -> str:
        """Return how this caller authenticates."""
        return str(self.settings.get("scheme", "none"))

    @property
    def where(self) -> str:
        """Return the place of this caller in the candidate file, for messages."""
        return f"{self._file} [users.{self.user}]"

    def _where(self, key: str) -> str:
        return f"{self._file} {self._place}.{key}" if key in self._further else f"{self.where} {key}"

    def text(self, key: str, default: str = "") -> str:
        """Return a setting as text, revealing a secret reference."""
        value = self.settings.get(key)
        if value is None:
            return default
        text = self._secrets.reveal(value, self._where(key))
        if key in CREDENTIALS:
            # Written in the file it is no secret any more, but it need not stand in reports as well.
            self._secrets.remember(text, f"{self.name}_{key}".upper())
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


def same_caller(file: CandidateFile, one: str, other: str) -> bool:
    """Tell whether the product has nothing by which to tell the requests of two users apart.

    What counts is what is sent: the settings that the user's scheme uses, client certificates, request signatures and
    every ``user.…`` that the mapping places, but for a public one in a path, which names a place and proves nothing.
    Secrets are compared by their values where both can be revealed, else by the names that stand for them. The keys of
    DPoP proofs do not count: a token belongs to the client. Two users are never the same where another driver than the
    HTTP one hands on their names itself, or where the file lacks one of them. Nothing is sent; raises nothing.
    """
    if file.driver not in SENDING or one not in file.users or other not in file.users:
        return False
    secrets = Secrets(file.path.parent if file.path else Path())
    offer = offer_of(file)
    first, second = (_told(Caller(name, file, secrets), offer) for name in (one, other))
    return first.keys() == second.keys() and all(_alike(first[key], second[key], secrets) for key in first)


def _told(caller: Caller, offer: Offer) -> dict[str, Any]:
    """Return everything by which the product can know a caller; secrets stay references."""
    settings = caller.settings
    told: dict[str, Any] = {"scheme": "none" if caller.scheme == "mtls" else caller.scheme, "signing": caller.signing}
    told |= {name: settings[name] for name in _TELLING.get(caller.scheme, ()) if name in settings}
    told |= {name: {"file": _named(settings[name])} for name in _BESIDE if settings.get(name)}
    placed = {f"user.{name}": settings[name] for name in _members(caller, offer) if name in settings}
    return told | placed


def _members(caller: Caller, offer: Offer) -> frozenset[str]:
    """Return the members of a caller's section that operations place where they can tell who calls."""
    names = {name for name in offer.names if offer.compiled[name].group != "auth"}
    if caller.scheme in _FETCHING:
        names |= {str(caller.settings.get("operation", _FETCHING[caller.scheme]))} & offer.compiled.keys()
    steps = [step for name in names for step in offer.compiled[name].steps]
    telling = {member for step in steps for member in _of_user(step.names_beside_path())}
    places = {member for step in steps for member in _of_user(step.path.names())}
    return frozenset(telling | {member for member in places if caller.public(member) is None})


def _of_user(names: Iterable[str]) -> set[str]:
    return {name.removeprefix("user.") for name in names if name.startswith("user.")}


def _named(value: Any) -> str:
    return str(value.get("file", "")) if isinstance(value, Mapping) else str(value)


def _alike(one: Any, other: Any, secrets: Secrets) -> bool:
    """Compare two settings, secrets in them by what they hold where both can be read."""
    if one == other:
        return True
    if is_reference(one) or is_reference(other):
        try:
            return secrets.reveal(one, "") == secrets.reveal(other, "")
        except ConfigError:
            return False
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key], secrets) for key in one)
    return False
