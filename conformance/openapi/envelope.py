"""The envelope: where every answer is ``{code, message, data}``, results stand in ``data`` and refusals in ``code``.

Without this, the envelope's own message is taken for a payment's reference, and a refusal inside a 200 for a payment.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.openapi.document import Document, Endpoint
from conformance.openapi.members import Member, enum_of, example_of, kind_of, merged
from conformance.openapi.names import name_of
from conformance.openapi.toml_out import Line

_CODES = (
    "code", "err_code", "errcode", "error_code", "errno", "ret_code", "retcode", "return_code", "resp_code", "respcode",
    "response_code", "result_code", "status_code", "biz_code", "status",
)  # fmt: skip
_FLAGS = ("success", "ok", "succeeded", "is_success")
_SAID = {
    "message", "msg", "err_msg", "errmsg", "error_msg", "error_message", "ret_msg", "return_msg", "resp_msg",
    "response_message", "sub_code", "sub_msg", "desc", "description", "error", "errors",
}  # fmt: skip
_ABOUT = {
    "request_id", "trace_id", "requestid", "traceid", "timestamp", "time", "server_time", "response_time", "version",
    "sign", "signature", "sign_type", "nonce", "nonce_str", "path",
}  # fmt: skip
#: Members beside the content that say how a list goes on; they stay.
_PAGING = {
    "total", "total_count", "count", "page", "page_no", "page_num", "page_size", "size", "limit", "offset", "has_more",
    "has_next", "next", "next_cursor", "cursor", "pages", "total_pages", "meta", "links", "pagination", "paging",
}  # fmt: skip
_CONTENTS = {
    "data", "result", "results", "response", "payload", "content", "body", "obj", "object", "return_data", "resp_data",
    "result_data", "biz_data", "biz_content", "model",
}  # fmt: skip
#: What products say for success, where their document does not tell.
_USUAL = ("0", "00", "0000", "000000", "200", "10000", "OK", "SUCCESS", "success")
_GOOD = re.compile(r"0+|20[01]|10000|s0+|ok|success|successful|succeeded|succeed|pass|true", re.IGNORECASE)
_MEANS_GOOD = re.compile(
    r"\b(\d+|[A-Z][A-Z0-9_]+)['\"`]?\s*(?:=|:|：|-|—|means|is|for|表示|代表|为)\s*(?:(?i:success|ok\b)|成功)"
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The member that holds the content, and the one that says whether there is any."""

    content: str
    wrapping: frozenset[str]
    flag: str
    good: tuple[str, ...]
    documented: bool

    def error(self, further: list[str]) -> Line:
        """Return ``error`` of ``[mapping]``; ``further`` are codes in answers with the status of a refusal."""
        code = next((name for name in self._named(_CODES)), next(iter(self._named(("message", "msg"))), self.flag))
        codes = list(dict.fromkeys([f"$.{code}", *further]))
        where: Any = codes[0] if len(codes) == 1 else codes
        if not self.good:
            rule = {"when": f"$.{self.flag}", "is": ["False"], "code": where}
            return Line("error", rule, f"answers are wrapped: {self.flag} = false in a good status is a refusal")
        rule = {"when": f"$.{self.flag}", "unless": list(self.good), "code": where}
        said = f"answers are wrapped: any other {self.flag} in a good status is a refusal"
        doubt = (
            "" if self.documented else f"\n? the document does not say which {self.flag} means success: correct unless"
        )
        return Line("error", rule, said + doubt)

    def _named(self, names: tuple[str, ...]) -> list[str]:
        by_name = {name_of(Member((name,), {})): name for name in sorted(self.wrapping)}
        return [by_name[name] for name in names if name in by_name]


def envelope_of(document: Document) -> Envelope | None:
    """Return the envelope that all answers share, or None where there is none."""
    split = [one for endpoint in document.endpoints if (one := _split(document, endpoint))]
    contents = {content for content, _ in split if content}
    wrapped = [names for content, names in split if content]
    if len(contents) != 1:
        return None
    common = frozenset.intersection(*wrapped)
    flag = _flag(document, common)
    # Answers of another shape are fine if few, and if none has a member that would be taken for the envelope's.
    strange = [names for content, names in split if content is None]
    whole = all(common <= names for content, names in split if content == "")
    if not flag or not whole or len(strange) >= len(wrapped) or any(names & common for names in strange):
        return None
    name, boolean = flag
    good, documented = ((), True) if boolean else _good(document, name)
    return Envelope(contents.pop(), common, name, good, documented)


def unwrapped(document: Document, envelope: Envelope) -> Document:
    """Return the document with answers that have no members of the envelope but its content and what pages."""
    return dataclasses.replace(
        document, endpoints=tuple(_opened(document, endpoint, envelope) for endpoint in document.endpoints)
    )


def _opened(document: Document, endpoint: Endpoint, envelope: Envelope) -> Endpoint:
    properties = _properties(document, endpoint)
    if not envelope.wrapping <= properties.keys():
        return endpoint
    kept = {
        name: schema
        for name, schema in properties.items()
        if name == envelope.content or name_of(Member((name,), {})) in _PAGING
    }
    answer = {"type": "object", "properties": kept, "required": [envelope.content]} if kept else None
    return dataclasses.replace(endpoint, answer=answer)


def _properties(document: Document, endpoint: Endpoint) -> Mapping[str, Any]:
    node = merged(document, endpoint.answer) if endpoint.answer else {}
    found = node.get("properties")
    return {str(name): inner for name, inner in found.items()} if isinstance(found, Mapping) else {}


def _split(document: Document, endpoint: Endpoint) -> tuple[str | None, frozenset[str]] | None:
    """Return the member that is the content and the names around it; None for an answer that is no object.

    The content is "" where there are only names that would stand around one, None where the answer is no envelope.
    """
    properties = _properties(document, endpoint)
    if not properties:
        return None
    plain = {name: name_of(Member((name,), {})) for name in properties}
    around = frozenset(name for name, word in plain.items() if word in {*_CODES, *_FLAGS, *_SAID, *_ABOUT})
    others = [name for name, word in plain.items() if name not in around and word not in _PAGING]
    if len(others) == 1 and plain[others[0]] in _CONTENTS and around:
        return others[0], around
    return ("", around) if around and not others else (None, frozenset(properties))


def _flag(document: Document, common: frozenset[str]) -> tuple[str, bool] | None:
    """Return the member that says success, and whether it does so by true and false."""
    schemas = {name_of(Member((name,), {})): (name, schema) for name, schema in _schemas(document) if name in common}
    for name in (*_FLAGS, *_CODES):
        if name in schemas:
            own, schema = schemas[name]
            return own, kind_of(schema) == "boolean"
    return None


def _schemas(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for endpoint in document.endpoints:
        for name, inner in _properties(document, endpoint).items():
            yield name, merged(document, inner)


def _good(document: Document, flag: str) -> tuple[tuple[str, ...], bool]:
    """Return the words for success, and whether the document tells them or they are those usual elsewhere."""
    found: dict[str, None] = {}
    for name, schema in _schemas(document):
        if name == flag:
            found |= dict.fromkeys(_told(schema))
    for endpoint in document.endpoints:
        for shown in endpoint.answer_examples:
            if isinstance(shown, Mapping) and isinstance(shown.get(flag), str | int):
                found[str(shown[flag])] = None
    return (tuple(found), True) if found else (_USUAL, False)


def _told(schema: Mapping[str, Any]) -> list[str]:
    words = enum_of(schema)
    told = [words[0]] if len(words) == 1 else [word for word in words if _GOOD.fullmatch(word)]
    shown = example_of(schema)
    if isinstance(shown, str | int) and not isinstance(shown, bool) and str(shown) != "":
        told.append(str(shown))
    return told + [match[1] for match in _MEANS_GOOD.finditer(str(schema.get("description") or ""))]
