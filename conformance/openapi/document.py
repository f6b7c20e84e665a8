"""OpenAPI 3.0, 3.1 and Swagger 2.0 documents, read with bounds and brought into one shape.

The document is a stranger's: sizes, depths and references are bounded, YAML is read without tags, and a reference
that leaves the document is not followed. Nothing is fetched from beyond loopback.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from conformance.errors import ConfigError

#: A document larger than this, in bytes, is a mistake or an attack.
DOCUMENT_BYTES_MAX = 16 * 1024 * 1024

#: References followed in a row, at most.
REFERENCES_MAX = 20

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: ``place`` is query, header, path or cookie."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path, with what its document says about request and answers.

    ``body`` and ``answer`` are schemas, references resolved at the top; ``content`` is the media type of the body;
    ``statuses`` are those documented. ``security`` is None where the document's own holds.
    """

    method: str
    path: str
    name: str = ""
    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Any] | None = None
    content: str = ""
    answer: Mapping[str, Any] | None = None
    answer_content: str = ""
    answer_examples: tuple[Any, ...] = ()
    error: Mapping[str, Any] | None = None
    statuses: tuple[str, ...] = ()
    described: Mapping[str, str] = field(default_factory=dict)
    answer_headers: tuple[str, ...] = ()
    security: tuple[Any, ...] | None = None

    @property
    def title(self) -> str:
        """Return ``POST /v1/charges``."""
        return f"{self.method} {self.path}"

    def placed(self, place: str) -> list[Parameter]:
        """Return the parameters of one place."""
        return [item for item in self.parameters if item.place == place]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document in one shape, whatever its version."""

    title: str
    version: str
    server: str
    endpoints: tuple[Endpoint, ...]
    schemes: Mapping[str, Mapping[str, Any]]
    security: tuple[Any, ...]
    raw: Mapping[str, Any]
    source: str = ""

    def resolve(self, node: Any) -> Any:
        """Return what a node's reference points to, or the node itself."""
        return resolve(self.raw, node)


def read_document(source: str) -> Document:
    """Return the document of a file or a loopback URL; raises ConfigError saying what is wrong with it."""
    text, base = _fetched(source) if source.startswith(("http://", "https://")) else (_file(Path(source)), "")
    raw = _parsed(text, source)
    if not isinstance(raw, Mapping) or not isinstance(raw.get("paths"), Mapping):
        raise ConfigError(
            "not an OpenAPI document: it has no paths", where=source, remedy="Name an OpenAPI 3 or Swagger 2.0 file."
        )
    version = str(raw.get("openapi") or raw.get("swagger") or "")
    if not version.startswith(("2.", "3.")):
        raise ConfigError(
            f"OpenAPI version {version or 'not given'}", where=source, remedy="2.0, 3.0 and 3.1 are understood."
        )
    return _shaped(raw, source, base)


def _file(path: Path) -> bytes:
    try:
        if path.stat().st_size > DOCUMENT_BYTES_MAX:
            raise ConfigError(f"larger than {DOCUMENT_BYTES_MAX} bytes", where=str(path))
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="Check the path of the OpenAPI document."
        ) from None


def _fetched(url: str) -> tuple[bytes, str]:
    import requests

    host = urlsplit(url).hostname or ""
    if not _is_here(host):
        raise ConfigError(
            f"{host} is not this machine", where=url, remedy="Save the document to a file and name that file."
        )
    session = requests.Session()
    session.trust_env = False
    try:
        with session.get(url, timeout=10, stream=True, allow_redirects=False) as answer:
            if answer.status_code != 200:
                raise ConfigError(f"HTTP {answer.status_code}", where=url, remedy="Name the document's own address.")
            body = answer.raw.read(DOCUMENT_BYTES_MAX + 1, decode_content=True)
    except requests.RequestException as error:
        raise ConfigError(f"cannot be fetched: {error}", where=url, remedy="Is the product running?") from None
    if len(body) > DOCUMENT_BYTES_MAX:
        raise ConfigError(f"larger than {DOCUMENT_BYTES_MAX} bytes", where=url)
    return body, f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"


def _is_here(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _parsed(text: bytes, source: str) -> Any:
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8 text", where=source, remedy="Save the document as UTF-8.") from None
    try:
        return json.loads(decoded)
    except (ValueError, RecursionError) as error:
        if decoded.lstrip().startswith("{"):
            raise ConfigError(f"not valid JSON: {error}"[:300], where=source) from None
    return _yaml(decoded, source)


def _yaml(text: str, source: str) -> Any:
    import yaml

    class Plain(yaml.SafeLoader):
        """YAML without aliases, which can make a small file huge, and without dates made of text."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("aliases (*name) are not read; write $ref instead")
            return super().compose_node(parent, index)

    Plain.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader=Plain)  # noqa: S506  # a subclass of SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"neither JSON nor YAML: {error}"[:300].replace("\n", " "), where=source) from None


def resolve(raw: Mapping[str, Any], node: Any) -> Any:
    """Return what ``node`` refers to inside ``raw``; a reference elsewhere or to nothing gives {}."""
    for _ in range(REFERENCES_MAX):
        reference = node.get("$ref") if isinstance(node, Mapping) else None
        if not isinstance(reference, str):
            return node
        node = _pointed(raw, reference)
    return {}


def _pointed(raw: Mapping[str, Any], reference: str) -> Any:
    if not reference.startswith("#/"):
        return {}
    found: Any = raw
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if found is not None else {}


def _shaped(raw: Mapping[str, Any], source: str, base: str) -> Document:
    info = raw.get("info") if isinstance(raw.get("info"), Mapping) else {}
    components = raw.get("components") if isinstance(raw.get("components"), Mapping) else {}
    schemes = (components or {}).get("securitySchemes") or raw.get("securityDefinitions") or {}
    named = {str(key): resolve(raw, value) for key, value in schemes.items()} if isinstance(schemes, Mapping) else {}
    return Document(
        title=str((info or {}).get("title") or "Product"),
        version=str((info or {}).get("version") or "0"),
        server=_server(raw, base),
        endpoints=tuple(_endpoints(raw)),
        schemes={key: value for key, value in named.items() if isinstance(value, Mapping)},
        security=tuple(raw.get("security") or ()),
        raw=raw,
        source=source,
    )


def _server(raw: Mapping[str, Any], base: str) -> str:
    if "swagger" in raw:
        scheme = next(iter(raw.get("schemes") or ["https"]))
        host = f"{scheme}://{raw['host']}" if raw.get("host") else base
        return (host + str(raw.get("basePath") or "")).rstrip("/")
    servers = raw.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], Mapping) else {}
    url = str(first.get("url") or "")
    for name, variable in (first.get("variables") or {}).items():
        url = url.replace("{" + str(name) + "}", str(variable.get("default", "")))
    return (urljoin(base + "/", url) if base else url).rstrip("/")


def _endpoints(raw: Mapping[str, Any]) -> Iterator[Endpoint]:
    for path, item in raw["paths"].items():
        item = resolve(raw, item)
        if not isinstance(item, Mapping):
            continue
        for method in METHODS:
            if isinstance(item.get(method), Mapping):
                yield _endpoint(raw, str(path), method, item[method], _items(item.get("parameters")))


def _endpoint(raw: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any], common: list[Any]) -> Endpoint:
    given = [resolve(raw, one) for one in (*common, *_items(item.get("parameters")))]
    given = [one for one in given if isinstance(one, Mapping) and "in" in one]
    body, content = _body(raw, item, given)
    responses = {str(code): resolve(raw, one) for code, one in (item.get("responses") or {}).items()}
    good = next((one for code, one in sorted(responses.items()) if code.startswith("2")), responses.get("default", {}))
    bad = next((one for code, one in sorted(responses.items()) if code.startswith("4")), responses.get("default", {}))
    answer, answer_content = _schema(raw, good)
    return Endpoint(
        method=method.upper(),
        path=path,
        name=str(item.get("operationId") or ""),
        summary=str(item.get("summary") or ""),
        description=str(item.get("description") or ""),
        tags=tuple(str(tag) for tag in _items(item.get("tags"))),
        parameters=tuple(_parameter(raw, one) for one in given if one["in"] in ("query", "header", "path", "cookie")),
        body=body,
        content=content,
        answer=answer,
        answer_content=answer_content,
        answer_examples=tuple(_examples(raw, good)),
        error=_schema(raw, bad)[0],
        statuses=tuple(responses),
        described={code: str(one.get("description") or "") for code, one in responses.items() if _table(one)},
        answer_headers=tuple(_table(_table(good).get("headers"))),
        security=tuple(item["security"]) if isinstance(item.get("security"), list) else None,
    )


def _parameter(raw: Mapping[str, Any], item: Mapping[str, Any]) -> Parameter:
    schema = resolve(raw, item.get("schema")) if "schema" in item else item
    return Parameter(
        name=str(item.get("name", "")),
        place=str(item["in"]),
        required=bool(item.get("required", False)),
        schema=schema if isinstance(schema, Mapping) else {},
        description=str(item.get("description") or ""),
    )


def _body(raw: Mapping[str, Any], item: Mapping[str, Any], given: list[Any]) -> tuple[Mapping[str, Any] | None, str]:
    body = resolve(raw, item.get("requestBody"))
    if isinstance(body, Mapping):
        return _schema(raw, body)
    whole = next((one for one in given if one["in"] == "body"), None)
    if whole is not None:
        found = resolve(raw, whole.get("schema"))
        return (found if isinstance(found, Mapping) else {}), _consumed(raw, item, "application/json")
    fields = {str(one.get("name")): one for one in given if one["in"] == "formData"}
    if fields:
        required = [name for name, one in fields.items() if one.get("required")]
        return {"type": "object", "properties": fields, "required": required}, _consumed(raw, item, _FORM)
    return None, ""


def _consumed(raw: Mapping[str, Any], item: Mapping[str, Any], default: str) -> str:
    return str(next(iter(item.get("consumes") or raw.get("consumes") or [default])))


def _schema(raw: Mapping[str, Any], holder: Any) -> tuple[Mapping[str, Any] | None, str]:
    """Return the schema of a body or an answer and its media type; JSON is preferred where there is a choice."""
    table = _table(holder)
    if isinstance(table.get("schema"), Mapping):  # Swagger 2.0
        return resolve(raw, table["schema"]), "application/json"
    content = _table(table.get("content"))
    names = sorted(content, key=lambda name: ("json" not in name, _FORM not in name, "xml" not in name))
    for name in names[:1]:
        found = resolve(raw, _table(content[name]).get("schema"))
        return (found if isinstance(found, Mapping) else {}), name
    return None, ""


def _examples(raw: Mapping[str, Any], holder: Any) -> Iterator[Any]:
    """Yield whole answers shown as examples, beside the schema or in it."""
    table = _table(holder)
    yield from _table(table.get("examples")).values()  # Swagger 2.0
    for entry in (table, *_table(table.get("content")).values()):
        yield _table(entry).get("example")
        yield _table(resolve(raw, _table(entry).get("schema"))).get("example")
        if entry is not table:
            yield from (
                _table(resolve(raw, one)).get("value") for one in _table(_table(entry).get("examples")).values()
            )


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
