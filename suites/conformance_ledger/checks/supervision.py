"""Supervision: who may see, who may write, who may intervene, and what is kept of it."""

from __future__ import annotations

import itertools
from typing import Any

from conformance.sdk import (
    Accepted,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotTested,
    Params,
    check,
    describe,
    expect,
    refused,
)
from conformance_ledger.ledger import Ledger
from conformance_ledger.oracle.neutral import length_prefixed
from conformance_ledger.transactions import Payer, Signed

_WRITES = ("ledger.head", "ledger.submit", "ledger.receipt", "ledger.call")


def _intervene(ledger: Ledger, kind: str, governor: Payer, account: str) -> None:
    """Have one governor ask for an intervention, and wait until the request is on the ledger."""
    signed = ledger.transfer(governor, account, 0, kind=kind)
    ledger.send(signed)
    ledger.settled(signed.id, f"a governor's {kind}")


def _status(ledger: Ledger, account: str) -> dict[str, str]:
    return {node: str(ledger.ask("call", node, function="account", account=account)["status"]) for node in ledger.nodes}


@check(
    "LED-I06",
    requirement="LED-13.5.4-1",
    needs=(*_WRITES, "ledger.transaction"),
    claims=("ledger.governance",),
    hooks=("ledger_account",),
    effects=Effect.DESTRUCTIVE,
    deadline_s=60,
)
def a_frozen_account_cannot_transact_anywhere(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A frozen account cannot transact, at no node; unfreezing restores it; both are decided by consensus."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    governors = [ledger.open(0, "governor"), ledger.open(0, "governor")]
    payer, payee = ledger.open(), ledger.open(0)
    ledger.pay(payer, payee.account, 10)
    for governor in governors:
        _intervene(ledger, "freeze", governor, payer.account)
    expect(set(_status(ledger, payer.account).values()) == {"frozen"}, "the account must be frozen on every node")
    blocked = [ledger.transfer(payer, payee.account, 20 + n, nonce=payer.nonce) for n in range(len(ledger.nodes))]
    for node, signed in zip(ledger.nodes, blocked, strict=True):
        ledger.submit(signed, node)
    ledger.control()
    for node, signed in zip(ledger.nodes, blocked, strict=True):
        found = ledger.committed(signed.id)
        expect(not found, f"must not be committed: the sender was frozen (sent to {node})", actual=str(sorted(found)))
    for governor in governors:
        _intervene(ledger, "unfreeze", governor, payer.account)
    ledger.pay(payer, payee.account, 30)


@check(
    "LED-I10",
    requirement="LED-17.3.2-2",
    needs=_WRITES,
    claims=("ledger.governance",),
    hooks=("ledger_account",),
    effects=Effect.DESTRUCTIVE,
)
def nobody_intervenes_alone(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """The right to intervene is split among several users: one governor, asking once or twice, changes nothing."""
    ledger = Ledger(candidate, evidence, params)
    governor, holder = ledger.open(0, "governor"), ledger.open()
    for times in ("once", "twice"):
        _intervene(ledger, "freeze", governor, holder.account)
        message = f"one governor asking {times} must not freeze an account"
        seen = _status(ledger, holder.account)
        expect(set(seen.values()) == {"active"}, message, expected="active on every node", actual=str(seen))


@check(
    "LED-I11",
    requirement="LED-16.8-1",
    needs=_WRITES,
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    users=("auditor", "regulator"),
    effects=Effect.MONEY,
)
def who_only_reads_cannot_write(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Permissions are enforced at the node, not in a user interface: auditor and regulator cannot submit."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee = ledger.open(), ledger.open(0)
    signed = ledger.transfer(payer, payee.account, 5, nonce=payer.nonce)
    for user in ("auditor", "regulator"):
        for node in ledger.nodes:
            ledger.submit(signed, node, user)
    ledger.must_not_commit(signed, "a user who may only read submitted it")
    ledger.submit(signed)
    ledger.settled(signed.id, "the same transaction from a user who may write")


@check("LED-S07", requirement="LED-6.3.2-4", needs=("ledger.head", "ledger.block", "ledger.validators"))
def strangers_read_nothing(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Nothing is read without authorisation: no node shows a stranger its head, blocks or validators."""
    ledger = Ledger(candidate, evidence, params)
    height = ledger.height()
    arguments: dict[str, dict[str, Any]] = {"head": {}, "block": {"height": height}, "validators": {}}
    for node in ledger.nodes:
        for operation, values in arguments.items():
            twin = ledger.at(node).prepare(f"ledger.{operation}", **values)
            because = f"a stranger reads ledger.{operation} at {node}"
            refused(twin.without_credentials(), twin=twin, because=because, codes=(401, 403))


# -- private groups -------------------------------------------------------------------------------------------------


def _private_note(ledger: Ledger, canary: str, *, digest_of: str = "") -> tuple[Signed, str]:
    """Return a note for the private group, not sent, and the user who belongs to that group."""
    group, member = (str(ledger.declared.get(name, "")) for name in ("private_group", "private_member"))
    if not group or not member:
        raise NotTested("[declared.ledger] names no private_group and private_member", blame="CONFIG")
    salt = ledger.evidence.unique("salt")
    bound = ledger.neutral.digest(length_prefixed("payload/v1", [salt, digest_of or canary])).hex()
    payload = {"salt": salt, "text": canary}
    author = ledger.open(0)
    changes = {"group": group, "kind": "note", "data": bound, "payload": payload}
    return ledger.transfer(author, author.account, 0, **changes), member


def _shown(ledger: Ledger, signed: Signed, user: str) -> dict[str, str]:
    """Return everything that each node shows a user about a transaction: itself, its block, its receipt."""
    shown: dict[str, str] = {}
    for node in ledger.nodes:
        reader = ledger.at(node).as_user(user)
        receipt = ledger.ask("receipt", node, transaction=signed.id)
        answers = [
            reader.call("ledger.transaction", transaction=signed.id),
            reader.call("ledger.block", height=receipt["height"]),
            reader.call("ledger.receipt", transaction=signed.id),
        ]
        shown[node] = "".join(str(answer.value) for answer in answers if isinstance(answer, Accepted))
    return shown


@check(
    "LED-P01",
    requirement="LED-10.6-1",
    needs=("ledger.head", "ledger.submit", "ledger.receipt", "ledger.transaction", "ledger.block"),
    claims=("ledger.groups",),
    hooks=("ledger_account",),
    effects=Effect.WRITE,
)
def a_group_keeps_its_data_to_itself(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """No unauthorised third party reaches data: who is not in a group sees its contents at no node, in no view."""
    ledger = Ledger(candidate, evidence, params)
    canary = evidence.unique("canary")
    signed, member = _private_note(ledger, canary)
    ledger.send(signed, user=member)
    ledger.settled(signed.id, "a member's note")
    if not all(canary in text for text in _shown(ledger, signed, member).values()):
        raise Inconclusive("positive control: a member cannot read its own group's note", blame="PRODUCT")
    outsider = str(ledger.declared.get("private_outsider", ""))
    leaked = [node for node, text in _shown(ledger, signed, outsider).items() if canary in text]
    expect(not leaked, "who is not in the group must not see its data", expected="at no node", actual=str(leaked))


@check(
    "LED-P02",
    requirement="LED-14.3.3-1",
    needs=("ledger.head", "ledger.submit", "ledger.receipt", "ledger.call"),
    claims=("ledger.groups",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def hidden_data_is_bound_to_what_everyone_sees(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Encrypted but verifiable: a note whose hidden text is not the one that its public digest commits to stays out."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    false, member = _private_note(ledger, evidence.unique("canary"), digest_of="another text")
    for node in ledger.nodes:
        ledger.submit(false, node, member)
    ledger.must_not_commit(false, "its hidden text is not what its digest commits to")
    true, _ = _private_note(ledger, evidence.unique("canary"))
    ledger.send(true, user=member)
    ledger.settled(true.id, "a note whose text and digest agree")


@check(
    "LED-P04",
    requirement="LED-15.2-1",
    needs=("ledger.head", "ledger.submit", "ledger.receipt", "ledger.transaction", "ledger.block", "ledger.groups"),
    claims=("ledger.groups",),
    hooks=("ledger_account",),
    users=("regulator",),
    effects=Effect.WRITE,
)
def the_regulator_reads_every_group(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Supervision reaches the lowest level: the regulator sees every group and the raw data in it, at every node."""
    ledger = Ledger(candidate, evidence, params)
    canary = evidence.unique("canary")
    signed, member = _private_note(ledger, canary)
    ledger.send(signed, user=member)
    ledger.settled(signed.id, "a member's note")
    hidden = [node for node, text in _shown(ledger, signed, "regulator").items() if canary not in text]
    expect(not hidden, "the regulator must read the raw data of every group", expected="every node", actual=str(hidden))
    answer = ledger.at().as_user("regulator").call("ledger.groups")
    listed = str(answer.value) if isinstance(answer, Accepted) else describe(answer)
    expect(str(ledger.declared["private_group"]) in listed, "the regulator must see every group", actual=listed)


@check(
    "LED-P06",
    requirement="LED-10.7-1",
    needs=(*_WRITES, "ledger.audit"),
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def successes_and_failures_are_audited(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Changes are audited, successful and failed: time, user, object and result, each record tied to the one before."""
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    before = len(_audit(ledger))
    signed = ledger.pay(payer, payee.account, 6)
    ledger.submit(signed.with_signature(bytes(len(signed.signature))))
    ledger.submit(ledger.transfer(payer, payee.account, 10**12, nonce=payer.nonce))
    records = _audit(ledger)
    fresh = [item for item in records[before:] if item.get("action") == "submit"]
    for result in ("success", "refused"):
        found = [item for item in fresh if item.get("result") == result]
        message = f"the audit log must hold the submission whose result was: {result}"
        whole = bool(found) and all(found[0].get(name) for name in ("time", "actor", "subject"))
        expect(whole, message, expected="time, actor, subject, result", actual=str(found[:1]))
    for earlier, later in itertools.pairwise(records):
        expect(later["previous"] == earlier["digest"], "every audit record must be tied to the one before it")


def _audit(ledger: Ledger) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(100):
        page = ledger.ask("audit", "", **({"cursor": cursor} if cursor else {}))
        records += page["items"]
        cursor = page.get("next")
        if not cursor:
            return records
    raise Inconclusive("the audit log has more than 100 pages", blame="PRODUCT")
