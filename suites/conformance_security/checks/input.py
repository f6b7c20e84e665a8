"""What the product makes of bytes it did not expect: it refuses them, and stays healthy."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Effect,
    Evidence,
    NotTested,
    Params,
    Prepared,
    Refused,
    check,
    describe,
    expect,
    must_accept,
    refused,
    unthrottled,
)
from conformance_security.heard import decided
from conformance_security.scene import AMOUNT, Rewriter, Scene, control, moved, opened

#: Brackets of the nested body, and bytes of the large one.
DEPTH = 20_000
LARGE = 5 * 1024 * 1024
#: Bytes that stand in no UTF-8 text, or should stand in none.
BROKEN = (
    (b"\xff", "a byte that UTF-8 never uses"),
    (b"\xc0\xaf", "an overlong form"),
    (b"\xed\xa0\x80", "a surrogate"),
    (b"\x00", "a NUL"),
)
#: How often an oversized body is sent before it counts as refused too late.
LATE_TRIES = 3
#: Headers by which frameworks let a request name another method than its own.
OVERRIDES = ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method")
#: Methods that they name.
OVERRIDING = ("GET", "DELETE")
#: Operations by which :func:`money_of` sees what a payment did.
SHOWING = ("accounts.balance", "accounts.statement", "payments.list")


@check("SEC-I02", needs=("payments.create",), effects=Effect.MONEY, deadline_s=60)
def huge_and_deep_bodies_do_no_harm(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A body nested 20,000 levels deep or 5 MB long is refused, and the next honest request is served.

    The long one is refused within ``oversized_s_max`` seconds, its sending included: at least once of three times.
    """
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
    large = rewriter.bytes(lambda body: _with_member(body, b'"x":"' + b"a" * LARGE + b'"'))
    _expect_turned_away_soon(large, float(params["oversized_s_max"]), evidence)
    must_accept(scene.payment(), "after oversized bodies the product must serve the next honest request")


@check("SEC-I03", needs=("payments.create",), effects=Effect.MONEY)
def repeated_members_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A body that names the amount twice means two things and is refused."""
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    rewriter.require_json()
    members = [re.search(rb'"[^"]+"\s*:\s*$', part) for part in rewriter.wire.parts[:-1]]
    names = {member.group().decode() if member else "" for member in members}
    name = names.pop()
    if not name or names:
        raise NotTested("the amount is not the member of a JSON object, or not always under one name")
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
    """Bytes that are not UTF-8, overlong or surrogate forms, NUL, UTF-16, UTF-7 and full-width digits are refused.

    A byte order mark is refused or ignored (RFC 8259 8.1).
    """
    scene = Scene.set(candidate, evidence)
    rewriter = Rewriter.of(scene)
    rewriter.require_json()
    text = _free_text(rewriter)
    if text is not None:
        _refuse_broken(scene, rewriter, text)
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
    refused(
        rewriter.bytes(_in_utf_7).with_header("Content-Type", "application/json; charset=utf-7"),
        twin=rewriter.twin,
        state=scene.money,
        because="the body is UTF-7",
    )
    _expect_mark_ignored(scene, rewriter, evidence)
    if text is None:
        raise NotTested("no member of a payment takes free text, so nothing shows what becomes of broken bytes in it")


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
    """A method override header is ignored or refused; an undocumented method is answered 405 with Allow, TRACE refused.

    A firewall may refuse the header whatever it names: then it refuses it beside the request's own method, too.
    """
    account = opened(candidate, 0)
    read = candidate.prepare("accounts.read", account=account.id)
    plain = control(read, "reading the account")
    for header in OVERRIDES:
        answer = unthrottled(read.with_header(header, "DELETE").send())
        expect(
            (isinstance(answer, Accepted) and answer.value == plain.value)
            or _is_refused_for_itself(answer, candidate, read, header),
            f"the header {header} must be ignored: a read stays a read",
            expected="the answer of the plain read",
            actual=describe(answer),
        )
    _expect_posts_stay_posts(candidate, read, plain)
    for method in ("PROPFIND", "TRACE"):
        answer = unthrottled(read.with_method(method).send())
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


@check("SEC-I06.write", requirement="SEC-I06", needs=("payments.create",), effects=Effect.MONEY)
def writes_are_what_they_say(candidate: Candidate, evidence: Evidence) -> None:
    """A payment whose header names another method is answered and booked as one without that header.

    Most frameworks heed such a header on a POST alone, so reads do not show whether it is heeded.
    """
    scene = Scene.set(candidate, evidence)
    state: Callable[[], Any] = scene.money if any(map(candidate.offers, SHOWING)) else dict
    before = state()
    plain = control(scene.payment(), "a payment without an override header")
    between = state()
    wanted = moved(before, between)
    for header, method in itertools.product(OVERRIDES, OVERRIDING):
        answer = unthrottled(scene.payment().with_header(header, method).send())
        before, between = between, state()
        refused_itself = before == between and _is_refused_for_itself(answer, candidate, scene.payment(), header)
        expect(
            refused_itself or (isinstance(answer, Accepted) and answer.exchange.status == plain.exchange.status),
            f"the header {header}: {method} must be ignored: a write stays a write",
            expected=describe(plain),
            actual=describe(answer),
        )
        expect(
            refused_itself or moved(before, between) == wanted,
            f"a payment must be booked whether or not {header} names {method}",
            expected=wanted,
            actual=moved(before, between),
        )


# -- methods ------------------------------------------------------------------------------------------------------


def _is_refused_for_itself(answer: Answer, candidate: Candidate, request: Prepared, header: str) -> bool:
    """Tell whether a refusal is about the header and not about what it names.

    Then the same request is refused alike although the header names the method that it has anyway.
    """
    if not isinstance(answer, Refused):
        return False
    try:
        own = candidate.wire(request).method
    except NotTested:  # of several calls: they have no one method
        return False
    again = unthrottled(request.with_header(header, own).send())
    return isinstance(again, Refused) and again.exchange.status == answer.exchange.status


def _expect_posts_stay_posts(candidate: Candidate, read: Prepared, plain: Accepted) -> None:
    """Require that a POST to the path of a read is answered as without a header that names another method.

    A DELETE may be carried out and yet answered like any POST: so what was read must be there as before.
    """
    post = read.with_method("POST")
    bare = unthrottled(post.send())
    for header, method in itertools.product(OVERRIDES, OVERRIDING):
        answer = unthrottled(post.with_header(header, method).send())
        expect(
            answer.exchange.status == bare.exchange.status or _is_refused_for_itself(answer, candidate, post, header),
            f"the header {header}: {method} must be ignored: a POST stays a POST",
            expected=describe(bare),
            actual=describe(answer),
        )
    again = unthrottled(read.send())
    expect(
        isinstance(again, Accepted) and again.value == plain.value,
        "a POST with an override header must not change or remove what its path names",
        expected="the answer of the plain read",
        actual=describe(again),
    )


# -- bodies -------------------------------------------------------------------------------------------------------

_FULL_WIDTH = {ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}


def _with_member(body: bytes, member: bytes) -> bytes:
    """Return a JSON object with one more member in front."""
    start = body.index(b"{") + 1
    return body[:start] + member + b"," + body[start:]


def _expect_turned_away_soon(large: Prepared, most_s: float, evidence: Evidence) -> None:
    """Require that an oversized body is turned away, and soon: one slow answer of several may be our machine's."""
    took: list[float] = []
    while not took or (min(took) > most_s and len(took) < LATE_TRIES):
        answer = large.send()
        expect(
            _turned_away(answer),
            f"must be refused cleanly: the body has {LARGE} bytes",
            expected="413 or 400, or a closed connection",
            actual=describe(answer),
        )
        took.append(answer.exchange.elapsed_us / 1e6)
    evidence.note("seconds until the large body was refused", [round(seconds, 2) for seconds in took])
    expect(
        min(took) <= most_s,
        f"must be refused before it is read and kept: the body has {LARGE} bytes",
        expected=f"a refusal within {most_s:g} s",
        actual=", ".join(f"{seconds:.2f} s" for seconds in took),
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A member of the body that takes any text, by its value."""

    name: str
    value: bytes

    def and_more(self, more: bytes) -> Callable[[bytes], bytes]:
        """Return a change of a body that puts further bytes at the end of the text."""
        return lambda body: body.replace(self.value, self.value + more, 1)


def _refuse_broken(scene: Scene, rewriter: Rewriter, text: _Text) -> None:
    for broken, what in BROKEN:
        refused(
            rewriter.bytes(text.and_more(broken)),
            twin=rewriter.twin,
            state=scene.money,
            because=f"{text.name} holds {what}",
        )


def _free_text(rewriter: Rewriter) -> _Text | None:
    """Return the reference, or the first other text that the product takes with a letter more, or None.

    Broken bytes in a text of which every letter counts, as in a currency, would be refused for another reason.
    """
    word, plain = rewriter.reference.encode(), rewriter.wire.body(rewriter.wire.minor(AMOUNT), rewriter.wire.key)
    if word in plain:
        return _Text("the reference", word)
    for name, value in re.findall(rb'"([^"\\]+)"\s*:\s*"([^"\\]+)"', plain):
        text = _Text(f"the text {name.decode()}", value)
        unique = plain.count(value) == 1 and not (rewriter.wire.key and rewriter.wire.key.encode() in value)
        if unique and isinstance(unthrottled(rewriter.bytes(text.and_more(b"x")).send()), Accepted):
            return text
    return None


def _in_utf_7(body: bytes) -> bytes:
    """Return a JSON object whose brace only a reader of UTF-7 can see."""
    return body.replace(b"{", b"+AHs-", 1)


def _expect_mark_ignored(scene: Scene, rewriter: Rewriter, evidence: Evidence) -> None:
    """Require that a byte order mark is refused, or else changes nothing of what is paid."""
    before = scene.money()
    control(rewriter.amount(rewriter.wire.minor(AMOUNT)), "an honest payment as raw bytes")
    between = scene.money()
    answer = decided(rewriter.bytes(lambda body: b"\xef\xbb\xbf" + body), "a body with a byte order mark")
    after = scene.money()
    wanted = moved(before, between) if isinstance(answer, Accepted) else [0] * len(before)
    expect(
        moved(between, after) == wanted,
        "a byte order mark must be refused or ignored, and must not change what is paid",
        expected=wanted,
        actual=moved(between, after),
    )
    evidence.note("a byte order mark", describe(answer))


def _turned_away(answer: Answer) -> bool:
    """A server that stops reading and closes has refused; one that fails, hangs or accepts has not."""
    unthrottled(answer)
    return isinstance(answer, Refused) or (isinstance(answer, Broken) and answer.kind in ("connection", "tls"))
