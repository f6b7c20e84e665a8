"""What the product makes of bytes it did not expect: it refuses them, and stays healthy."""

from __future__ import annotations

import re

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Effect,
    Evidence,
    NotTested,
    Refused,
    check,
    describe,
    expect,
    must_accept,
    refused,
)
from conformance_security.decided import heard
from conformance_security.declared import declared
from conformance_security.listening import listening
from conformance_security.scene import AMOUNT, Rewriter, Scene, control, opened

#: Brackets of the nested body, and bytes of the large one.
DEPTH = 20_000
LARGE = 5 * 1024 * 1024
#: Headers by which frameworks let a request name another method than its own.
OVERRIDES = ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method")


@check("SEC-I02", needs=("payments.create",), effects=Effect.MONEY, deadline_s=60)
def huge_and_deep_bodies_do_no_harm(candidate: Candidate, evidence: Evidence) -> None:
    """A body nested 20,000 levels deep or 5 MB long is refused, and the next honest request is served."""
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    rewriter.require_json()
    nested = b'"x":' + b"[" * DEPTH + b"]" * DEPTH
    refused(
        rewriter.bytes(lambda body: _with_member(body, nested)),
        twin=rewriter.twin,
        state=scene.money,
        because=f"the body nests {DEPTH} levels deep",
    )
    large = rewriter.bytes(lambda body: _with_member(body, b'"x":"' + b"a" * LARGE + b'"')).send()
    expect(
        _turned_away(large),
        f"must be refused cleanly: the body has {LARGE} bytes",
        expected="413 or 400, or a closed connection",
        actual=describe(large),
    )
    must_accept(scene.payment(), "after oversized bodies the product must serve the next honest request")


@check("SEC-I03", needs=("payments.create",), effects=Effect.MONEY)
def repeated_members_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A body that names the amount twice means two things and is refused."""
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    rewriter.require_json()
    member = re.search(rb'"[^"]+"\s*:\s*$', rewriter.wire.before)
    if member is None:
        raise NotTested("the amount is not the member of a JSON object")
    name = member.group().decode()
    low, high = rewriter.wire.minor(1), rewriter.wire.minor(AMOUNT)
    for literal in (f"{low},{name}{high}", f"{high},{name}{low}"):
        refused(
            rewriter.amount(literal),
            twin=rewriter.twin,
            state=scene.money,
            because="the body names the amount twice, with different values",
        )


@check("SEC-I04", needs=("payments.create",), effects=Effect.MONEY)
def broken_encodings_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """Bytes that are not UTF-8, overlong or surrogate forms, NUL, UTF-16 and full-width digits are refused."""
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    rewriter.require_json()
    word = rewriter.reference.encode()
    for broken, what in (
        (b"\xff", "a byte that UTF-8 never uses"),
        (b"\xc0\xaf", "an overlong form"),
        (b"\xed\xa0\x80", "a surrogate"),
        (b"\x00", "a NUL"),
    ):
        refused(
            rewriter.bytes(lambda body, broken=broken: body.replace(word, word + broken)),  # type: ignore[misc]
            twin=rewriter.twin,
            state=scene.money,
            because=f"the reference holds {what}",
        )
    refused(
        rewriter.bytes(lambda body: body.decode("utf-8").encode("utf-16")),
        twin=rewriter.twin,
        state=scene.money,
        because="the body is UTF-16",
    )
    refused(
        rewriter.amount(rewriter.wire.minor(AMOUNT).translate(_FULL_WIDTH)),
        twin=rewriter.twin,
        state=scene.money,
        because="the amount is written in full-width digits",
    )


@check("SEC-I05", needs=("payments.create",), effects=Effect.MONEY)
def other_media_types_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """JSON under another Content-Type, or under none, is answered 415 or 400."""
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    rewriter.require_json()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        refused(
            scene.payment().with_header("Content-Type", kind),
            twin=rewriter.twin,
            state=scene.money,
            codes=(400, 406, 415, 422),
            because=f"JSON was sent as {kind}",
        )
    refused(
        scene.payment().without_header("Content-Type"),
        twin=rewriter.twin,
        state=scene.money,
        codes=(400, 406, 415, 422),
        because="JSON was sent without a Content-Type",
    )


@check("SEC-I06", needs=("accounts.read",), effects=Effect.WRITE)
def methods_are_what_they_say(candidate: Candidate, evidence: Evidence) -> None:
    """A method override header is ignored; an undocumented method is answered 405 with Allow; TRACE is refused."""
    account = opened(candidate, 0)
    read = candidate.prepare("accounts.read", account=account.id)
    plain = control(read, "reading the account")
    for header in OVERRIDES:
        answer = heard(read.with_header(header, "DELETE").send())
        expect(
            isinstance(answer, Accepted) and answer.value == plain.value,
            f"the header {header} must be ignored: a read stays a read",
            expected="the answer of the plain read",
            actual=describe(answer),
        )
    for method in ("PROPFIND", "TRACE"):
        answer = heard(read.with_method(method).send())
        expect(
            isinstance(answer, Refused) or answer.exchange.status == 501,
            f"the method {method} is not documented and must be refused",
            expected="405 with Allow, another 4xx, or 501",
            actual=describe(answer),
        )
        expect(
            answer.exchange.status != 405 or answer.exchange.header("Allow") != "",
            "an answer 405 must name the methods that are allowed",
            expected="a header Allow",
            actual="none",
        )


@check("SEC-I08", needs=("notices.subscribe",), effects=Effect.WRITE)
def inner_addresses_are_not_called(candidate: Candidate, evidence: Evidence) -> None:
    """A callback to loopback, link-local, private or file addresses, in any spelling, is refused and never called."""
    allowed = declared(candidate, "callback_hosts", ())
    if not allowed:
        raise NotTested("[declared.security] names no callback_hosts that the product may call", blame="CONFIG")
    url = f"http://{allowed[0]}/notices"
    twin = control(candidate.prepare("notices.subscribe", url=url), "subscribing an allowed address")
    with listening() as (port, hits):
        for url in _inner_addresses(port):
            refused(
                candidate.prepare("notices.subscribe", url=url),
                twin=twin,
                because=f"{url} lies inside the product's own network",
            )
        expect(
            not hits,
            "a refused callback must not be called",
            expected="no connection",
            actual=f"{len(hits)} connections",
        )


# -- bodies -------------------------------------------------------------------------------------------------------

_FULL_WIDTH = {ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}


def _with_member(body: bytes, member: bytes) -> bytes:
    """Return a JSON object with one more member in front."""
    start = body.index(b"{") + 1
    return body[:start] + member + b"," + body[start:]


def _turned_away(answer: Answer) -> bool:
    """A server that stops reading and closes has refused; one that fails, hangs or accepts has not."""
    heard(answer)
    return isinstance(answer, Refused) or (isinstance(answer, Broken) and answer.kind in ("connection", "tls"))


# -- callbacks ----------------------------------------------------------------------------------------------------


def _inner_addresses(port: int) -> tuple[str, ...]:
    return (
        f"http://127.0.0.1:{port}/",
        f"http://localhost:{port}/",
        f"http://[::1]:{port}/",
        f"http://2130706433:{port}/",
        f"http://0x7f.1:{port}/",
        f"http://example.com@127.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
    )
