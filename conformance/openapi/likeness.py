"""What is perhaps a payment by its members alone, where no word says so: proposed, and commented out.

Something that takes an amount and a currency and answers an id and a state may be a payment, whatever it is called;
and what reads it by that id answers the same. Whether it is one only a person can say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from conformance.openapi.document import Document, Endpoint
from conformance.openapi.matching import Match, Matching, given_members
from conformance.openapi.members import Member, list_of, members, merged
from conformance.openapi.names import find_member, name_of
from conformance.openapi.reading import asked_by_id
from conformance.openapi.shaping import Shaped, heading, shape
from conformance.openapi.toml_out import Section

#: How sure members alone make us, without and with an endpoint that reads the same by its id.
ALONE = 0.4
READ_TOO = 0.45

#: Words of an amount that is moved; a price or a value is what something costs.
_AMOUNTS = {"amount", "amt", "sum", "sat", "satoshi"}


def alike(document: Document, matching: Matching) -> list[Match]:
    """Return what is perhaps ``payments.create`` and ``payments.read``, of those that words did not find."""
    create = matching.of("payments.create")
    found: list[Match] = []
    if create is None:
        made = [one for endpoint in matching.theirs if (one := _making(document, endpoint))]
        made.sort(key=lambda one: (-one.confidence, len(one.endpoint.path)))
        found += made[:1]
        create = found[0] if found else None
    if create is not None and matching.of("payments.read") is None:
        reading = _twin(document, create.endpoint)
        if reading is not None and reading in matching.theirs and _same(document, create.endpoint, reading):
            said = f"it reads by an id what {create.endpoint.title} answers"
            found.append(Match("payments.read", reading, READ_TOO, (said,)))
    return found


def perhaps(document: Document, pairs: list[Match]) -> list[Shaped]:
    """Return their entries, commented out so that nothing is bound by likeness."""
    shaped: list[Shaped] = []
    for pair in pairs:
        one = shape(document, pair)
        one.sections[0].comments[0] = f"? perhaps {heading(pair)}"
        for section in one.sections:
            section.off = True
        shaped.append(one)
    if shaped:
        said = ["Perhaps, by their members alone. Commented out: take the marks away where it is right."]
        first: Section = shaped[0].sections[0]
        first.comments = [*said, *first.comments]
    return shaped


def _making(document: Document, endpoint: Endpoint) -> Match | None:
    if endpoint.method != "POST" or endpoint.path.endswith("}") or list_of(document, endpoint.answer):
        return None
    given, answered = given_members(document, endpoint), _plain(members(document, endpoint.answer))
    amount = find_member([item for item in _plain(given) if set(item.tokens()) & _AMOUNTS], "amount")
    currency = find_member(given, "currency")
    state = find_member(answered, "state")
    ids = {"id", "uuid", *(_id_name(one) for one in asked_by_id(document, endpoint.path))}
    own = next((item for item in answered if _id_name(item.name) in ids and item.kind in ("string", "integer")), None)
    if not (endpoint.body and amount and currency and state and own):
        return None
    twin = _twin(document, endpoint)
    read = twin is not None and _same(document, endpoint, twin)
    said = f'takes "{amount.name}" and "{currency.name}", answers "{own.name}" and "{state.name}"'
    return Match("payments.create", endpoint, READ_TOO if read else ALONE, (said,))


def _plain(found: list[Member]) -> list[Member]:
    return [item for item in found if item.kind not in ("object", "array") and "[]" not in item.path]


def _id_name(name: str) -> str:
    return re.sub(r"_id$", "", name_of(Member((name,), {})))


def _twin(document: Document, endpoint: Endpoint) -> Endpoint | None:
    """Return what reads one of the things that an endpoint makes."""
    names = asked_by_id(document, endpoint.path)
    path = f"{endpoint.path.rstrip('/')}/{{{names[0]}}}" if names else ""
    return next((one for one in document.endpoints if one.method == "GET" and one.path == path), None)


def _same(document: Document, one: Endpoint, other: Endpoint) -> bool:
    """Tell whether two endpoints answer the same members."""
    names = [_names(document, endpoint) for endpoint in (one, other)]
    return bool(names[0]) and names[0] == names[1]


def _names(document: Document, endpoint: Endpoint) -> frozenset[str]:
    found = merged(document, endpoint.answer).get("properties") if endpoint.answer else None
    return frozenset(found) if isinstance(found, Mapping) else frozenset()
