"""What a response means: accepted, refused or broken, and its canonical value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from conformance.candidate.extract import Absent, Response, Unreadable
from conformance.candidate.mapping import Hidden, Operation, Step
from conformance.candidate.templates import MISSING
from conformance.candidate.words import word
from conformance.candidate.xml_in import XmlError, parse_xml
from conformance.sdk.answers import Accepted, Answer, Broken, Exchange, Refused


def understand(operation: Operation, exchange: Exchange, arguments: Mapping[str, Any]) -> Answer:
    """Return what a response to an operation's last call means."""
    verdict = judge(operation.main, exchange, operation.decimals)
    if not isinstance(verdict, Parsed):
        return verdict
    currency = str(arguments.get("currency") or operation.currency)
    response = Response(verdict.document, exchange, arguments, operation.states, currency)
    try:
        return Accepted(_canonical(operation, response), exchange)
    except Absent:
        return Refused("absent", exchange, {})
    except Unreadable as error:
        return Broken("schema", str(error), exchange)


class Parsed:
    """An accepted response with its parsed body."""

    def __init__(self, document: Any) -> None:
        self.document = document


def judge(step: Step, exchange: Exchange, decimals: bool = False) -> Parsed | Refused | Broken:
    """Decide on one call by its status, its content type and an error inside."""
    status = exchange.status
    if status == 429 and status not in step.refused:
        return Broken("throttled", "HTTP 429: the candidate's own limit", exchange)
    if status in step.refused or (400 <= status < 500 and status not in step.accept):
        return _refusal(step, exchange)
    if 300 <= status < 400 and status not in step.accept:
        return Broken("redirect", f"HTTP {status} to {exchange.header('Location') or 'nowhere'}", exchange)
    if not (status in step.accept if step.accept else 200 <= status < 300):
        return Broken("server-error", f"HTTP {status}", exchange)
    try:
        document = parse(step, exchange, decimals)
    except ValueError as error:
        return Broken("unparseable", str(error), exchange)
    code = hidden_code(step.error, document)
    if code is None:
        return Parsed(document)
    return Refused(code, exchange, document if isinstance(document, Mapping) else {})


def parse(step: Step, exchange: Exchange, decimals: bool = False) -> Any:
    """Return the parsed body; raises ValueError saying what is wrong with it."""
    if step.response == "bytes":
        return _error_in(step, exchange)
    if not exchange.body:
        return {}
    _require_type(step, exchange)
    try:
        if step.response == "xml":
            return parse_xml(exchange.body)
        return _decoded(exchange.body, _EXACT if decimals else _PLAIN)
    except (ValueError, RecursionError, XmlError) as error:
        raise ValueError(f"the body is not {step.response.upper()}: {error}"[:300]) from error


def _error_in(step: Step, exchange: Exchange) -> Any:
    """Return the document of a body that may be anything: read only to look for an error in it, where one may be."""
    if step.error.when is None:
        return {}
    try:
        return _decoded(exchange.body, _PLAIN)
    except (ValueError, RecursionError):
        return {}


def _decoded(body: bytes, decoder: json.JSONDecoder) -> Any:
    """Return a JSON text as :func:`json.loads` reads it; raises ValueError."""
    return decoder.decode(body.decode(json.detect_encoding(body), "surrogatepass"))


def hidden_code(rule: Hidden, document: Any) -> str | None:
    """Return the code of an error inside an answer with a good status, or None where there is none."""
    if any(query.first(document) in (MISSING, None) for query in rule.missing):
        return code_of(rule, document) or "missing"
    if rule.when is None:
        return None
    found = rule.when.first(document)
    text = word(found)
    if found is MISSING or (found in (None, False, "") and text not in rule.means):
        return None
    if (rule.means and text not in rule.means) or text in rule.unless:
        return None
    return code_of(rule, document) or text


def code_of(rule: Hidden, document: Any) -> str:
    """Return the product's own error code, or ""."""
    found = next((value for value in (query.first(document) for query in rule.codes) if _is_code(value)), "")
    return str(found)


def _is_code(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _refusal(step: Step, exchange: Exchange) -> Refused:
    try:
        document = json.loads(exchange.body) if step.response != "xml" else parse_xml(exchange.body)
    except (ValueError, RecursionError, XmlError):
        return Refused("", exchange)
    if not isinstance(document, Mapping):
        return Refused("", exchange)
    return Refused(code_of(step.error, document), exchange, document)


def _canonical(operation: Operation, response: Response) -> dict[str, Any]:
    value = _result(operation, response)
    if operation.credentials:
        return {**value, "credentials": operation.credentials.read(response)}
    return value


def _result(operation: Operation, response: Response) -> dict[str, Any]:
    if operation.listing:
        return operation.listing.read(response)
    if operation.result:
        read = operation.result.read(response)
        return read if isinstance(read, dict) else {"value": read}
    document = response.document
    if isinstance(document, list):
        return {"items": document, "next": None}
    if not isinstance(document, dict):
        raise Unreadable(f"the answer is {type(document).__name__}, not an object")
    return document


def _require_type(step: Step, exchange: Exchange) -> None:
    given = exchange.header("Content-Type").partition(";")[0].strip().lower()
    if step.any_content_type or not given:
        return
    if not given.endswith((f"/{step.response}", f"+{step.response}")):
        raise ValueError(f"Content-Type {given}, expected {step.response.upper()}")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


#: Made once: to make one takes as long as to read a short answer.
_PLAIN = json.JSONDecoder(parse_constant=_no_constant)
_EXACT = json.JSONDecoder(parse_constant=_no_constant, parse_float=Decimal)


def keep(step: Step, response: Response) -> dict[str, Any]:
    """Return what a call hands on to the next one."""
    return {name: item.read(response) for name, item in step.keep.items()}
