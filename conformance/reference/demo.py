"""The candidate file of the running bank, and the secrets it names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.reference import consents, factors, inspected, sessions
from conformance.reference.clients import OTHER_AUDIENCE
from conformance.reference.host import ReferenceHost
from conformance.reference.keys import Seed, pem
from conformance.reference.tls import client_file
from conformance.reference.users import ROLES, SIGNERS
from conformance.sdk.reference import ContractPart, SecretsPart, UsersPart

#: The bearer token of the control port.
CONTROL_VARIABLE = "CONFORMANCE_DEMO_CONTROL_TOKEN"

#: Hooks that work on the bank's process, and answer while it is dead or paused.
LIFE_HOOKS = ("kill", "stop", "start", "restart", "pause", "resume")
CORE_HOOKS = (*LIFE_HOOKS, "slow_disk", "clock", "inject", "export_logs")

#: What the bank itself offers; parts add theirs.
SUPPORTS = (
    "auth", "accounts", "cards", "consents", "payments", "notices", "keys", "audit", "supervisor",
    "signing.rfc9421", "signing.answers", "factors", "tls", "mtls", "limits",
)  # fmt: skip

#: Users that are known by nothing but a client certificate: what each is for → whose certificate it is.
_CERTIFIED = {"good": "first", "stranger": "stranger", "revoked": "revoked", "expired": "expired"}

#: A user with alice's credentials, for tokens that only read.
READER = "alice-reader"

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def variable(user: str, what: str) -> str:
    """Return the name of the environment variable that holds a user's secret."""
    return f"CONFORMANCE_DEMO_{user.upper().replace('-', '_')}_{what}"


def environment(seed: Seed) -> dict[str, str]:
    """Return every secret that the candidate file names, by environment variable."""
    values = {CONTROL_VARIABLE: seed.password("control")}
    for name in ROLES:
        values[variable(name, "SECRET")] = seed.password(f"client/{name}")
        values[variable(name, "PASSWORD")] = seed.password(f"password/{name}")
        values[variable(name, "ASSERTION_KEY")] = pem(seed.p256(f"assertion/{name}"))
        values[variable(name, "ED25519_KEY")] = pem(seed.ed25519(f"sign/ed25519/{name}"))
        values[variable(name, "P256_KEY")] = pem(seed.p256(f"sign/p256/{name}"))
        if name in SIGNERS:
            values[variable(name, "SM2_KEY")] = seed.sm2(f"sign/sm2/{name}").hex()
    return values


def part_secrets(host: ReferenceHost) -> dict[str, str]:
    """Return the secrets that the declarations of parts name, by environment variable."""
    having = (part for part in host.parts if isinstance(part, SecretsPart))
    return {name: value for part in having for name, value in part.secrets(host).items()}


def candidate_document(host: ReferenceHost, control: str, ca: Path) -> dict[str, Any]:
    """Return the candidate file of a running bank as plain data."""
    part_hooks = [name for part in host.parts for name in part.hooks(host)]
    supports = [*SUPPORTS, *(name for part in host.parts for name in part.supports())]
    declared: dict[str, Any] = {"security": _declared(host)}
    for part in host.parts:
        declared = _merged(declared, part.declared(host))
    return {
        "name": "Reference Bank",
        "version": __version__,
        "vendor": "fintech-conformance",
        "driver": "http",
        "base_url": host.url(),
        "supports": list(dict.fromkeys(supports)),
        "endpoints": {name: url for name, url in host.settings.urls.items() if name},
        "auth": {"scheme": "oauth2", "audience": host.url()},
        "signing": {"scheme": "rfc9421", "components": ["@method", "@target-uri", "authorization", "content-digest"]},
        "users": _users(host),
        "operations": {
            name: entry
            for part in host.parts
            if isinstance(part, ContractPart)
            for name, entry in part.operations().items()
        },
        "tls": {"ca": str(ca)},
        "limits": {"requests_per_second_max": 5000, "load_per_second_max": 10_000, "timeout_s": 10},
        "hooks": {
            name: {"url": f"{control}/hooks/{name}", "token": {"env": CONTROL_VARIABLE}}
            for name in dict.fromkeys([*CORE_HOOKS, *part_hooks])
        },
        "scope": {"effects": "disruptive", "hosts": [control.partition("://")[2], *host.settings.callback_hosts]},
        "declared": declared,
    }


def _users(host: ReferenceHost) -> dict[str, Any]:
    users: dict[str, Any] = {name: _user(name) for name in ROLES}
    # It has no password, so that no check of logins takes it for another person.
    users[READER] = {name: _user("alice")[name] for name in ("client_id", "client_secret")} | {"scope": "accounts"}
    for use, client in _CERTIFIED.items():
        users[f"mtls-{use}"] = {"scheme": "none", "client_cert": client_file(client)}
    for part in host.parts:
        if isinstance(part, UsersPart):
            users |= part.users(host)
    return users


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return two nested tables as one; the second wins where both say something else than a table."""
    both = dict(first)
    for name, value in second.items():
        old = both.get(name)
        both[name] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _user(name: str) -> dict[str, Any]:
    section: dict[str, Any] = {
        "client_id": name,
        "client_secret": {"env": variable(name, "SECRET")},
        "username": name,
        "password": {"env": variable(name, "PASSWORD")},
    }
    if SIGNERS.get(name) == "rfc9421":
        key = {"env": variable(name, "ED25519_KEY")}
        section["signing"] = {"algorithm": "ed25519", "keyid": f"{name}-ed25519", "key": key}
    elif name in SIGNERS:
        key = {"env": variable(name, "P256_KEY")}
        section["signing"] = {"scheme": SIGNERS[name], "algorithm": "ES256", "keyid": f"{name}-p256", "key": key}
    return section


def _declared(host: ReferenceHost) -> dict[str, Any]:
    """Return what suites may want to know of this bank beside the contract: ``[declared.security]``."""
    return {
        "issuer": host.tokens.issuer,
        "other_audience": OTHER_AUDIENCE,
        "factor_threshold": factors.THRESHOLD,
        "login_attempts_max": sessions.BAD_MAX,
        "limits": {"path": "/limits/ping", "requests": sessions.LIMITS_QUOTA, "per_seconds": sessions.LIMITS_WINDOW_S},
        "tls": {
            "certificate_endpoint": inspected.ENDPOINT,
            "mtls": {"endpoint": "mtls", **{use: f"mtls-{use}" for use in _CERTIFIED}, "header": "X-Client-Cert"},
        },
        "callback_hosts": list(host.settings.callback_hosts),
        # Ledgers live at the ports of their nodes; the other two have quotas that checks of their own use up.
        "openapi": {"path": "/openapi.json", "leave_out": ["/ledger", "/limits", "/login"]},
        "consent_grantee": "grantee",
        "read_only_user": READER,
        "daily_limit": {"amount": 100_00, "currency": "CNY", "per": "account", "argument": "daily_limit"},
        "consent_fields": {name: list(fields) for name, fields in consents.FIELDS.items()},
        "signing_keys": {
            "signer-p256": {"env": variable("signer", "P256_KEY"), "algorithm": "ecdsa-p256-sha256"},
            "signer-sm2": {"env": variable("signer", "SM2_KEY"), "algorithm": "sm2-sm3"},
            "bob-ed25519": {"env": variable("bob", "ED25519_KEY"), "algorithm": "ed25519"},
            "bob-p256": {"env": variable("bob", "P256_KEY"), "algorithm": "ecdsa-p256-sha256"},
        },
        "assertion_keys": {name: {"env": variable(name, "ASSERTION_KEY")} for name in ROLES},
    }


def write_toml(path: Path, document: Mapping[str, Any]) -> None:
    """Write plain data as TOML."""
    path.write_text("\n".join(_tables(document, ())) + "\n", encoding="utf-8")


def _tables(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [f"[{'.'.join(_key(name) for name in path)}]"] if path else []
    inner = {name: value for name, value in table.items() if isinstance(value, Mapping) and not _inline(value)}
    lines += [f"{_key(name)} = {_value(value)}" for name, value in table.items() if name not in inner]
    for name, value in inner.items():
        lines += ["", *_tables(value, (*path, name))]
    return lines


def _inline(value: Mapping[str, Any]) -> bool:
    """Tell whether a table is short enough for one line: a secret reference, for example."""
    return set(value) <= {"env", "file", "algorithm"} and "env" in value


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(str(value), ensure_ascii=False)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
