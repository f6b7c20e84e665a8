"""Consents: what a customer allowed, on which account, for how long, and nothing beyond it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from conformance.sdk import (
    Account,
    Candidate,
    Effect,
    Evidence,
    Params,
    Prepared,
    Refused,
    accepted,
    check,
    eventually,
    expect,
    refused,
)
from conformance_security.declared import declared
from conformance_security.scene import AMOUNT, control, money_of, opened

#: An opening balance that stands nowhere else in an answer.
BALANCE = 8_765_43
#: What the permission ``accounts.read`` shows of an account, unless the candidate file declares other fields.
CONSENTED_MEMBERS = ("id", "account", "currency", "status", "type")


@check(
    "SEC-Z04",
    needs=("consents.grant", "accounts.balance", "accounts.statement"),
    users=("alice", "bob"),
    effects=Effect.MONEY,
)
def a_consent_allows_what_it_says(candidate: Candidate, evidence: Evidence) -> None:
    """A consent to read one balance opens neither the statement, nor another account, nor a transfer."""
    alice, bob = candidate.as_user("alice"), candidate.as_user("bob")
    account, other = opened(alice, BALANCE), opened(alice, BALANCE)
    consent = _granted(alice, account, "accounts.balance")
    allowed = control(
        bob.prepare("accounts.balance", account=account.id, consent=consent), "reading the consented balance"
    )
    refused(
        bob.prepare("accounts.statement", account=account.id, consent=consent),
        twin=allowed,
        because="the consent allows the balance, not the statement",
    )
    refused(
        bob.prepare("accounts.balance", account=other.id, consent=consent),
        twin=allowed,
        because="the consent is for another account",
    )
    if candidate.offers("payments.create"):
        transfer = _with_consent(_transfer(bob, account, evidence), allowed.exchange.request_headers, consent)
        refused(
            transfer,
            twin=allowed,
            state=lambda: money_of(alice, account),
            because="a consent to read the balance does not allow a transfer",
        )


@check("SEC-Z05", needs=("consents.grant", "accounts.read"), users=("alice", "bob"), effects=Effect.WRITE)
def only_consented_fields_are_shown(candidate: Candidate, evidence: Evidence) -> None:
    """What is read by a consent shows the fields of its permissions: no balance, no owner, nothing beside them."""
    alice, bob = candidate.as_user("alice"), candidate.as_user("bob")
    account = opened(alice, BALANCE)
    consent = _granted(alice, account, "accounts.read")
    shown = control(bob.prepare("accounts.read", account=account.id, consent=consent), "reading the consented account")
    text = shown.exchange.body
    expect(
        str(BALANCE).encode() not in text and f"{BALANCE / 100:.2f}".encode() not in text,
        "a consent to read the account must not show more than the consented fields: the balance is shown",
        expected="no balance",
        actual="the balance",
    )
    consented = declared(candidate, "consent_fields", {}).get("accounts.read", CONSENTED_MEMBERS)
    extra = sorted(set(_members(text)) - set(consented))
    expect(
        not extra,
        "a consent to read the account must not show more than the consented fields",
        expected=", ".join(sorted(consented)),
        actual=", ".join(extra),
    )


@check(
    "SEC-Z06",
    needs=("consents.grant", "consents.revoke", "accounts.balance"),
    users=("alice", "bob"),
    effects=Effect.WRITE,
)
def a_revoked_consent_stops_working(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """After the customer revoked a consent, what it allowed is refused within the profile's time."""
    alice = candidate.as_user("alice")
    account = opened(alice, BALANCE)
    consent = _granted(alice, account, "accounts.balance")
    read = candidate.as_user("bob").prepare("accounts.balance", account=account.id, consent=consent)
    control(read, "reading the consented balance")
    accepted(alice.call("consents.revoke", consent=consent), "revoking the consent")
    eventually(
        lambda: isinstance(read.send(), Refused),
        deadline_s=float(params["revocation_s_max"]),
        what="the refusal of a revoked consent",
    )
    evidence.note("revoked consent", "refused")


def _granted(owner: Candidate, account: Account, *permissions: str) -> str:
    value = accepted(
        owner.call("consents.grant", account=account.id, permissions=list(permissions), expires_in=600),
        f"granting a consent for {', '.join(permissions)}",
    )
    return str(value["id"])


def _transfer(payer: Candidate, debtor: Account, evidence: Evidence) -> Prepared:
    return payer.prepare(
        "payments.create",
        debtor=debtor.id,
        creditor=opened(payer, 0).id,
        amount=AMOUNT,
        currency=debtor.currency,
        reference=evidence.unique("ref"),
        idempotency_key=evidence.unique("key"),
    )


def _with_consent(request: Prepared, headers: Mapping[str, str], consent: str) -> Prepared:
    """Carry the consent as the product's own reading carried it: in the headers that held it."""
    for name, value in headers.items():
        if consent in value:
            request = request.with_header(name, value)
    return request


def _members(body: bytes) -> list[str]:
    try:
        value = json.loads(body)
    except ValueError:
        return []
    return [str(name) for name in value] if isinstance(value, dict) else []
