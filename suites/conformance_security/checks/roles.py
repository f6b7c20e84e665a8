"""Roles and scopes: what is for the staff, and what a key that may only read cannot do."""

from __future__ import annotations

from collections.abc import Callable, Collection

from conformance.sdk import Account, Answer, Candidate, Effect, Evidence, NotTested, Prepared, accepted, check, refused
from conformance_security.declared import declared
from conformance_security.scene import Scene, control, opened

#: Operations of the staff, with the user who may ask for them.
STAFF_READS = (
    ("supervisor.transactions", "regulator"),
    ("supervisor.statistics", "regulator"),
    ("supervisor.alarms", "regulator"),
    ("audit.list", "auditor"),
    ("audit.verify", "auditor"),
)
#: How a caller is refused who may not do what is asked.
FORBIDDEN = (401, 403, 404)


@check("SEC-Z03", users=("alice",))
def staff_operations_are_closed_to_customers(candidate: Candidate, evidence: Evidence) -> None:
    """Operations of supervisors, auditors and administrators answer 403 to a customer who is logged in."""
    tried = 0
    for operation, user in STAFF_READS:
        if candidate.offers(operation) and user in candidate.file.users:
            request = candidate.as_user(user).prepare(operation)
            _closed_to_alice(request, user, twin=request, codes=(403, 404))
            tried += 1
    if not tried:
        raise NotTested("no staff operation with a user who may ask for it: map supervisor.* or audit.* with its user")
    evidence.note("staff operations tried", tried)


@check(
    "SEC-Z03.writes",
    requirement="SEC-Z03",
    needs=("supervisor.freeze", "supervisor.unfreeze"),
    users=("alice", "regulator"),
    effects=Effect.DESTRUCTIVE,
)
def staff_writes_are_closed_to_customers(candidate: Candidate, evidence: Evidence) -> None:
    """A customer cannot freeze an account, nor unfreeze one that the supervisor froze."""
    alice, regulator = candidate.as_user("alice"), candidate.as_user("regulator")
    first, second = opened(alice, 1_00), opened(alice, 1_00)
    thawing = regulator.prepare("supervisor.unfreeze", account=first.id)
    frozen = control(_freeze(regulator, first, evidence), "freezing an account by the supervisor")
    try:
        freezing = _freeze(regulator, second, evidence)
        _closed_to_alice(freezing, "regulator", twin=frozen, state=lambda: _status(alice, second))
        before = _status(alice, first)
        _closed_to_alice(thawing, "regulator", twin=frozen, state=lambda: _status(alice, first))
    finally:
        thawed = thawing.send()
    accepted(thawed, "unfreezing the account by the supervisor")
    evidence.note("status while frozen", before)


@check(
    "SEC-Z03.reader",
    requirement="SEC-Z03",
    needs=("payments.create", "accounts.balance"),
    users=("alice",),
    effects=Effect.MONEY,
)
def a_key_that_reads_cannot_pay(candidate: Candidate, evidence: Evidence) -> None:
    """Credentials that may only read are refused when they pay, although the same customer may.

    ``[declared.security] read_only_user`` names the user with such credentials of alice's: a key, or a narrower scope.
    """
    reader = declared(candidate, "read_only_user")
    if not isinstance(reader, str) or reader not in candidate.file.users:
        raise NotTested(
            "no credentials that may only read: declare read_only_user under [declared.security], a user with alice's "
            "accounts",
            blame="CONFIG",
        )
    scene = Scene.set(candidate.as_user("alice"), evidence)
    balance = scene.candidate.prepare("accounts.balance", account=scene.debtor.id)
    control(balance.as_user(reader), f"reading a balance of alice's by {reader}")
    refused(
        scene.payment().as_user(reader),
        twin=scene.paid(),
        state=scene.money,
        codes=FORBIDDEN,
        because="its credentials may read, and not pay",
    )


def _closed_to_alice(
    request: Prepared,
    role: str,
    *,
    twin: Prepared | Answer,
    codes: Collection[int] = FORBIDDEN,
    state: Callable[[], object] | None = None,
) -> None:
    """Require that a customer is refused what a member of the staff may do; the arguments are those of ``refused``."""
    because = f"{request.operation} is for the role of {role}, not for customers"
    refused(request.as_user("alice"), twin=twin, state=state, codes=codes, because=because)


def _freeze(regulator: Candidate, account: Account, evidence: Evidence) -> Prepared:
    return regulator.prepare("supervisor.freeze", account=account.id, reason=evidence.unique("reason"))


def _status(owner: Candidate, account: Account) -> object:
    """Return what the owner is shown of an account's status, or None where nothing shows it."""
    if not owner.offers("accounts.read"):
        return None
    return accepted(owner.call("accounts.read", account=account.id), "reading the account").get("status")
