"""``candidate.toml``: read, validate, and turn into the model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance.errors import ConfigError, FileProblems, Problem
from conformance.files.schema import schema_of
from conformance.files.toml import place, problems_of, read_toml
from conformance.model.candidate import CandidateFile, Effect, Limits, Scope

#: One sentence for each key, shown by editors.
DESCRIPTIONS = {
    "name": "the product's name, as it is printed in the report",
    "version": "the exact version under test",
    "base_url": "where the product's API is served, for example https://sandbox.example.com/v2; empty for stdio",
    "vendor": "who makes the product",
    "driver": "how operations reach the product: http (default), stdio, cometbft, or one that a plugin brings",
    "supports": "declared capabilities: operation groups such as payments, and finer ones such as barcode.static",
    "endpoints": "further base URLs by name, for example the nodes of a ledger",
    "auth": 'how callers authenticate; secrets only by { env = "NAME" }',
    "users": "callers with their own credentials; the first one is the default",
    "signing": "how requests are signed (RFC 9421), if they are",
    "tls": "ca: path of the root certificate; client_cert and client_key for mutual TLS",
    "operations": "how each operation of the neutral contract is said in the product's own API; false: it has none",
    "mapping": "what holds for all operations: money, times, states, paging, where errors hide",
    "stdio": "command: the program that speaks one JSON object per line",
    "pool": "prepared accounts for products that cannot open accounts by API",
    "limits": "what the harness may ask, and how long it waits",
    "scope": "where traffic may go and the strongest side effect allowed",
    "hooks": "commands or URLs of the test environment: restart, stop, start, clock, export_logs …",
    "declared": "free declarations that suites read",
}

#: Keys whose values must be named, never written.
_SECRET_WORDS = ("secret", "password", "private_key", "api_key", "key", "token", "pin")


def candidate_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``candidate.toml``."""
    schema = schema_of(CandidateFile, skip=("path",), describe=DESCRIPTIONS)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "candidate.toml: the product under test"
    schema["properties"]["schema"] = {"const": "conformance/candidate/v1", "description": "the version of this format"}
    return schema


def read_candidate(path: Path) -> CandidateFile:
    """Return the candidate that ``path`` describes; raises FileProblems with all mistakes."""
    document = read_toml(path)
    problems = problems_of(document, candidate_schema()) + _written_secrets(document, ())
    problems += _url_problems(document) + _pool_problems(document)
    if problems:
        raise FileProblems(str(path), problems)
    return _build(document, path)


def _build(document: dict[str, Any], path: Path) -> CandidateFile:
    scope = dict(document.get("scope", {}))
    if "effects" in scope:
        scope["effects"] = Effect(scope["effects"])
    scope["hosts"] = tuple(scope.get("hosts", ()))
    document = {key: value for key, value in document.items() if key != "schema"}
    values = {**document, "scope": Scope(**scope), "limits": Limits(**document.get("limits", {}))}
    values["supports"] = tuple(document.get("supports", ()))
    values["pool"] = tuple(document.get("pool", ()))
    return CandidateFile(**values, path=path.resolve())


def _url_problems(document: Mapping[str, Any]) -> list[Problem]:
    urls = {"base_url": document.get("base_url", ""), **_endpoint_urls(document.get("endpoints"))}
    driver = document.get("driver", "http")
    found = []
    for name, url in urls.items():
        if not isinstance(url, str) or (driver == "stdio" and not url):
            continue
        if not url.startswith(("http://", "https://")):
            found.append(Problem(f"$.{name}", f"{url!r}", "an http:// or https:// URL"))
    return found


def _pool_problems(document: Mapping[str, Any]) -> list[Problem]:
    pool, users = document.get("pool"), document.get("users", {})
    if not isinstance(pool, list) or not isinstance(users, dict):
        return []
    accounts = ((f"$.pool[{number}]", item) for number, item in enumerate(pool) if isinstance(item, dict))
    return [problem for where, item in accounts for problem in _account_problems(where, item, users)]


def _account_problems(where: str, item: Mapping[str, Any], users: Mapping[str, Any]) -> list[Problem]:
    """Find what no check could lease: it asks for a user's account, by its id."""
    found = []
    if not isinstance(item.get("id"), str | int) or not str(item["id"]):
        found.append(Problem(f"{where}.id", repr(item.get("id")), "the account's id, as the product knows it"))
    owner = item.get("owner")
    if owner is not None and not (isinstance(owner, str) and owner in users):
        known = f"one of {', '.join(users)}" if users else "a user"
        remedy = f"or add [users.{owner}]" if isinstance(owner, str) else ""
        found.append(Problem(f"{where}.owner", repr(owner), f"{known} under [users]", remedy))
    if type(item.get("balance", 0)) is not int:
        found.append(Problem(f"{where}.balance", repr(item["balance"]), "a whole number of minor units"))
    return found


def _endpoint_urls(endpoints: Any) -> dict[str, Any]:
    return {f"endpoints.{name}": url for name, url in endpoints.items()} if isinstance(endpoints, dict) else {}


def _written_secrets(node: Any, path: tuple[Any, ...]) -> list[Problem]:
    """Find secrets that stand in the file as text."""
    if isinstance(node, list):
        return [problem for index, item in enumerate(node) for problem in _written_secrets(item, (*path, index))]
    if not isinstance(node, dict):
        return []
    found = []
    for key, value in node.items():
        here = (*path, key)
        if isinstance(value, str) and value and _names_a_secret(here):
            found.append(Problem(place(here), "a secret written in the file", '{ env = "NAME" } or { file = "path" }'))
        else:
            found += _written_secrets(value, here)
    return found


def _names_a_secret(path: tuple[Any, ...]) -> bool:
    # Mappings name fields after what they carry; only the sections that hold credentials are looked at.
    if path[0] not in ("auth", "users", "signing", "tls", "hooks") and not (
        path[0] == "pool" and "credentials" in path
    ):
        return False
    name = str(path[-1])
    return name in _SECRET_WORDS or name.endswith(tuple(f"_{word}" for word in ("secret", "password", "private_key")))


def named_secrets(candidate: CandidateFile) -> Mapping[str, str]:
    """Return the environment variables that the candidate file names, each with the first place that names it.

    Places are those of the file, such as ``[users.alice].token`` and ``[[pool]][3].credentials.password``.
    """
    found: dict[str, str] = {}
    for section in (*_CREDENTIALS, "hooks", "stdio", "declared"):
        for name, where in _environment_names(getattr(candidate, section), (section,)):
            found.setdefault(name, _shown(where))
    return found


#: Sections of the file that hold credentials.
_CREDENTIALS = ("auth", "users", "pool", "signing", "tls")

#: Sections whose members are tables with headings of their own.
_NAMED_TABLES = ("users", "hooks")


def _shown(where: tuple[Any, ...]) -> str:
    """Return a place as the heading it stands under, and what leads from there."""
    section, *way = where
    if section == "pool":
        heading = f"[[pool]][{way.pop(0)}]"
    elif section in _NAMED_TABLES:
        heading = f"[{section}.{way.pop(0)}]"
    else:
        heading = f"[{section}]"
    return heading + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way)


def _environment_names(node: Any, where: tuple[Any, ...]) -> list[tuple[str, tuple[Any, ...]]]:
    if isinstance(node, Mapping):
        if set(node) <= {"env", "algorithm"} and isinstance(node.get("env"), str):
            return [(node["env"], where)]
        inner: Iterable[tuple[Any, Any]] = node.items()
    else:
        inner = enumerate(node) if isinstance(node, list | tuple) else ()
    return [found for key, item in inner for found in _environment_names(item, (*where, key))]


def named_files(candidate: CandidateFile) -> tuple[Path, ...]:
    """Return the secrets, certificates and keys that the candidate file names as files, in the order of the file."""
    sections = [getattr(candidate, section) for section in (*_CREDENTIALS, "declared")]
    base = candidate.path.parent if candidate.path else Path.cwd()
    return tuple(dict.fromkeys(base / name for section in sections for name in _file_names(section)))


#: Members that name a file without being a secret.
_PATHS = ("ca", "client_cert", "client_key")


def _file_names(node: Any) -> list[str]:
    if isinstance(node, list | tuple):
        return [name for item in node for name in _file_names(item)]
    if not isinstance(node, Mapping):
        return []
    if set(node) <= {"file", "algorithm"} and isinstance(node.get("file"), str):
        return [node["file"]]
    own = [node[key] for key in _PATHS if isinstance(node.get(key), str)]
    return own + [name for item in node.values() for name in _file_names(item)]


def find_candidate(given: Path | None) -> Path:
    """Return the candidate file to use; raises ConfigError with the way to get one."""
    path = given or Path("candidate.toml")
    if not path.is_file():
        raise ConfigError(
            "no candidate file",
            where=str(path),
            remedy="Write one with `conformance init`, name one with -c FILE, or try `conformance run --demo`.",
        )
    return path


def file_digest(path: Path) -> str:
    """Return ``sha256:…`` of a file's bytes."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
