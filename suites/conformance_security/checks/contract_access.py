"""The published document as a map: every operation on it asks who is there, and nothing lies beside it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotTested,
    Params,
    Prepared,
    Refused,
    check,
    describe,
    expect,
)
from conformance_security.openapi.document import Document, Endpoint, document_of
from conformance_security.openapi.generated import Case, fitting, is_installed, require_schemathesis
from conformance_security.openapi.resources import known_values, own_requests
from conformance_security.reads import some_read
from conformance_security.scene import control

#: Where an old version, a test interface or an operator's view of a documented path is commonly left standing.
SHADOWS = ("/internal", "/admin", "/debug", "/test", "/old", "/api", "/v0", "/v1", "/v2")
#: Methods that change something, or that give the request back.
UNDOCUMENTED = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Methods that change nothing.
READING = ("GET", "HEAD", "OPTIONS", "TRACE")
NO_PATH = "/conformance-7f3a9c51-no-such-page"


@check("SEC-Z07.document", requirement="SEC-Z07", effects=Effect.MONEY, deadline_s=300)
def every_documented_operation_asks_who_is_there(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Every operation of the published document answers 401 (or 403) without credentials, and with forged ones."""
    document = document_of(candidate)
    closed = [endpoint for endpoint in document.endpoints if not endpoint.public]
    if not closed:
        raise NotTested(
            "the document asks for credentials nowhere: give its operations a security requirement", blame="CONFIG"
        )
    known = known_values(candidate, evidence, document)
    drawn = _drawn(document, int(params["openapi_seed"]))
    forged = _forged_credentials(candidate)
    unclear: list[str] = []
    for endpoint in closed:
        stranger, case = candidate.without_credentials(), drawn.get(endpoint.name)
        request = case.request(stranger, document, known) if case else _bare(stranger, document, endpoint, known)
        for sent, how in ((request, "without credentials"), (_with(request, forged), "with forged credentials")):
            if sent is not request and not forged:
                continue
            answer = sent.send()
            _require_closed(answer, f"{endpoint.name} {how}")
            if answer.exchange.status not in (401, 403) and answer.exchange.status >= 400:
                unclear.append(f"{endpoint.name} {how}: {answer.exchange.status}")
    evidence.note("operations asked", {"closed": len(closed), "public": len(document.endpoints) - len(closed)})
    if unclear:
        raise Inconclusive(
            f"{len(unclear)} refusals are not about credentials, so whether these were asked for is open: "
            + "; ".join(unclear[:5]),
            blame="PRODUCT",
        )


@check("SEC-Z02.document", requirement="SEC-Z02", users=("alice", "bob"), effects=Effect.MONEY, deadline_s=300)
def documented_writes_are_the_owners(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Every documented operation on a thing of one customer, writes included, is closed to another customer.

    The stranger asks first and must be refused; then the owner's same request shows that it was about ownership.
    """
    require_schemathesis()
    alice, bob = candidate.as_user("alice"), candidate.as_user("bob")
    document = document_of(alice)
    things = known_values(alice, evidence, document)
    reaching = [item for item in document.endpoints if item.variables and set(item.places()) <= set(things)]
    if not reaching:
        raise NotTested("no documented path leads to an account, payment or consent that this check can make")
    proven: list[Endpoint] = []
    unclear: list[Endpoint] = []
    drawn = _drawn(document, int(params["openapi_seed"]))
    undrawn = [item for item in reaching if item.name not in drawn]
    for case in (drawn[item.name] for item in reaching if item.name in drawn):
        if case.endpoint.method != "GET":
            things = known_values(alice, evidence, document)  # the last write may have used the thing up
        if _owned_alone(case, document, things, alice, bob):
            proven.append(case.endpoint)
        else:
            unclear.append(case.endpoint)
    evidence.note(
        "closed to another customer",
        {"proven": _names(proven), "the owner is refused as well": _names(unclear), "not drawn": _names(undrawn)},
    )
    if not proven:
        raise Inconclusive(f"the owner is refused as well: {', '.join(_names(unclear))}", blame="PRODUCT")
    _require_a_write(proven, [*unclear, *undrawn])


@check("SEC-I06.document", requirement="SEC-I06", effects=Effect.MONEY, deadline_s=300)
def undocumented_methods_are_refused(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A method that the document does not name for a path is refused; a 405 names the methods that are allowed."""
    document = document_of(candidate)
    control(some_read(candidate), "a documented read")
    known = known_values(candidate, evidence, document)
    pairs = [
        (path, method)
        for path in sorted({item.path for item in document.endpoints})
        for method in UNDOCUMENTED
        if method not in document.methods_of(path)
    ]
    most, seed = int(params["openapi_cases_max"]), int(params["openapi_seed"])
    chosen = pairs if len(pairs) <= most else random.Random(seed).sample(pairs, most)  # noqa: S311 - reproducible
    for path, method in chosen:
        endpoint = next(item for item in document.endpoints if item.path == path)
        answer = _bare(candidate, document, endpoint, known, method).send()
        _require_no_method(answer, f"{method} {path}")
    evidence.note("undocumented methods", {"tried": len(chosen), "of": len(pairs), "seed": seed})


@check("SEC-D12.document", requirement="SEC-D12", effects=Effect.WRITE, deadline_s=300)
def nothing_lives_beside_the_document(candidate: Candidate, evidence: Evidence) -> None:
    """What answers is documented, and what is documented answers: no shadow of a path, no forgotten operation."""
    document = document_of(candidate)
    nobody = candidate.request("GET", document.prefix + NO_PATH).send()
    if isinstance(nobody, Accepted):
        raise Inconclusive(
            "the product answers 2xx to any path: none can be told from a documented one", blame="PRODUCT"
        )
    for request in [*own_requests(candidate, evidence), some_read(candidate)]:
        wire = candidate.wire(request)
        path = document.relative(candidate, wire.url)
        expect(
            document.endpoint(wire.method, path) is not None,
            f"{request.operation} is live and must be documented",
            expected=f"{wire.method} {path} in the document",
            actual="not there",
        )
    shadows = list(_shadows(document))
    live = [path for path in shadows if isinstance(candidate.request("GET", path).send(), Accepted)]
    expect(
        not live,
        "what is not documented must not be served",
        expected="404, 401 or 403",
        actual=f"2xx for {', '.join(live)}",
    )
    missing = [item.name for item in document.endpoints if _is_missing(candidate, document, item, nobody)]
    expect(
        not missing,
        "what is documented must be served",
        expected="another answer than that of a path that does not exist",
        actual=", ".join(missing),
    )
    evidence.note("paths beside the document", {"tried": len(shadows)})


def _drawn(document: Document, seed: int) -> dict[str, Case]:
    """Return a request that the document allows for each endpoint; none where Schemathesis is not installed."""
    if not is_installed():
        return {}
    return {case.endpoint.name: case for case in fitting(document, document.endpoints, 1, seed)}


# -- asking ---------------------------------------------------------------------------------------------------------


def _bare(
    candidate: Candidate, document: Document, endpoint: Endpoint, known: Mapping[str, str], method: str = ""
) -> Prepared:
    """Return a request with what the path needs and, for a write, an empty JSON object."""
    verb = method or endpoint.method
    path = document.prefix + endpoint.filled(known)
    if verb in ("GET", "HEAD", "DELETE"):
        return candidate.request(verb, path)
    media = endpoint.media if endpoint.media and verb == endpoint.method else "application/json"
    return candidate.request(verb, path, headers={"Content-Type": media}, body=b"{}" if "json" in media else b"a=b")


def _forged_credentials(candidate: Candidate) -> dict[str, str]:
    """Return the headers that carry this caller's credentials, each with its last letters changed."""
    read = some_read(candidate)
    with_them = dict(candidate.wire(read).headers)
    without = {name for name, _ in candidate.wire(read.without_credentials()).headers}
    return {name: _changed(value) for name, value in with_them.items() if name not in without}


def _changed(value: str) -> str:
    turned = "".join("x" if letter != "x" else "y" for letter in value[-8:])
    return value[:-8] + turned if len(value) > 8 else turned


def _with(request: Prepared, headers: Mapping[str, str]) -> Prepared:
    for name, value in headers.items():
        request = request.with_header(name, value)
    return request


def _require_closed(answer: Answer, what: str) -> None:
    """A refusal that the mapping finds in a 200 is one; which refusal, a status does not say then."""
    _require_calm(answer)
    expect(
        isinstance(answer, Refused) or answer.exchange.status >= 400,
        f"must be refused: {what}",
        expected="401 or 403",
        actual=describe(answer),
    )
    expect(
        not isinstance(answer, Broken),
        f"must be refused cleanly: {what}",
        expected="401 or 403",
        actual=describe(answer),
    )


def _require_no_method(answer: Answer, what: str) -> None:
    _require_calm(answer)
    refused = 400 <= answer.exchange.status < 500 or answer.exchange.status == 501
    expect(
        refused,
        f"{what} is not documented and must be refused",
        expected="405 with Allow, another 4xx, or 501",
        actual=describe(answer),
    )
    expect(
        answer.exchange.status != 405 or answer.exchange.header("Allow") != "",
        f"the 405 of {what} must name the methods that are allowed",
        expected="a header Allow",
        actual="none",
    )


def _require_calm(answer: Answer) -> None:
    if isinstance(answer, Broken) and answer.kind == "throttled":
        raise Inconclusive(
            "the candidate throttled the requests (429); lower [limits] requests_per_second_max below its quota",
            blame="CONFIG",
        )


def _owned_alone(case: Case, document: Document, things: Mapping[str, str], alice: Candidate, bob: Candidate) -> bool:
    """Require that the stranger is refused; tell whether the owner is then let through."""
    stranger = case.request(bob, document, things).send()
    _require_calm(stranger)
    empty = isinstance(stranger, Accepted) and stranger.exchange.body in (b"", b"[]", b"{}")
    expect(
        not isinstance(stranger, Accepted) or (empty and case.endpoint.method == "GET"),
        f"must be refused: {case.endpoint.name} on a thing of another customer",
        expected="403 or 404",
        actual=describe(stranger),
    )
    expect(
        not isinstance(stranger, Broken) or stranger.kind == "redirect",
        f"must be refused cleanly: {case.endpoint.name} on a thing of another customer",
        expected="403 or 404",
        actual=describe(stranger),
    )
    owner = case.request(alice, document, things).send()
    _require_calm(owner)
    return isinstance(owner, Accepted) or owner.exchange.status not in (401, 403, 404, stranger.exchange.status)


def _require_a_write(proven: list[Endpoint], unclear: list[Endpoint]) -> None:
    """Raise NotTested where writes are documented and reads alone were proven: they say nothing about writes."""
    open_ones = [item for item in unclear if item.method not in READING]
    if open_ones and all(item.method in READING for item in proven):
        raise NotTested(
            "no documented write was shown to be its owner's alone: the owner is refused as well, or no request could "
            f"be drawn, for {', '.join(_names(open_ones))}; give the document examples of requests that are served",
            blame="CONFIG",
        )


def _names(endpoints: list[Endpoint]) -> list[str]:
    return [item.name for item in endpoints]


def _shadows(document: Document) -> Iterator[str]:
    """Give the documented collections, each below the prefixes under which their doubles are commonly left."""
    documented = {item.path for item in document.endpoints}
    collections = sorted({f"/{item.path.split('/')[1]}" for item in document.endpoints if not item.public})
    for prefix in SHADOWS:
        for path in collections:
            if f"{prefix}{path}" not in documented:
                yield f"{document.prefix}{prefix}{path}"


def _is_missing(candidate: Candidate, document: Document, endpoint: Endpoint, nobody: Answer) -> bool:
    """Tell whether nobody is there: a fixed path is answered as one that never was."""
    if endpoint.variables or endpoint.method != "GET":
        return False
    answer = candidate.request("GET", document.prefix + endpoint.path).send()
    as_nobody = answer.exchange.status == nobody.exchange.status and answer.exchange.body == nobody.exchange.body
    return answer.exchange.status in (405, 501) or as_nobody
