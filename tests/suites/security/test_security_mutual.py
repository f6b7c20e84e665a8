"""Mutual TLS: only what a client holds counts as a refusal or an acceptance, not what the harness failed to send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from conformance.model.candidate import CandidateFile
from conformance.reference.issuing import CLIENT, Authority, Order
from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Evidence,
    Exchange,
    Finding,
    Inconclusive,
    NotApplicable,
    NotTested,
    Pool,
    Prepared,
    Refused,
)
from conformance_security.checks import mutual
from conformance_security.tls.clients import Door, header_sets

ROOT = Authority("Root")
USES = ("good", "stranger", "revoked", "expired")

YES = Accepted({"subject": "CN=good"}, Exchange(1, 200))
NO = Refused("certificate-missing", Exchange(2, 401))
NGINX_NO = Refused("", Exchange(2, 400, body=b"<html>400 The SSL certificate error</html>"))
ALERT = Broken("tls", "alert unknown ca", Exchange(3))
CLOSED = Broken("connection", "closed", Exchange(3))
CRASH = Broken("server-error", "HTTP 500", Exchange(4, 500))
SILENCE = Broken("timeout", "no answer", Exchange(4))
BUSY = Broken("throttled", "HTTP 429", Exchange(4, 429))

Rule = Callable[[Prepared], Answer]


class Product:
    """A driver that answers by a rule, and remembers what it was asked."""

    def __init__(self, rule: Rule, offered: frozenset[str] = frozenset({"mtls.whoami"})) -> None:
        self.rule, self.offered = rule, offered
        self.asked: list[Prepared] = []

    def operations(self) -> frozenset[str]:
        return self.offered

    def endpoints(self) -> tuple[str, ...]:
        return ("mtls",)

    def perform(self, prepared: Prepared) -> Answer:
        self.asked.append(prepared)
        return self.rule(prepared)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, now = tmp_path_factory.mktemp("clients"), datetime.now(UTC)
    for use in USES:
        order = Order(f"client-{use}", CLIENT)
        if use == "expired":
            order = Order("client-expired", CLIENT, (), now - timedelta(days=9), now - timedelta(days=1))
        (path / f"{use}.pem").write_bytes(ROOT.issue(order).pem())
    (path / "broken.pem").write_text("no certificate")
    return path


def candidate(directory: Path, rule: Rule, mtls: Any = None, **changes: Any) -> Candidate:
    users: dict[str, Any] = {use: {"client_cert": f"{use}.pem"} for use in USES} | {"bare": {"scheme": "none"}}
    users |= changes.pop("users", {})
    declared = {"security": {"tls": {"mtls": mtls}}} if mtls is not None else {}
    offered = changes.pop("offered", frozenset({"mtls.whoami"}))
    file = CandidateFile(
        "x", "1", "https://127.0.0.1:1", endpoints={"mtls": "https://127.0.0.1:2"}, users=users, declared=declared,
        path=directory / "candidate.toml", **changes,
    )  # fmt: skip
    product: Any = Product(rule, offered)
    return Candidate(product, file, Pool(()), lambda name, arguments: {}, "good")


DECLARED = {"endpoint": "mtls", **{use: use for use in USES}}


def lets_in(*users: str | None, otherwise: Answer = NO) -> Rule:
    return lambda prepared: YES if prepared.user in users else otherwise


CHECKS = {
    None: mutual.a_missing_certificate_is_refused,
    "stranger": mutual.a_certificate_of_an_unknown_authority_is_refused,
    "revoked": mutual.a_revoked_certificate_is_refused,
    "expired": mutual.an_expired_certificate_is_refused,
}


@pytest.mark.parametrize("user", CHECKS)
@pytest.mark.parametrize("refusal", [NO, NGINX_NO, ALERT, CLOSED])
def test_refusals_of_every_layer_count(directory: Path, user: str | None, refusal: Answer) -> None:
    it = candidate(directory, lets_in("good", otherwise=refusal), DECLARED)
    CHECKS[user](it, Evidence("r", "c"))
    asked = it.driver.asked  # type: ignore[attr-defined]
    assert [item.user for item in asked] == ["good", user, "good"]
    assert {item.endpoint for item in asked} == {"mtls"}


@pytest.mark.parametrize("user", CHECKS)
def test_whoever_is_let_in_wrongly_is_a_finding(directory: Path, user: str | None) -> None:
    with pytest.raises(Finding, match=r"must be refused$"):
        CHECKS[user](candidate(directory, lets_in("good", user), DECLARED), Evidence("r", "c"))


@pytest.mark.parametrize("answer", [CRASH, SILENCE])
def test_a_crash_or_a_silence_is_no_refusal(directory: Path, answer: Answer) -> None:
    with pytest.raises(Finding, match="must be refused cleanly"):
        CHECKS["revoked"](candidate(directory, lets_in("good", otherwise=answer), DECLARED), Evidence("r", "c"))


def test_a_busy_product_decides_nothing(directory: Path) -> None:
    with pytest.raises(Inconclusive, match="neither refuses nor accepts"):
        CHECKS["revoked"](candidate(directory, lets_in("good", otherwise=BUSY), DECLARED), Evidence("r", "c"))


def test_a_product_that_refuses_everybody_decides_nothing(directory: Path) -> None:
    with pytest.raises(Inconclusive, match="the good client certificate"):
        CHECKS["revoked"](candidate(directory, lets_in(), DECLARED), Evidence("r", "c"))


def test_a_product_that_goes_down_meanwhile_decides_nothing(directory: Path) -> None:
    answers = iter([YES, CLOSED, CLOSED])
    with pytest.raises(Inconclusive, match="the good client certificate"):
        CHECKS["revoked"](candidate(directory, lambda _: next(answers), DECLARED), Evidence("r", "c"))


# -- what cannot be tried ---------------------------------------------------------------------------------------------


def test_nothing_declared_is_not_tested_and_none_at_all_is_not_applicable(directory: Path) -> None:
    with pytest.raises(NotTested, match=r"declare \[declared.security.tls.mtls\]"):
        Door.of(candidate(directory, lets_in("good")))
    with pytest.raises(NotApplicable, match="no mutual TLS"):
        Door.of(candidate(directory, lets_in("good"), False))


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("missing.pem", "cannot be used"),
        ("broken.pem", "cannot be used"),
        ("", "has no client_cert"),
        ("expired.pem", "has expired"),
    ],
)
def test_a_certificate_that_cannot_be_sent_is_no_refusal(directory: Path, certificate: str, words: str) -> None:
    """The session would fail before a byte is sent, and look as if the product had closed the connection."""
    section = {"revoked": {"client_cert": certificate} if certificate else {}}
    it = candidate(directory, lets_in("good"), DECLARED, users=section)
    with pytest.raises(NotTested, match=words):
        CHECKS["revoked"](it, Evidence("r", "c"))
    assert it.driver.asked == []  # type: ignore[attr-defined]


def test_an_expired_certificate_that_is_not_is_not_tested(directory: Path) -> None:
    it = candidate(directory, lets_in("good"), DECLARED, users={"expired": {"client_cert": "good.pem"}})
    with pytest.raises(NotTested, match="declared as expired, has not expired"):
        CHECKS["expired"](it, Evidence("r", "c"))


def test_a_case_without_a_user_is_not_tested(directory: Path) -> None:
    with pytest.raises(NotTested, match=r"declare .* revoked = a user"):
        CHECKS["revoked"](candidate(directory, lets_in("good"), {"good": "good"}), Evidence("r", "c"))


def test_where_a_token_is_needed_too_somebody_with_one_and_no_certificate_must_be_named(directory: Path) -> None:
    scheme = {"auth": {"scheme": "oauth2"}}
    with pytest.raises(NotTested, match="bare = a user"):
        CHECKS[None](candidate(directory, lets_in("good"), DECLARED, **scheme), Evidence("r", "c"))
    it = candidate(directory, lets_in("good"), {**DECLARED, "bare": "bare"}, **scheme)
    CHECKS[None](it, Evidence("r", "c"))
    assert [item.user for item in it.driver.asked] == ["good", "bare", "good"]  # type: ignore[attr-defined]
    everywhere = candidate(directory, lets_in("good"), {**DECLARED, "bare": "bare"}, tls={"client_cert": "good.pem"})
    with pytest.raises(NotTested, match="sent for every user"):
        CHECKS[None](everywhere, Evidence("r", "c"))


def test_the_read_is_the_declared_one_else_the_neutral_one_else_a_read_of_accounts(directory: Path) -> None:
    def asked(mtls: dict[str, Any], *offered: str) -> set[str]:
        it = candidate(directory, lets_in("good"), mtls, offered=frozenset(offered))
        CHECKS["revoked"](it, Evidence("r", "c"))
        return {item.operation for item in it.driver.asked}  # type: ignore[attr-defined]

    assert asked({**DECLARED, "operation": "payments.list"}, "mtls.whoami", "payments.list") == {"payments.list"}
    assert asked(DECLARED, "mtls.whoami", "accounts.list") == {"mtls.whoami"}
    assert asked(DECLARED, "accounts.list") == {"accounts.list"}


# -- headers ----------------------------------------------------------------------------------------------------------


def trusting(header: str, endpoint: str) -> Rule:
    def rule(prepared: Prepared) -> Answer:
        sent = {edit.name for edit in prepared.edits if edit.kind == "header"}
        return YES if prepared.user == "good" or (header in sent and prepared.endpoint == endpoint) else NO

    return rule


@pytest.mark.parametrize("endpoint", ["mtls", ""])
@pytest.mark.parametrize("header", ["X-Client-Cert", "Client-Cert", "X-Forwarded-Client-Cert", "X-SSL-Client-Verify"])
def test_a_trusted_header_is_found_at_the_door_and_at_the_main_address(
    directory: Path, header: str, endpoint: str
) -> None:
    where = "at the door" if endpoint else "at the main address"
    with pytest.raises(Finding, match=f"only stands in {header} {where}"):
        mutual.a_certificate_in_a_header_proves_nothing(
            candidate(directory, trusting(header, endpoint), DECLARED), Evidence("r", "c")
        )


def test_headers_prove_nothing_where_nobody_needs_a_certificate(directory: Path) -> None:
    it = candidate(directory, lets_in("good", None), DECLARED)
    with pytest.raises(Inconclusive, match="SEC-T14"):
        mutual.a_certificate_in_a_header_proves_nothing(it, Evidence("r", "c"))


def test_a_product_that_trusts_no_header_passes(directory: Path) -> None:
    evidence = Evidence("r", "c")
    it = candidate(directory, lets_in("good"), DECLARED)
    mutual.a_certificate_in_a_header_proves_nothing(it, evidence)
    assert evidence.notes == [("headers tried without success", "24")]


def test_headers_hold_the_certificate_in_the_encoding_that_goes_with_them() -> None:
    certificate = ROOT.issue(Order("client-good", CLIENT)).certificate
    found = [pair for headers in header_sets(certificate, "X-Own") for pair in headers.items()]
    assert found[0][0] == "X-Own"
    for name, value in found:
        assert "\n" not in value
        assert value.isascii(), name
    der = next(value for name, value in found if name == "Client-Cert").strip(":")
    import base64

    assert x509.load_der_x509_certificate(base64.b64decode(der)) == certificate
