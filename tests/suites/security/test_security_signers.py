"""The checks of signed requests on every scheme and algorithm, sound and with each fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.files.candidate_file import read_candidate
from conformance.reference.process import ReferenceProcess
from conformance.sdk import Candidate, Evidence, Finding, NotApplicable, Sighting
from conformance_security.checks import signature, signature_answers, signature_forged

Check = Callable[[Candidate, Evidence], None]

#: Every check of a signed request that does not move the clock.
CHECKS: tuple[Check, ...] = (
    signature.unsigned_requests_are_refused,
    signature.a_changed_body_is_refused,
    signature.method_path_and_query_are_signed,
    signature.another_clients_key_is_refused,
    signature.a_recorded_request_cannot_be_repeated,
    signature_forged.required_components_cannot_be_left_out,
    signature_forged.a_nonce_is_used_once_at_any_time,
    signature_forged.a_signature_says_when_it_was_made,
    signature_forged.the_algorithm_is_that_of_the_key,
)
#: How the signer signs: scheme, algorithm, key.
SIGNERS = {
    "ed25519": ("rfc9421", "ed25519", "ED25519_KEY"),
    "ecdsa-p256": ("rfc9421", "ecdsa-p256-sha256", "P256_KEY"),
    "sm2": ("rfc9421", "sm2-sm3", "SM2_KEY"),
    "jws-es256": ("jws-detached", "ES256", "P256_KEY"),
    "jws-eddsa": ("jws-detached", "EdDSA", "ED25519_KEY"),
    "jws-sm2": ("jws-detached", "SM2-SM3", "SM2_KEY"),
}
#: Fault → the check that must find it, for detached signatures too.
FAULTS: dict[str, tuple[Check, str]] = {
    "signature.skipped": (CHECKS[0], "carries no signature"),
    "signature.keyid-unbound": (CHECKS[3], "the key of another client"),
    "signature.nonce-off": (CHECKS[4], "no second effect"),
    "signature.components-optional": (CHECKS[5], "leaves out"),
    "signature.nonce-timed": (CHECKS[6], "nonce was used before"),
    "signature.created-lenient": (CHECKS[7], "is valid, but it"),
    "signature.algorithm-ignored": (CHECKS[8], "its alg is unknown"),
}


class Recording:
    check, run = "TST-1", "signers"

    def __init__(self) -> None:
        self.count = 0

    def record(self, sighting: Sighting) -> int:
        self.count += 1
        return self.count


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceProcess]:
    with ReferenceProcess(tmp_path_factory.mktemp("bank")) as process:
        yield process


@pytest.fixture
def signing(bank: ReferenceProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Candidate]]:
    """Bind the reference candidate, its signer signing in one of these ways."""
    for name, value in bank.environment.items():
        monkeypatch.setenv(name, value)
    file = read_candidate(Path(bank.candidate_path))
    made: list[Candidate] = []

    def make(how: str, *faults: str, **settings: Any) -> Candidate:
        bank.reset(list(faults))
        scheme, algorithm, key = SIGNERS[how]
        section: dict[str, Any] = {"scheme": scheme, "algorithm": algorithm, **settings}
        section["keyid"] = f"signer-{key.removesuffix('_KEY').lower()}"
        section["key"] = {"env": f"CONFORMANCE_DEMO_SIGNER_{key}"}
        users = {**file.users, "signer": {**file.users["signer"], "signing": section}}
        candidate = bind(replace(file, users=users), Recording(), {"http": DRIVER})
        made.append(candidate)
        return candidate

    yield make
    for candidate in made:
        candidate.driver.close()


def evidence() -> Evidence:
    evidence.count = getattr(evidence, "count", 0) + 1  # type: ignore[attr-defined]
    return Evidence("signers", "TST-1", evidence.count)  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", SIGNERS)
def test_every_scheme_passes_on_the_sound_candidate(signing: Callable[..., Candidate], how: str) -> None:
    candidate = signing(how)
    # One algorithm of each scheme goes through all; for the others, and for slow SM2, one check of each kind has to do.
    recorder = candidate.driver.session.recorder  # type: ignore[attr-defined]
    for check in CHECKS if how in ("ed25519", "jws-es256") else (CHECKS[0], CHECKS[3], CHECKS[6]):
        before = recorder.count
        check(candidate, evidence())
        assert recorder.count > before + 1, "a request and its altered twin were sent"


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found_behind_detached_signatures(signing: Callable[..., Candidate], fault: str) -> None:
    check, says = FAULTS[fault]
    with pytest.raises(Finding, match=says):
        check(signing("jws-es256", fault), evidence())


@pytest.mark.parametrize("fault", ["sm2.range-unchecked", "sm2.trailing-ignored", "sm2.user-id-ignored"])
def test_sm2_faults_are_found_behind_detached_signatures(signing: Callable[..., Candidate], fault: str) -> None:
    check = {
        "sm2.range-unchecked": signature_forged.numbers_out_of_range_are_refused,
        "sm2.trailing-ignored": signature_forged.bytes_after_a_signature_are_refused,
        "sm2.user-id-ignored": signature_forged.the_user_identity_is_part_of_the_signature,
    }[fault]
    check(signing("jws-sm2"), evidence())
    with pytest.raises(Finding, match="its SM2 signature"):
        check(signing("jws-sm2", fault), evidence())


def test_what_detached_signatures_do_not_have_is_not_applicable(signing: Callable[..., Candidate]) -> None:
    candidate = signing("jws-es256")
    for check in (signature.a_changed_body_with_its_digest_is_refused, signature_forged.two_signatures_do_not_make_one):
        with pytest.raises(NotApplicable):
            check(candidate, evidence())


def test_a_signature_over_the_body_alone_is_said_to_be_so(signing: Callable[..., Candidate]) -> None:
    # The bank would refuse such signatures, so the fault lets them pass.
    candidate = signing("jws-es256", "signature.components-optional", claims={"iat": "{now}", "jti": "{nonce}"})
    with pytest.raises(NotApplicable, match="over the body alone"):
        signature.method_path_and_query_are_signed(candidate, evidence())


def test_detached_signatures_age_too(signing: Callable[..., Candidate]) -> None:
    signature.signatures_age_within_a_minute(signing("jws-es256"), evidence())
    with pytest.raises(Finding, match="its signature is"):
        signature.signatures_age_within_a_minute(signing("jws-es256", "signature.window-day"), evidence())


def test_answers_are_bound_whatever_the_key(signing: Callable[..., Candidate]) -> None:
    signature_answers.answers_belong_to_their_requests(signing("sm2"), evidence())
    with pytest.raises(Finding, match="must be bound to its request"):
        signature_answers.answers_belong_to_their_requests(signing("sm2", "signature.response-unbound"), evidence())
