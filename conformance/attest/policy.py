"""The trust policy: whose signatures count, for what, and which further proofs a reader demands.

```toml
schema = "conformance/trust-policy/v1"

[accept]                       # each "required" or, as here, "not required"
evidence = "required"
certificates = "not required"
timestamp = "not required"
registry = "not required"

[[roles]]                      # every role that names the report's mode must reach its threshold
name = "laboratory"
threshold = 1                  # distinct keys
modes = ["audit"]

[[keys]]
name = "Example Laboratory, signing key 1"
roles = ["laboratory"]
algorithm = "ed25519"
public_key = '''-----BEGIN PUBLIC KEY----- …'''
valid_from = 2026-01-01
valid_until = 2027-12-31       # the last day
```
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.attest.keys import ALGORITHMS, PublicKey
from conformance.errors import ConfigError, FileProblems, Problem

SCHEMA = "conformance/trust-policy/v1"
#: How a report may have come about.
MODES = ("self-test", "audit")
#: Proofs that a reader may demand beside signatures and results.
DEMANDS = ("evidence", "subject", "certificates", "timestamp", "registry", "status")
_FILE_BYTES_MAX = 1024 * 1024
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that the reader trusts. Valid from ``valid_from`` until just before ``valid_until`` (UTC), where given."""

    name: str
    roles: tuple[str, ...]
    public: PublicKey
    valid_from: datetime.datetime | None = None
    valid_until: datetime.datetime | None = None

    def valid_at(self, instant: datetime.datetime) -> bool:
        """Tell whether the policy trusts the key at ``instant``."""
        begun = self.valid_from is None or self.valid_from <= instant
        return begun and (self.valid_until is None or instant < self.valid_until)


@dataclass(frozen=True, slots=True)
class Role:
    """How many distinct keys of a role must have signed reports of ``modes``."""

    name: str
    threshold: int
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a reader demands of a report. ``demands`` holds the names of :data:`DEMANDS` that are required."""

    keys: tuple[TrustedKey, ...]
    roles: tuple[Role, ...]
    demands: frozenset[str] = frozenset()
    name: str = ""

    def roles_for(self, mode: str) -> tuple[Role, ...]:
        """Return the roles that must have signed a report of ``mode``."""
        return tuple(role for role in self.roles if mode in role.modes)


def trusting(key: PublicKey, name: str = "the given key", *, evidence: bool = False) -> Policy:
    """Return the policy of somebody who trusts one key for every mode; ``evidence``: demand it too."""
    role = Role("signer", 1, MODES)
    demands = frozenset({"evidence"} if evidence else ())
    return Policy((TrustedKey(name, ("signer",), key),), (role,), demands, f"trusts only {name}")


def read_policy(path: Path) -> Policy:
    """Return the policy in a TOML file.

    Raises FileProblems with all its mistakes, ConfigError if it cannot be read at all.
    """
    document = _document(path)
    problems = _problems(document)
    if problems:
        raise FileProblems(
            str(path), problems, remedy="Fix the file, then verify again; `conformance keys show` prints a public key."
        )
    accept = document.get("accept", {})
    return Policy(
        tuple(_key(item) for item in document["keys"]),
        tuple(Role(item["name"], item["threshold"], tuple(item["modes"])) for item in document["roles"]),
        frozenset(name for name in DEMANDS if accept.get(name) == "required"),
        document.get("title", path.name),
    )


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a trust policy file; dates and keys are checked beyond it."""
    text = {"type": "string", "minLength": 1}
    names = {"type": "array", "items": text, "minItems": 1}
    modes = {"type": "array", "items": {"enum": list(MODES)}, "minItems": 1}
    key = _table(
        {
            "name": text,
            "roles": names,
            "algorithm": {"enum": list(ALGORITHMS)},
            "public_key": text,
            "valid_from": {},
            "valid_until": {},
        },
        "name roles algorithm public_key",
    )
    role = _table(
        {"name": text, "threshold": {"type": "integer", "minimum": 1}, "modes": modes}, "name threshold modes"
    )
    accept = _table({name: {"enum": ["required", "not required"]} for name in DEMANDS}, "")
    members = {
        "schema": {"const": SCHEMA},
        "title": text,
        "accept": accept,
        "roles": {"type": "array", "items": role, "minItems": 1},
        "keys": {"type": "array", "items": key, "minItems": 1},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A trust policy: whose signatures on reports count",
        **_table(members, "schema roles keys"),
    }


def _table(properties: Mapping[str, Any], required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required.split(),
        "additionalProperties": False,
    }


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise ConfigError(f"larger than {_FILE_BYTES_MAX} bytes", where=str(path), remedy="Check the path.")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"the trust policy cannot be read: {error.strerror}", where=str(path), remedy="Check the path."
        ) from None
    except ValueError as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(path), remedy="Fix that place.") from None


def _problems(document: Mapping[str, Any]) -> list[Problem]:
    import jsonschema  # heavy; only when a policy is read

    errors = jsonschema.Draft202012Validator(policy_schema()).iter_errors(document)
    found = [
        Problem(error.json_path, error.message, _expected(error.validator, error.validator_value)) for error in errors
    ]
    if found:
        return found
    return [*_key_problems(document), *_role_problems(document)]


def _expected(rule: str, value: Any) -> str:
    words = {
        "required": "every member that this table must have",
        "additionalProperties": "only the members described in the reference",
        "const": f"exactly {value!r}",
        "enum": f"one of {', '.join(map(str, value))}" if isinstance(value, list) else "",
        "type": f"a value of type {value}",
    }
    return words.get(rule, f"{rule} {value}")


def _key_problems(document: Mapping[str, Any]) -> list[Problem]:
    found: list[Problem] = []
    seen: dict[bytes, str] = {}
    roles = {item["name"] for item in document["roles"]}
    for index, item in enumerate(document["keys"]):
        place = f"$.keys[{index}]"
        found += [
            Problem(f"{place}.roles", f"{name!r} is no role of this file", f"one of {', '.join(sorted(roles))}")
            for name in item["roles"]
            if name not in roles
        ]
        found += [
            Problem(f"{place}.{name}", f"{item[name]!r}", "a date such as 2027-12-31, or a time with its zone")
            for name in ("valid_from", "valid_until")
            if name in item and _instant(item[name]) is None
        ]
        found += _public_key_problems(place, item, seen)
    return found


def _public_key_problems(place: str, item: Mapping[str, Any], seen: dict[bytes, str]) -> list[Problem]:
    try:
        public = PublicKey.from_pem(item["public_key"].encode())
    except ValueError as error:
        return [Problem(f"{place}.public_key", str(error), "an Ed25519 or P-256 public key as PEM")]
    if public.algorithm != item["algorithm"]:
        return [Problem(f"{place}.algorithm", f"{item['algorithm']!r}", f"{public.algorithm!r}, which the key is of")]
    twin = seen.setdefault(public.spki, place)
    if twin != place:
        return [Problem(f"{place}.public_key", f"the same key as {twin}", "each key once, with all its roles")]
    return []


def _role_problems(document: Mapping[str, Any]) -> list[Problem]:
    found: list[Problem] = []
    for index, role in enumerate(document["roles"]):
        holders = sum(1 for item in document["keys"] if role["name"] in item["roles"])
        if holders < role["threshold"]:
            place = f"$.roles[{index}].threshold"
            found.append(Problem(place, f"{role['threshold']}", f"at most {holders}, the keys that have this role"))
    names = [item["name"] for item in document["roles"]]
    found += [
        Problem("$.roles", f"{name!r} is described {names.count(name)} times", "each role once")
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    return found


def _key(item: Mapping[str, Any]) -> TrustedKey:
    until = item.get("valid_until")
    ends = _instant(until)
    if ends and not isinstance(until, datetime.datetime):
        ends += _DAY
    public = PublicKey.from_pem(item["public_key"].encode())
    return TrustedKey(item["name"], tuple(item["roles"]), public, _instant(item.get("valid_from")), ends)


def _instant(value: Any) -> datetime.datetime | None:
    """Return the instant that a TOML date (its beginning, UTC) or a time with a zone means, else None."""
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo else None
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    return None
