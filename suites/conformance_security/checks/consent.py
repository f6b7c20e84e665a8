"""Consents: what a customer allowed, on which account, for how long, and nothing beyond it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from conformance.sdk import (
    Account,
    Candidate,
    Effect,
    Evidence,
    Exchange,
    NotTested,
    Params,
    Pause,
    Prepared,
    Refused,
    accepted,
    check,
    eventually,
    expect,
    pause,
    refused,
    unthrottled,
)
from conformance_security.declared import declared
from conformance_security.oauth.clock import movable, moved
from conformance_security.scene import AMOUNT, control, money_of, opened

#: An opening balance that stands nowhere else in an answer.
BALANCE = 8_765_43
#: Seconds that consents are granted for, and those whose end a check must wait for.
LASTING_S, SHORT_S = 600, 3
#: What stands around the data in the answers of many products, in small letters without ``_`` and ``-``.
ENVELOPE = frozenset({"code", "message", "msg", "success", "timestamp", "requestid", "traceid", "links", "meta"})


@check(
    "SEC-Z04",
    needs=("consents.grant", "accounts.balance", "accounts.statement"),
    users=("alice", "bob"),
    effects=Effect.MONEY,
)
def a_consent_allows_what_it_says(candidate: Candidate, evidence: Evidence) -> None:
    """A consent to read one balance opens neither the statement, nor another account, nor a transfer.

    Reading (JR/T 0185 level A1) never allows moving money (level A2), and no consent allows nothing.
    """
    alice, bob = candidate.as_user("alice"), candidate.as_user("bob")
    account, other = opened(alice, BALANCE), opened(alice, BALANCE)
    consent = _granted(alice, account, "accounts.balance")
    allowed = control(
        bob.prepare("accounts.balance", account=account.id, consent=consent), "reading the consented balance"
    )
    refused(
        bob.prepare("accounts.balance", account=account.id),
        twin=allowed,
        because="without naming a consent, the account is another customer's",
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
        refused(
            _with_consent(_transfer(bob, account, evidence), bob, allowed.exchange, consent),
            twin=allowed,
            state=lambda: money_of(alice, account),
            because="a consent to read the balance does not allow a transfer",
        )


@check(
    "SEC-Z04.grantor",
    requirement="SEC-Z04",
    needs=("consents.grant", "accounts.balance"),
    users=("alice", "bob"),
    effects=Effect.WRITE,
)
def only_the_owner_grants(candidate: Candidate, evidence: Evidence) -> None:
    """A consent is the account owner's to give: nobody grants one on another customer's account."""
    alice, bob = candidate.as_user("alice"), candidate.as_user("bob")
    account = opened(alice, BALANCE)
    request = {"account": account.id, "permissions": ["accounts.balance"], "expires_in": LASTING_S}
    refused(
        bob.prepare("consents.grant", **request),
        twin=alice.prepare("consents.grant", **request),
        because="the account belongs to another customer, who did not consent",
    )


@check(
    "SEC-Z04.grantee",
    requirement="SEC-Z04",
    needs=("consents.grant", "accounts.balance"),
    users=("alice", "bob", "shop"),
    effects=Effect.WRITE,
)
def a_consent_serves_its_grantee_alone(candidate: Candidate, evidence: Evidence) -> None:
    """A consent given to one party is of no use to another who learns its number.

    ``[declared.security] consent_grantee`` is the argument of consents.grant that names the party.
    """
    argument = declared(candidate, "consent_grantee")
    if not argument:
        raise NotTested("declare consent_grantee under [declared.security] in candidate.toml", blame="CONFIG")
    alice = candidate.as_user("alice")
    account = opened(alice, BALANCE)
    party = candidate.file.users["bob"]
    grantee = str(party.get("client_id") or party.get("username") or "bob")
    consent = _granted(alice, account, "accounts.balance", **{str(argument): grantee})
    allowed = control(
        candidate.as_user("bob").prepare("accounts.balance", account=account.id, consent=consent),
        "reading the balance by the party that the consent names",
    )
    refused(
        candidate.as_user("shop").prepare("accounts.balance", account=account.id, consent=consent),
        twin=allowed,
        because="the consent was given to another party",
    )


@check("SEC-Z05", needs=("consents.grant", "accounts.read"), users=("alice", "bob"), effects=Effect.WRITE)
def only_consented_fields_are_shown(candidate: Candidate, evidence: Evidence) -> None:
    """What is read by a consent shows the fields of its permissions: no balance, no owner, nothing beside them.

    ``[declared.security.consent_fields]`` says which these are: names of members that hold values, at any depth of what
    is shown of the account.
    """
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
    consented = _consented_fields(candidate)
    extra = sorted(_shown(_document(text), account.id) - consented)
    expect(
        not extra,
        "a consent to read the account must not show more than the consented fields",
        expected=", ".join(sorted(consented)),
        actual=", ".join(extra),
    )


@check(
    "SEC-Z05.granted",
    requirement="SEC-Z05",
    needs=("consents.grant", "consents.read"),
    users=("alice",),
    effects=Effect.WRITE,
)
def no_consent_is_wider_than_asked(candidate: Candidate, evidence: Evidence) -> None:
    """What is recorded as consented is what the customer was asked: these permissions, this account, this long."""
    alice = candidate.as_user("alice")
    account = opened(alice, BALANCE)
    consent = _granted(alice, account, "accounts.balance")
    shown = control(alice.prepare("consents.read", consent=consent), "reading the consent").value
    permissions, left = shown.get("permissions"), shown.get("expires_in")
    if not isinstance(permissions, list):
        raise NotTested("the mapping of consents.read gives no list of permissions", blame="CONFIG")
    expect(
        set(map(str, permissions)) <= {"accounts.balance"} and shown.get("account") in (None, account.id),
        "a consent must not be wider than what the customer was asked for",
        expected=f"accounts.balance on {account.id}",
        actual=f"{', '.join(map(str, permissions))} on {shown.get('account')}",
    )
    expect(
        not isinstance(left, int) or left <= LASTING_S,
        "a consent must not last longer than what the customer was asked for",
        expected=f"at most {LASTING_S} s",
        actual=f"{left} s",
    )


@check(
    "SEC-Z06.expiry",
    requirement="SEC-Z06",
    needs=("consents.grant", "accounts.balance"),
    users=("alice", "bob"),
    effects=Effect.WRITE,
    deadline_s=30,
)
def an_expired_consent_stops_working(candidate: Candidate, evidence: Evidence) -> Iterator[Pause]:
    """After its time, a consent opens nothing. The product's clock is moved where it can be, else the check waits."""
    alice = candidate.as_user("alice")
    account = opened(alice, BALANCE)
    fast = movable(candidate)
    lasting = 60 if fast else SHORT_S
    consent = _granted(alice, account, "accounts.balance", expires_in=lasting)
    read = candidate.as_user("bob").prepare("accounts.balance", account=account.id, consent=consent)
    control(read, "reading the consented balance in time")
    own = alice.prepare("accounts.balance", account=account.id)
    if fast:
        with moved(candidate, lasting + 5):
            refused(read, twin=own, because="the consent has expired")
    else:
        yield pause(SHORT_S + 2, "the consent has expired")
        refused(read, twin=own, because="the consent has expired")
    evidence.note("expired consent", "refused")


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
        lambda: isinstance(unthrottled(read.send()), Refused),
        deadline_s=float(params["revocation_s_max"]),
        what="the refusal of a revoked consent",
    )
    evidence.note("revoked consent", "refused")


def _granted(owner: Candidate, account: Account, *permissions: str, **more: Any) -> str:
    arguments = {"expires_in": LASTING_S, **more}
    value = accepted(
        owner.call("consents.grant", account=account.id, permissions=list(permissions), **arguments),
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


# -- where a consent travels ----------------------------------------------------------------------------------------


def _with_consent(request: Prepared, candidate: Candidate, read: Exchange, consent: str) -> Prepared:
    """Carry the consent as the mapping of transfers says, else as the product's own reading carried it.

    A transfer without the consent would be refused for want of one, which says nothing of what the consent allows.
    """
    if candidate.file.driver != "http" or _names_consent(candidate.file.operations.get(request.operation)):
        return request.with_arguments(consent=consent)
    carried = request
    for name, value in _holding(consent, read.request_headers.items()):
        carried = carried.with_header(name, value)
    for name, value in _holding(consent, parse_qsl(urlsplit(read.url).query)):
        carried = carried.with_query(name, value)
    for name, value in _holding(consent, _members(read)):
        carried = carried.with_extra_field(name, value)
    if carried is request:
        raise NotTested(
            "how a transfer would carry a consent is unknown (all else holds): reading carries it neither in a header, "
            "nor in the query, nor in a member at the top of the body; name {consent} in the mapping of "
            f"{request.operation}",
            blame="CONFIG",
        )
    return carried


def _names_consent(mapped: Any) -> bool:
    """Tell whether a mapping says itself where the consent goes: by ``{consent}``, or by name in a list."""
    if isinstance(mapped, Mapping):
        return any(map(_names_consent, mapped.values()))
    if isinstance(mapped, list | tuple):
        return "consent" in mapped or any(map(_names_consent, mapped))
    return isinstance(mapped, str) and re.search(r"\{consent\b", mapped) is not None


def _holding(consent: str, pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the named values that hold the consent, whole: a short number may be part of anything."""
    whole = re.compile(rf"(?<![A-Za-z0-9]){re.escape(consent)}(?![A-Za-z0-9])")
    return [(name, value) for name, value in pairs if isinstance(value, str | int) and whole.search(str(value))]


def _members(read: Exchange) -> Iterable[tuple[str, Any]]:
    """Return the members at the top of a request's body; none for one that is neither JSON nor a form."""
    types = [value for name, value in read.request_headers.items() if name.lower() == "content-type"]
    if any("x-www-form-urlencoded" in value for value in types):
        return parse_qsl(read.request_body.decode("utf-8", "replace"))
    try:
        body = json.loads(read.request_body)
    except ValueError:
        return ()
    return body.items() if isinstance(body, dict) else ()


# -- fields ---------------------------------------------------------------------------------------------------------


def _consented_fields(candidate: Candidate) -> frozenset[str]:
    fields = declared(candidate, "consent_fields", {})
    named = fields.get("accounts.read") if isinstance(fields, Mapping) else None
    if not isinstance(named, list | tuple):
        raise NotTested(
            "which fields a consent shows is not declared (the balance is not shown): declare "
            'consent_fields."accounts.read" under [declared.security]',
            blame="CONFIG",
        )
    return frozenset(map(str, named))


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise NotTested("the consented account is not shown in JSON, so its fields cannot be named") from error


def _shown(value: Any, account: str) -> set[str]:
    """Return the names of all members that are shown, without the usual ones of an envelope around the account."""
    if not isinstance(value, Mapping) or any(str(inner) == account for inner in value.values()):
        return _leaves(value)
    around = {key for key in value if str(key).lower().replace("_", "").replace("-", "") in ENVELOPE}
    names: set[str] = set()
    for key in set(value) - around:
        below = value[key]
        names |= _shown(below, account) if isinstance(below, Mapping) else _leaves(below, str(key))
    return names


def _leaves(value: Any, name: str = "") -> set[str]:
    """Return the names of all members that hold a value, at any depth; what is in a list has the name of the list."""
    if isinstance(value, Mapping):
        return {leaf for key, inner in value.items() for leaf in _leaves(inner, str(key))}
    if isinstance(value, list):
        return {leaf for inner in value for leaf in _leaves(inner, name)}
    return set() if value is None else {name}
