"""The verifier: thirteen steps in a fixed order, each of which can refuse with a reason code of its own.

Read this file from top to bottom; it is the whole procedure. It works offline, trusts only the policy it is given,
and believes nothing in a report that it can compute itself. A step that the policy does not demand says so; none is
passed over in silence.

    (1) read the envelope          (6) certificates, key validity     (11) completeness, verdict recomputed
    (2) payload type               (7) timestamp                      (12) evidence
    (3) signatures                 (8) registry                       (13) renderings
    (4) canonical payload          (9) status
    (5) schema                    (10) subject
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conformance.attest.canonical import NotStrict, parse_canonical
from conformance.attest.completeness import check_completeness
from conformance.attest.envelope import ENVELOPE_SIZE_MAX, PAYLOAD_TYPE, Envelope, parse_envelope
from conformance.attest.evidence_check import check_citations, check_evidence
from conformance.attest.policy import MODES, Policy, TrustedKey
from conformance.attest.refusal import Refused, demand
from conformance.attest.statement import CRITICAL_KNOWN, Statement, schema_problems
from conformance.errors import ConfigError, UntrustedError

#: What a step may say.
PASSED = "passed"
NOT_REQUIRED = "not required by policy"
_REMEDY = "Do not rely on this report; ask its issuer for the original."
#: How far the signer's clock may run ahead of the reader's.
_CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step came to. ``status`` is :data:`PASSED` or :data:`NOT_REQUIRED`."""

    number: int
    name: str
    status: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A report that may be believed as of ``as_of``, under the policy it was verified with."""

    statement: Statement
    signers: tuple[TrustedKey, ...]
    steps: tuple[Step, ...]
    as_of: datetime.datetime


@dataclass(slots=True)
class _Reading:
    """What is known so far, step by step."""

    data: bytes
    policy: Policy
    evidence: Path | None
    subject: str | None
    now: datetime.datetime
    envelope: Envelope = field(init=False)
    signers: tuple[TrustedKey, ...] = field(init=False)
    modes: tuple[str, ...] = field(init=False)
    payload: object = field(init=False)
    statement: Statement = field(init=False)


def verify(
    envelope: bytes,
    policy: Policy,
    evidence_dir: Path | None = None,
    *,
    now: datetime.datetime | None = None,
    subject_digest: str | None = None,
) -> Verified:
    """Return the verified report in ``envelope``; raises UntrustedError naming the step and the reason code.

    ``evidence_dir`` is the run's ``evidence`` directory; ``subject_digest`` the SHA-256 (hex) of the product held;
    ``now`` the instant to judge validity at, by default the present.
    """
    reading = _Reading(envelope, policy, evidence_dir, subject_digest, now or datetime.datetime.now(datetime.UTC))
    steps = [_take(number, name, step, reading) for number, (name, step) in enumerate(_STEPS, 1)]
    return Verified(reading.statement, reading.signers, tuple(steps), reading.now)


def read_envelope(path: Path) -> bytes:
    """Return the bytes of an envelope file, never more than an envelope may have.

    Raises ConfigError if it cannot be read, UntrustedError if it is too large to be one.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(ENVELOPE_SIZE_MAX + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), remedy="Check the path.") from None
    if len(data) > ENVELOPE_SIZE_MAX:
        summary = f"larger than the {ENVELOPE_SIZE_MAX} bytes that an envelope may have"
        raise UntrustedError("1 envelope", "TOO_LARGE", summary, where=str(path), remedy=_REMEDY)
    return data


def _take(number: int, name: str, step: Callable[[_Reading], tuple[str, str]], reading: _Reading) -> Step:
    try:
        status, detail = step(reading)
    except (Refused, NotStrict) as refusal:
        raise UntrustedError(
            f"{number} {name}",
            refusal.code,
            refusal.summary if isinstance(refusal, Refused) else str(refusal),
            remedy=_REMEDY,
        ) from None
    return Step(number, name, status, detail)


# -- (1) size and depth are limited, duplicate and unknown members refused, before anything is believed ----------


def _read_envelope(reading: _Reading) -> tuple[str, str]:
    reading.envelope = parse_envelope(reading.data)
    number = len(reading.envelope.signatures)
    return PASSED, f"{len(reading.data)} bytes, {number} signature{'' if number == 1 else 's'}"


# -- (2) only our own payload type: a signature made for another purpose means nothing here ------------------------


def _payload_type(reading: _Reading) -> tuple[str, str]:
    kind = reading.envelope.payload_type
    demand(kind == PAYLOAD_TYPE, "PAYLOAD_TYPE", f"the payload is {kind[:100]!r}, not a report")
    return PASSED, kind


# -- (3) signatures by trusted keys; each key counts once, however often and under whatever name it signs ----------


def _signatures(reading: _Reading) -> tuple[str, str]:
    message = reading.envelope.signed_bytes
    values = {signature.value for signature in reading.envelope.signatures}
    by_key = {
        key.public.spki: key
        for key in reading.policy.keys
        if any(key.public.verify(message, value) for value in values)
    }
    reading.signers = tuple(by_key.values())
    reading.modes = tuple(mode for mode in MODES if _enough(reading, mode))
    names = ", ".join(key.name for key in reading.signers)
    demand(bool(reading.signers), "NO_TRUSTED_SIGNATURE", "no signature is by a key of the policy")
    demand(bool(reading.modes), "THRESHOLD", f"signed by {names}: fewer keys than the policy's roles demand")
    return PASSED, f"signed by {names}"


def _enough(reading: _Reading, mode: str) -> bool:
    roles = reading.policy.roles_for(mode)
    holders = [sum(role.name in key.roles for key in reading.signers) for role in roles]
    return bool(roles) and all(count >= role.threshold for count, role in zip(holders, roles, strict=True))


# -- (4) parse the very bytes that were signed, in their one canonical spelling ---------------------------------


def _canonical(reading: _Reading) -> tuple[str, str]:
    reading.payload = parse_canonical(reading.envelope.payload)
    return PASSED, f"{len(reading.envelope.payload)} canonical bytes"


# -- (5) schema, version, critical members, and whether the report says openly what it is -------------------------


def _schema(reading: _Reading) -> tuple[str, str]:
    problems = schema_problems(reading.payload)
    demand(not problems, "SCHEMA", "; ".join(problems))
    statement = Statement(reading.payload)  # type: ignore[arg-type]  # the schema says it is an object
    predicate = statement.predicate
    unknown = sorted(set(predicate["critical"]) - CRITICAL_KNOWN)
    demand(not unknown, "CRITICAL_UNKNOWN", f"this verifier does not understand {', '.join(unknown)}")
    declared = predicate["selfDeclared"] == (statement.mode == "self-test")
    demand(declared, "SELF_DECLARED", "a self-test, and only a self-test, is self-declared")
    demand(statement.mode in reading.modes, "MODE", f"its signers may not sign in mode {statement.mode!r}")
    keys = {key.public.keyid for key in reading.signers}
    demand(predicate["issuer"]["keyid"] in keys, "ISSUER", "the issuer named inside is none of the signers")
    reading.statement = statement
    return PASSED, f"report {statement.run}, {statement.mode}"


# -- (6) certificates; without them, the validity that the policy itself gives each key ----------------------------


def _validity(reading: _Reading) -> tuple[str, str]:
    _not_carried(reading, "certificates", "certificate chains")
    issued = _issued_at(reading.statement)
    demand(issued <= reading.now + _CLOCK_SKEW, "ISSUED_LATER", f"issued at {issued.isoformat()}, which is yet to come")
    for key in reading.signers:
        demand(key.valid_at(issued), "KEY_NOT_VALID_AT_ISSUE", f"{key.name} was not trusted at {issued.isoformat()}")
        demand(key.valid_at(reading.now), "KEY_NOT_VALID_NOW", f"{key.name} is not trusted at {reading.now:%Y-%m-%d}")
    return NOT_REQUIRED, "no certificates; the policy's validity of each signing key holds"


def _issued_at(statement: Statement) -> datetime.datetime:
    try:
        return statement.issued_at
    except ValueError:
        raise Refused("ISSUED_NEVER", f"{statement.predicate['issuedAt']} is no instant") from None


# -- (7) (8) (9) proofs that this version of the envelope does not carry: demanded means refused -------------------


def _timestamp(reading: _Reading) -> tuple[str, str]:
    return _not_carried(reading, "timestamp", "a trusted timestamp")


def _registry(reading: _Reading) -> tuple[str, str]:
    return _not_carried(reading, "registry", "a registry's inclusion proof")


def _status(reading: _Reading) -> tuple[str, str]:
    return _not_carried(reading, "status", "a status event")


def _not_carried(reading: _Reading, name: str, what: str) -> tuple[str, str]:
    demand(name not in reading.policy.demands, f"{name.upper()}_MISSING", f"the policy demands {what}; there is none")
    return NOT_REQUIRED, f"{what}: none carried"


# -- (10) the report is about the product in hand -------------------------------------------------------------------


def _subject(reading: _Reading) -> tuple[str, str]:
    statement = reading.statement
    candidate = statement.predicate["candidate"]
    named = statement.subject == f"{candidate['name']} {candidate['version']}"
    demand(named, "SUBJECT_NAME", f"the subject is {statement.subject!r}, the candidate another")
    if reading.subject is None:
        demand("subject" not in reading.policy.demands, "SUBJECT_MISSING", "the policy demands the product's digest")
        return NOT_REQUIRED, f"about {statement.subject}; no product was given to compare"
    held = reading.subject.removeprefix("sha256:")
    demand(held == statement.subject_digest, "SUBJECT", f"the report is about another product than {held[:16]}…")
    return PASSED, f"about {statement.subject}, the product given"


# -- (11) everything planned is reported, and the verdict follows ---------------------------------------------------


def _completeness(reading: _Reading) -> tuple[str, str]:
    return PASSED, check_completeness(reading.statement, reading.now)


# -- (12) the evidence is the signed one ----------------------------------------------------------------------------


def _evidence(reading: _Reading) -> tuple[str, str]:
    if reading.evidence is None:
        demand("evidence" not in reading.policy.demands, "EVIDENCE_MISSING", "the policy demands the evidence")
        cited = check_citations(reading.statement)
        return NOT_REQUIRED, f"not examined; {len(cited)} citations lie inside the signed tree"
    return PASSED, check_evidence(reading.statement, reading.evidence)


# -- (13) renderings are made from the verified report and are no part of it ----------------------------------------


def _renderings(_reading: _Reading) -> tuple[str, str]:
    return NOT_REQUIRED, "the report lists no renderings; render it again from this envelope"


_STEPS: tuple[tuple[str, Callable[[_Reading], tuple[str, str]]], ...] = (
    ("envelope", _read_envelope),
    ("payload type", _payload_type),
    ("signatures", _signatures),
    ("canonical payload", _canonical),
    ("schema", _schema),
    ("certificates", _validity),
    ("timestamp", _timestamp),
    ("registry", _registry),
    ("status", _status),
    ("subject", _subject),
    ("completeness", _completeness),
    ("evidence", _evidence),
    ("renderings", _renderings),
)
