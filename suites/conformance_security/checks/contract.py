"""The published document: requests that break it are refused, and answers are those that it promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotApplicable,
    NotTested,
    Params,
    Prepared,
    Refused,
    accepted,
    check,
    describe,
    expect,
    refused,
)
from conformance_security.openapi.callers import Callers
from conformance_security.openapi.conformity import unpromised
from conformance_security.openapi.document import Document, Endpoint, document_of
from conformance_security.openapi.generated import Case, fitting, require_schemathesis, violating
from conformance_security.openapi.references import first_violation
from conformance_security.openapi.resources import known_values
from conformance_security.scene import Scene, opened

#: Refusals that come before a request is held against the document: who asks, what is not there, not this method.
_BEFORE = (401, 403, 404, 405)
#: Values of which at least one breaks any schema of one member.
_BREAKING: tuple[Any, ...] = ("~ not this ~", "~" * 5000, "", -(10**30), 10**30, True, [], {}, None)


@check("SEC-I10", effects=Effect.MONEY, deadline_s=120)
def requests_that_break_the_document_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A request without a required member or header, with an unknown member, or with a value outside its schema.

    Each is an accepted request with that one thing changed, so that the refusal is about nothing else.
    """
    document = document_of(candidate)
    tried: list[str] = []
    for make, state in _makers(candidate, evidence):
        twin = make()
        endpoint = _endpoint_of(candidate, document, twin)
        if endpoint is None:
            continue
        answer = twin.send()
        accepted(answer, f"the unmutated {endpoint.name}")
        before = state()
        for broken, why in _broken(candidate, document, endpoint, make):
            refused(broken, twin=answer, because=f"{endpoint.name} {why}")
            tried.append(f"{endpoint.name} {why}")
        after = state()
        expect(before == after, "requests that break the document must change nothing", expected=before, actual=after)
    if not tried:
        raise NotApplicable("the document describes no JSON body of an operation that this check can make valid")
    evidence.note("broken requests", tried)


@check("SEC-I10.drawn", requirement="SEC-I10", effects=Effect.MONEY, deadline_s=600)
def drawn_violations_are_refused(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Requests drawn from the document so that they violate it are answered 4xx: never accepted, never 5xx."""
    require_schemathesis()
    document = document_of(candidate)
    seed, each = _share(params, document)
    known = known_values(candidate, evidence, document)
    callers = Callers(candidate)
    cases = violating(document, document.endpoints, each, seed)
    reached: dict[str, int] = dict.fromkeys((case.endpoint.name for case in cases), 0)
    for case in cases:
        answer = callers.send(case.endpoint, lambda seen, case=case: case.request(seen, document, known))  # type: ignore[misc]
        _require_undisturbed(answer, case)
        expect(
            not isinstance(answer, Accepted),
            f"must be refused: {case.endpoint.name} {case.breaks}",
            expected="a refusal (4xx)",
            actual=describe(answer),
        )
        reached[case.endpoint.name] += isinstance(answer, Refused) and answer.exchange.status not in _BEFORE
    _require_reached(len(cases))
    evidence.note("drawn by Schemathesis", {"seed": seed, "violations": len(cases), "document": document.digest})
    _require_looked_at(reached, evidence)


@check("SEC-I10.answers", requirement="SEC-I10", effects=Effect.MONEY, deadline_s=600)
def answers_are_as_documented(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Answers to requests that the document allows have a documented status, media type and schema; none is a 5xx."""
    require_schemathesis()
    document = document_of(candidate)
    seed, each = _share(params, document)
    known = known_values(candidate, evidence, document)
    callers = Callers(candidate)
    cases = fitting(document, document.endpoints, each, seed)
    served = 0
    wrong: dict[str, None] = {}
    for case in cases:
        answer = callers.send(case.endpoint, lambda seen, case=case: case.request(seen, document, known))  # type: ignore[misc]
        _require_undisturbed(answer, case)
        if found := unpromised(document, case.endpoint, answer.exchange):
            wrong[f"{case.endpoint.name}: {found}"] = None
        served += isinstance(answer, Accepted)
    expect(
        not wrong,
        "answers must be as documented: document what else may come, or do not answer so",
        expected="what the document promises",
        actual="; ".join(wrong),
    )
    _require_reached(served)
    evidence.note(
        "drawn by Schemathesis",
        {"seed": seed, "requests": len(cases), "accepted": served, "document": document.digest},
    )


# -- one thing changed ----------------------------------------------------------------------------------------------


def _makers(candidate: Candidate, evidence: Evidence) -> Iterator[tuple[Callable[[], Prepared], Callable[[], Any]]]:
    """Give ways to make a valid request anew each time, and to read what it must not change when it is broken."""
    if candidate.offers("payments.create"):
        scene = Scene.set(candidate, evidence)
        yield scene.payment, scene.money
    if candidate.offers("consents.grant"):
        account = opened(candidate, 0)

        def grant() -> Prepared:
            return candidate.prepare(
                "consents.grant", account=account.id, permissions=["accounts.balance"], expires_in=600
            )

        yield grant, lambda: None


def _endpoint_of(candidate: Candidate, document: Document, request: Prepared) -> Endpoint | None:
    """Return the documented endpoint of a request with a JSON object for its body, or None."""
    wire = candidate.wire(request)
    endpoint = document.endpoint(wire.method, document.relative(candidate, wire.url))
    if endpoint is None or "json" not in endpoint.media:
        return None
    schema = document.resolved(endpoint.body)
    return endpoint if isinstance(schema, Mapping) and "properties" in schema else None


def _broken(
    candidate: Candidate, document: Document, endpoint: Endpoint, make: Callable[[], Prepared]
) -> Iterator[tuple[Prepared, str]]:
    schema = document.resolved(endpoint.body)
    properties = {name: document.resolved(value) for name, value in schema.get("properties", {}).items()}
    sent = json.loads(candidate.wire(make()).body)
    for name in schema.get("required", ()):
        if name in sent:
            yield _changed(candidate, make, name, None, drop=True), f"lacks the required member {name}"
    if schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False:
        yield _changed(candidate, make, "conformanceProbe", "1"), "has a member that the document does not allow"
    for name, member in properties.items():
        value = _breaking(document, member) if name in sent else None
        if value is not None:
            yield _changed(candidate, make, name, value[0]), f"has {value[1]} for {name}"
    for parameter in endpoint.parameters:
        if parameter.get("in") == "header" and parameter.get("required"):
            yield make().without_header(str(parameter["name"])), f"lacks the required header {parameter['name']}"


def _changed(
    candidate: Candidate, make: Callable[[], Prepared], name: str, value: Any, *, drop: bool = False
) -> Prepared:
    request = make()
    body = json.loads(candidate.wire(request).body)
    body.pop(name, None)
    if not drop:
        body[name] = value
    return request.with_bytes(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _breaking(document: Document, member: Any) -> tuple[Any, str] | None:
    """Return a value that breaks a member's schema, of its own type if there is one, and what it is."""
    components = document.raw.get("components", {})
    wrong = [value for value in _BREAKING if first_violation(components, member, value, document.name)]
    kind = {"string": str, "integer": int, "number": int, "array": list, "object": dict, "boolean": bool}
    own = kind.get(str(member.get("type"))) if isinstance(member, Mapping) else None
    wrong.sort(key=lambda value: type(value) is not own)
    return (wrong[0], f"{json.dumps(wrong[0])[:24]}") if wrong else None


# -- drawn ------------------------------------------------------------------------------------------------------------


def _share(params: Params, document: Document) -> tuple[int, int]:
    """Return the seed and the number of requests for each endpoint within the profile's bound."""
    most = int(params["openapi_cases_max"])
    return int(params["openapi_seed"]), max(1, most // max(1, len(document.endpoints)))


def _require_undisturbed(answer: Answer, case: Case) -> None:
    """A 5xx is never an answer to data; a 429 or a lost connection says nothing about it."""
    if isinstance(answer, Accepted | Refused):
        return
    if isinstance(answer, Broken) and answer.kind == "throttled":
        raise Inconclusive(
            "the candidate throttled drawn requests (429); lower [limits] requests_per_second_max below its quota, or "
            "openapi_cases_max in the profile",
            blame="CONFIG",
        )
    if isinstance(answer, Broken) and answer.kind == "redirect":
        return
    what = f"{case.endpoint.name} {case.breaks or 'as the document allows it'}"
    expect(False, f"a 5xx or no answer is never a refusal: {what}", expected="2xx or 4xx", actual=describe(answer))


def _require_looked_at(reached: Mapping[str, int], evidence: Evidence) -> None:
    """Pass only where some request was refused for what it says, not for who asks or for what is not there."""
    unseen = [name for name, number in reached.items() if not number]
    evidence.note("refused before a request was looked at", unseen)
    if len(unseen) == len(reached):
        raise NotTested(
            f"no drawn request got beyond {', '.join(map(str, _BEFORE))}, so none was held against the document; "
            "give the users credentials that may ask, and map what makes the things that paths name, or give examples",
            blame="CONFIG",
        )


def _require_reached(number: int) -> None:
    if not number:
        raise NotTested("none of the drawn requests was of use: the document describes nothing that can be checked")
