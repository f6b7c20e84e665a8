"""Records: what is written stays as written, can be recomputed by anyone, and is the same on every node."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from conformance.sdk import (
    Accepted,
    Candidate,
    Effect,
    Evidence,
    Params,
    check,
    describe,
    expect,
    must_accept,
)
from conformance_ledger.ledger import Ledger
from conformance_ledger.oracle import NeutralProfile

_READS = ("ledger.head", "ledger.block")
_WRITES = (*_READS, "ledger.submit", "ledger.receipt")


@check("LED-L01", requirement="LED-7.2-1", needs=_READS)
def every_block_hash_is_that_of_its_header(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """
    Data is kept in hash-nested blocks, so that none can be changed without changing all that follow.

    Every recent header is hashed here in the declared encoding; the result must be the block's hash and the next
    block's parent.
    """
    ledger = Ledger(candidate, evidence, params)
    previous: str | None = None
    blocks = ledger.recent()
    for block in blocks:
        height, own = (
            block["height"],
            ledger.computed(partial(ledger.profile.header_hash, block), "a header"),
        )
        expect(
            own == str(block["hash"]).lower(),
            f"the hash of block {height} must be that of its header",
            expected=own,
            actual=str(block["hash"]),
        )
        parent = ledger.computed(partial(ledger.profile.stated_parent, block), "a parent")
        linked = previous is None or parent == previous
        expect(linked, f"block {height} must name its predecessor's hash as parent", expected=previous, actual=parent)
        previous = own
    evidence.note("headers recomputed", [blocks[0]["height"], blocks[-1]["height"]])


@check(
    "LED-L02",
    requirement="LED-7.2-1",
    needs=_WRITES,
    claims=("ledger.transfers",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def every_transaction_root_is_that_of_its_transactions(
    candidate: Candidate, evidence: Evidence, params: Params
) -> None:
    """
    A block's header commits to all of its transactions: the root, recomputed from the raw transactions, must be the
    one that the header states. A transfer made by this check is among them.
    """
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    ledger.pay(payer, payee.account, 7)
    counted = 0
    for block in ledger.recent():
        stated = ledger.computed(partial(ledger.profile.stated_transactions_root, block), "a header")
        own = ledger.computed(partial(ledger.profile.transactions_root, block), "a transaction root")
        message = f"the transaction root of block {block['height']} must be that of its transactions"
        expect(own == stated, message, expected=own, actual=stated)
        counted += len(block["transactions"])
    expect(counted > 0, "recent blocks must hold the transaction that was just made final")
    evidence.note("transactions under recomputed roots", counted)


@check(
    "LED-L03",
    requirement="LED-14.3.2-1",
    needs=(*_WRITES, "ledger.proof"),
    claims=("ledger.transfers",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def an_inclusion_proof_convinces_a_stranger(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """
    Whoever holds a header can verify that a transaction is in the block, without trusting the node.

    The proof is followed with the suite's own code; the same proof must fail for an altered transaction, and there is
    no proof for a transaction that does not exist.
    """
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    signed = ledger.pay(payer, payee.account, 11)
    proof = must_accept(
        ledger.at().call("ledger.proof", transaction=signed.id), "a committed transaction must have an inclusion proof"
    )
    block = ledger.block(int(proof["height"]))
    root = ledger.computed(lambda: ledger.profile.stated_transactions_root(block), "the header's transaction root")
    own = [item for item in block["transactions"] if ledger.profile.transaction_id(item) == signed.id]
    expect(
        len(own) == 1, "the block that the proof names must hold the transaction once", expected="1", actual=len(own)
    )
    holds = ledger.computed(lambda: ledger.profile.proof_leads_to(own[0], proof, root), "the inclusion proof")
    expect(holds, "the inclusion proof must lead from the transaction to the header's root", actual=str(proof))
    for other in (item for item in block["transactions"] if item is not own[0]):
        expect(not ledger.profile.proof_leads_to(other, proof, root), "a proof must hold for its transaction alone")
    absent = ledger.at().call("ledger.proof", transaction="0" * len(signed.id))
    message = "a transaction that does not exist must have no inclusion proof"
    expect(not isinstance(absent, Accepted), message, expected="a refusal", actual=describe(absent))


@check(
    "LED-L04",
    requirement="LED-10.4-1",
    needs=(*_WRITES, "ledger.state", "ledger.call"),
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def a_plain_read_equals_the_proven_state(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """
    The validity of data can be checked on each node: a balance that is read plainly must be the one that a proof
    leads from to the state root of the head, before and after a transfer.
    """
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(500), ledger.open(0)
    for amount in (0, 120):
        if amount:
            ledger.pay(payer, payee.account, amount)
        for node in ledger.nodes:
            plain = ledger.balance(payee.account, node)
            proven = _proven_balance(ledger, payee.account, node)
            message = f"the balance that {node} reads out must be the one it can prove"
            expect(plain == proven == amount, message, expected=f"{amount} proven: {proven}", actual=f"read: {plain}")


def _proven_balance(ledger: Ledger, account: str, node: str) -> int:
    key = f"account/{account}"
    proof = ledger.ask("state", node, key=key)
    root = ledger.neutral.stated_state_root(ledger.block(int(proof["height"]), node))
    holds = ledger.computed(lambda: ledger.neutral.state_leads_to(key, proof["value"], proof, root), "a state proof")
    expect(holds, f"the state proof of {node} must lead to the state root in its header")
    return int(ledger.neutral.state_value(proof["value"])["balance"])


@check("LED-L07", requirement="LED-11.5-1", needs=_READS)
def every_node_has_the_same_block_at_every_height(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """The same transactions lead to the same result everywhere: one hash and one state root per final height."""
    ledger = Ledger(candidate, evidence, params)
    common = min(ledger.height(node) for node in ledger.nodes)
    lowest = max(int(ledger.declared.get("first_height", 0)), common - ledger.blocks_max + 1)
    for height in range(lowest, common + 1):
        seen = {node: _identity(ledger, ledger.block(height, node)) for node in ledger.nodes}
        message = f"all nodes must have the same block and state at height {height}"
        expect(len(set(seen.values())) == 1, message, expected="one hash and state root", actual=str(seen))
    evidence.note("heights compared on every node", [lowest, common, len(ledger.nodes)])


def _identity(ledger: Ledger, block: Mapping[str, Any]) -> tuple[str, str]:
    return str(block["hash"]).lower(), ledger.computed(lambda: ledger.profile.stated_state_root(block), "a header")


@check(
    "LED-L08",
    requirement="LED-10.1-1",
    needs=_WRITES,
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def a_block_without_transactions_changes_nothing(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Nobody changes data but by a transaction: an empty block must leave the state root as it was."""
    ledger = Ledger(candidate, evidence, params)
    ledger.open(300)
    ledger.await_empty_block()
    previous, empty = "", 0
    for block in ledger.recent():
        root = ledger.computed(partial(ledger.profile.stated_state_root, block), "a header")
        if previous and not block["transactions"]:
            empty += 1
            message = f"block {block['height']} holds no transaction and must leave the state as it was"
            expect(root == previous, message, expected=previous, actual=root)
        previous = root
    evidence.note("empty blocks compared", empty)


@check("LED-L10", requirement="LED-7.9-1", needs=_READS, effects=Effect.MONEY)
def block_times_rise_and_follow_the_clock(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """
    Time stamps of nodes differ within what consensus tolerates.

    Block times rise from block to block, the last lies no further ahead than the declared skew, and a client whose
    clock runs a day ahead cannot move them.
    """
    ledger = Ledger(candidate, evidence, params)
    skew_ms = int(ledger.declared.get("clock_skew_ms_max", params["clock_skew_ms_max"]))
    if isinstance(ledger.profile, NeutralProfile):
        _submit_from_tomorrow(ledger)
    previous = -1
    for block in ledger.recent():
        own = ledger.computed(partial(ledger.profile.time_ms, block), "a block time")
        expect(own > previous, f"the time of block {block['height']} must lie after its parent's", actual=own)
        previous = own
    ahead = previous - int(time.time() * 1000)
    message = "the last block's time must not lie ahead of the clock by more than the declared skew"
    expect(ahead <= skew_ms, message, expected=f"at most {skew_ms} ms", actual=f"{ahead} ms")


def _submit_from_tomorrow(ledger: Ledger) -> None:
    payer, payee = ledger.open(), ledger.open(0)
    ledger.pay(payer, payee.account, 1)
    ledger.submit(ledger.transfer(payer, payee.account, 1, time=int(time.time() * 1000) + 86_400_000))
    ledger.prepare_control()
    ledger.control()


@check(
    "LED-L13",
    requirement="LED-7.7-1",
    needs=(*_WRITES, "ledger.transaction"),
    claims=("ledger.transfers",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def all_ways_to_a_transaction_agree(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """The interface is complete and consistent: by id, by receipt and by its place in the block, one transaction."""
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    signed = ledger.pay(payer, payee.account, 13)
    for node in ledger.nodes:
        receipt = ledger.ask("receipt", node, transaction=signed.id)
        read = ledger.ask("transaction", node, transaction=signed.id)
        block = ledger.block(int(receipt["height"]), node)
        listed = [ledger.profile.transaction_id(item) for item in block["transactions"]]
        actual = {
            "index": int(receipt["index"]),
            "height": int(read["height"]),
            "id": ledger.profile.transaction_id(read["transaction"]),
        }
        wanted = {"index": listed.index(signed.id), "height": int(block["height"]), "id": signed.id}
        message = f"receipt, transaction and block of {node} must name the same place"
        expect(actual == wanted, message, expected=wanted, actual=actual)
