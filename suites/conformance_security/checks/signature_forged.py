"""Valid signatures over the wrong thing: too little, a used nonce, no time, another algorithm, degenerate numbers.

Every request here is signed anew, outside the driver, by the signer's own key; a request signed in this way and
otherwise untouched was accepted before.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from conformance.sdk import Candidate, Effect, Evidence, NotApplicable, Prepared, check, refused
from conformance_security import sm2
from conformance_security.declared import declared
from conformance_security.httpsig import Pattern
from conformance_security.jws import encode
from conformance_security.scene import control
from conformance_security.signers import UNSIGNED, Genuine, sm2_key
from conformance_security.signing_keys import SigningKey

#: Identities that nobody agreed on: none, the example of GB/T 32918.2, and no identity, curve and key at all.
_OTHER_USERS = {"the empty one": b"", "ALICE123@YAHOO.COM": b"ALICE123@YAHOO.COM", "none hashed at all": None}


@check("SEC-S05", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def required_components_cannot_be_left_out(candidate: Candidate, evidence: Evidence) -> None:
    """A payment whose valid signature leaves out one of the required components is answered 401, for each of them.

    Required is what ``[declared.security] signed_components`` names, else what FAPI 2.0 HTTP signatures require, as far
    as the product's own clients sign it.
    """
    genuine, scene = Genuine.payment(candidate, evidence)
    wanted = declared(candidate, "signed_components")
    named = wanted or genuine.scheme.required
    parts = [part for part in genuine.scheme.parts if part in named or part.strip('"') in named]
    if not parts:
        raise NotApplicable("the signatures of this API cover nothing of the request but its body")
    evidence.note("required components", [part.strip('"') for part in parts])
    for part in parts:
        refused(
            genuine.another(evidence, genuine.renewed().without(part)),
            twin=genuine.answer,
            state=scene.money,
            codes=UNSIGNED,
            because=f"its valid signature leaves out {part.strip(chr(34))}",
        )


@check("SEC-S08", needs=("payments.create",), users=("signer",), effects=Effect.MONEY)
def a_nonce_is_used_once_at_any_time(candidate: Candidate, evidence: Evidence) -> None:
    """Another payment under a nonce that was used, signed at another second, is answered 401."""
    genuine, scene = Genuine.payment(candidate, evidence)
    nonce, created = genuine.scheme.nonce, genuine.scheme.created
    if not nonce:
        raise NotApplicable("the signatures of this API carry no nonce; SEC-S07 tests replays")
    if created is None:
        raise NotApplicable("the signatures of this API do not say when they were made")
    for apart in (-1, 1):
        refused(
            genuine.another(evidence, genuine.renewed(nonce=nonce, created=created + apart)),
            twin=genuine.answer,
            state=scene.money,
            codes=UNSIGNED,
            because="its nonce was used before, at another second",
        )


@check("SEC-S10.created", requirement="SEC-S10", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def a_signature_says_when_it_was_made(candidate: Candidate, evidence: Evidence) -> None:
    """A valid signature without creation time, or with one that is not a whole number, is answered 401."""
    genuine = Genuine.read(candidate)
    if genuine.scheme.created is None:
        raise NotApplicable("the signatures of this API do not say when they were made")
    for what, scheme in genuine.renewed().misdated().items():
        refused(
            genuine.resigned(scheme),
            twin=genuine.answer,
            codes=UNSIGNED,
            because=f"its signature is valid, but {what}",
        )


@check("SEC-S10.algorithm", requirement="SEC-S10", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def the_algorithm_is_that_of_the_key(candidate: Candidate, evidence: Evidence) -> None:
    """A valid signature that names an unknown algorithm, or that of another kind of key, is answered 401."""
    genuine = Genuine.read(candidate)
    misnamed = genuine.renewed().misnamed()
    if not misnamed:
        raise NotApplicable("the signatures of this API name no algorithm")
    for what, scheme in misnamed.items():
        refused(
            genuine.resigned(scheme),
            twin=genuine.answer,
            codes=UNSIGNED,
            because=f"its signature is valid, but {what}",
        )


@check("SEC-S10.several", requirement="SEC-S10", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def two_signatures_do_not_make_one(candidate: Candidate, evidence: Evidence) -> None:
    """Of two signatures, one covers enough and is not valid, the other is valid and covers too little: answered 401."""
    genuine = Genuine.read(candidate)
    if not isinstance(genuine.scheme, Pattern):
        raise NotApplicable("the signature of this API is one in one header")
    message = genuine.message()
    whole = _labelled(genuine, "whole").signed(message, lambda base: genuine.key.sign(b"another " + base))
    narrow = _labelled(genuine, "narrow", "@method").signed(message, genuine.key.sign)
    for first, second in ((whole, narrow), (narrow, whole)):
        both = {name: f"{first[name]}, {second[name]}" for name in Pattern.carriers}
        refused(
            genuine.request.after_signing(headers=both),
            twin=genuine.answer,
            codes=UNSIGNED,
            because="neither of its two signatures is both valid and whole",
        )


@check("SEC-S11.range", requirement="SEC-S11", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def numbers_out_of_range_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """SM2 signatures (0, 0), with r or s at the order of the group, or valid but for a multiple of it, are refused."""
    genuine = _by_sm2(candidate)
    _refuse_forms(
        genuine,
        {
            "(0, 0)": lambda message: sm2.raw((0, 0)),
            "(n, n)": lambda message: sm2.raw((sm2.N, sm2.N)),
            "(0, 0) in DER": lambda message: sm2.der((0, 0)),
            "a valid one with n added to s, in wider halves": lambda message: sm2.raw(
                _lifted(genuine.key, message), 33
            ),
            "a valid one with n added to s, in DER": lambda message: sm2.der(_lifted(genuine.key, message)),
        },
    )


@check("SEC-S11.encoding", requirement="SEC-S11", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def bytes_after_a_signature_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A valid SM2 signature with further bytes behind it, plain or in DER, is refused."""
    genuine = _by_sm2(candidate)
    key = genuine.key
    _refuse_forms(
        genuine,
        {
            "a valid one with a byte behind it": lambda message: key.sign(message) + b"\x00",
            "a valid one with another behind it": lambda message: key.sign(message) * 2,
            "a valid one in DER with bytes behind it": lambda message: (
                sm2.der(sm2.sign(key.scalar, message)) + b"\x00\x00"
            ),
        },
    )


@check("SEC-S11.user", requirement="SEC-S11", needs=("accounts.balance",), users=("signer",), effects=Effect.WRITE)
def the_user_identity_is_part_of_the_signature(candidate: Candidate, evidence: Evidence) -> None:
    """An SM2 signature by the right key under another user identity than the agreed one is refused."""
    genuine = _by_sm2(candidate)
    key = genuine.key
    others = {what: user for what, user in _OTHER_USERS.items() if user != key.user}
    for what, user in others.items():
        _refuse_forms(genuine, {f"made under another user identity, {what}": _under(key, user)})


@check(
    "SEC-S11.curve",
    requirement="SEC-S11",
    needs=("keys.register", "accounts.balance"),
    users=("signer",),
    effects=Effect.WRITE,
)
def keys_off_the_curve_are_not_registered(candidate: Candidate, evidence: Evidence) -> None:
    """An SM2 public key that is no point of the curve cannot be registered; one that is can, and signs."""
    signer = candidate.as_user("signer")
    private = secrets.randbelow(sm2.N - 2) + 1
    x, y = sm2.public_of(private)
    keyid = evidence.unique("key")
    twin = control(_registration(signer, keyid, (x, y)), "registering an SM2 key of the signer's own")
    Genuine.read(candidate, SigningKey(keyid, f"{private:064x}", "sm2-sm3"))
    for what, point in {"(1, 1)": (1, 1), "(0, 0)": (0, 0), "next to a point of it": (x, y ^ 1)}.items():
        refused(
            _registration(signer, evidence.unique("key"), point),
            twin=twin,
            because=f"the public key {what} does not lie on the SM2 curve",
        )


# -- two signatures -------------------------------------------------------------------------------------------------


def _labelled(genuine: Genuine, label: str, *only: str) -> Pattern:
    """Return the genuine pattern made now under a label; with ``only``, over nothing but these components."""
    scheme = genuine.renewed()
    if not isinstance(scheme, Pattern):
        raise NotApplicable("a detached JWS is one signature in one header")
    kept = tuple(part for part in scheme.components if not only or part.strip('"') in only)
    return Pattern(label, kept, scheme.parameters)


# -- SM2 ------------------------------------------------------------------------------------------------------------


def _registration(signer: Candidate, keyid: str, point: sm2.Affine) -> Prepared:
    """Return the registration of an SM2 public key as a JWK."""
    x, y = (encode(number.to_bytes(32, "big")) for number in point)
    jwk = {"kty": "EC", "crv": "SM2", "x": x, "y": y}
    return signer.prepare("keys.register", keyid=keyid, algorithm="sm2-sm3", jwk=jwk)


def _by_sm2(candidate: Candidate) -> Genuine:
    """Return a read of the signer, signed here by its SM2 key and accepted so."""
    return Genuine.read(candidate, sm2_key(candidate))


def _refuse_forms(genuine: Genuine, forms: dict[str, Callable[[bytes], bytes]]) -> None:
    for what, sign in forms.items():
        refused(
            genuine.resigned(genuine.renewed(), sign),
            twin=genuine.answer,
            codes=UNSIGNED,
            because=f"its SM2 signature is {what}",
        )


def _under(key: SigningKey, user: bytes | None) -> Callable[[bytes], bytes]:
    return lambda message: sm2.raw(sm2.sign(key.scalar, message, user))


def _lifted(key: SigningKey, message: bytes) -> tuple[int, int]:
    """Return a valid signature whose s lies one order too high: the same number to who does not look."""
    r, s = sm2.sign(key.scalar, message, key.user)
    return r, s + sm2.N
