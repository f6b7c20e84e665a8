"""Harmless reads of the caller's own, for checks that are about the answer and not about what was asked."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.sdk import Broken, Candidate, NotTested, Prepared
from conformance_security.scene import opened

#: Operations that show one account.
OF_AN_ACCOUNT = (
    "accounts.read",
    "accounts.balance",
    "accounts.statement",
    "accounts.card",
    "payments.list",
)


#: Operations that show everybody the same: what an authorization server has to read.
PUBLIC = ("oauth.metadata", "oauth.keys", "jwks")


def shows_accounts(candidate: Candidate) -> bool:
    """Tell whether a read of the caller's own is mapped."""
    return any(candidate.offers(operation) for operation in ("accounts.list", *OF_AN_ACCOUNT))


def any_read(candidate: Candidate) -> Prepared:
    """Return a read for checks of the connection: an own one, else a public one; raises NotTested when none is mapped.

    A product that is an authorization server and nothing else has no accounts to read.
    """
    if shows_accounts(candidate):
        return some_read(candidate)
    public = next((operation for operation in PUBLIC if candidate.offers(operation)), None)
    return candidate.without_credentials().prepare(public) if public else some_read(candidate)


def some_read(candidate: Candidate) -> Prepared:
    """Return one read that the caller may make; raises NotTested when none is mapped.

    A list shows what other checks have made as well: where it is not understood, for one odd account of many, an
    account of the check's own is read instead.
    """
    if not candidate.offers("accounts.list"):
        return next(own_reads(candidate))
    listed = candidate.prepare("accounts.list")
    others = any(candidate.offers(operation) for operation in OF_AN_ACCOUNT)
    return next(own_reads(candidate)) if others and _is_misread(listed) else listed


def _is_misread(read: Prepared) -> bool:
    answer = read.send()
    return isinstance(answer, Broken) and answer.kind == "schema"


def own_reads(candidate: Candidate, balance: int = 0) -> Iterator[Prepared]:
    """Give every read of a new account of the caller, and of its list of accounts; raises NotTested for none."""
    found = [operation for operation in OF_AN_ACCOUNT if candidate.offers(operation)]
    if not found and not candidate.offers("accounts.list"):
        raise NotTested("no operation reads an account: map accounts.list, accounts.read or accounts.balance")
    if found:
        account = opened(candidate, balance)
        yield from (candidate.prepare(operation, account=account.id) for operation in found)
    if candidate.offers("accounts.list"):
        yield candidate.prepare("accounts.list")
