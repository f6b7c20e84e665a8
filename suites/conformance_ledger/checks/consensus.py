"""Consensus: progress while few enough nodes fail, none while too many do, and a record of who agreed to what."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from conformance.sdk import (
    Candidate,
    Effect,
    Evidence,
    Finding,
    Inconclusive,
    NotTested,
    Params,
    check,
    eventually,
    expect,
    must_accept,
)
from conformance_ledger.ledger import Ledger
from conformance_ledger.oracle.profile import power_of
from conformance_ledger.transactions import Signed

_WRITES = ("ledger.head", "ledger.block", "ledger.submit", "ledger.receipt")


def _quiet(ledger: Ledger, signed: Signed, nodes: Collection[str], hold_s: float, because: str) -> None:
    """Fail if the transaction becomes final on one of ``nodes`` within ``hold_s``."""
    try:
        found = eventually(lambda: ledger.committed(signed.id, nodes) or None, deadline_s=hold_s, what="a commit")
    except Finding:
        return
    raise Finding(f"must not be committed: {because}", expected="on no node", actual=str(sorted(found)))


@check(
    "LED-C02",
    requirement="LED-7.3-2",
    needs=_WRITES,
    claims=("ledger.transfers",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
    deadline_s=90,
)
def transactions_are_final_within_the_declared_time(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Consensus is reached correctly within a stated time: each of a series of transfers, submission to finality."""
    ledger = Ledger(candidate, evidence, params)
    limit_ms = int(ledger.declared.get("finality_ms_max", params["finality_ms_max"]))
    payer, payee = ledger.open(), ledger.open(0)
    took: list[int] = []
    for _ in range(int(params["finality_samples"])):
        signed = ledger.transfer(payer, payee.account, 1)
        begun = time.monotonic()
        ledger.send(signed)
        ledger.settled(signed.id, "a transfer", ledger.nodes[:1])
        took.append(int((time.monotonic() - begun) * 1000))
        message = "a transaction must be final within the declared time"
        expect(took[-1] <= limit_ms, message, expected=f"at most {limit_ms} ms", actual=f"{took[-1]} ms")
    evidence.note("milliseconds to finality", took)


@check(
    "LED-C03",
    requirement="LED-7.3-3",
    needs=_WRITES,
    claims=("ledger.transfers",),
    hooks=("ledger_account", "stop", "start"),
    effects=Effect.DISRUPTIVE,
    deadline_s=90,
)
def the_ledger_works_while_few_enough_nodes_fail(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """While no more nodes are faulty than the theory allows, consensus goes on and nothing acknowledged is lost."""
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    ledger.pay(payer, payee.account, 1)
    tolerated = int(ledger.declared.get("faults_tolerated", (len(ledger.nodes) - 1) // 3))
    down, alive = ledger.nodes[len(ledger.nodes) - tolerated :], ledger.nodes[: len(ledger.nodes) - tolerated]
    try:
        for node in down:
            ledger.hook("stop", node=node)
        signed = ledger.transfer(payer, payee.account, 2)
        ledger.send(signed, alive[0])
        _progresses(ledger, signed, alive, f"a transaction must become final while {', '.join(down)} is down")
    finally:
        for node in down:
            ledger.hook("start", node=node)
    for node in down:
        ledger.caught_up(node, alive[0])
        lost = f"{node} must hold what was acknowledged while it was down"
        expect(bool(ledger.committed(signed.id, [node])), lost)


def _progresses(ledger: Ledger, signed: Signed, nodes: Collection[str], message: str) -> None:
    try:
        ledger.settled(signed.id, "a transfer", nodes)
    except Inconclusive as never:
        raise Finding(message, expected="final on the running nodes", actual=never.reason) from never


@check(
    "LED-C04",
    requirement="LED-11.9-1",
    needs=_WRITES,
    claims=("ledger.transfers",),
    hooks=("ledger_account", "stop", "start"),
    effects=Effect.DISRUPTIVE,
    deadline_s=90,
)
def without_a_quorum_nothing_is_final(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """With one more node down than is tolerated nothing becomes final; when they return, the ledger goes on."""
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    ledger.pay(payer, payee.account, 1)
    tolerated = int(ledger.declared.get("faults_tolerated", (len(ledger.nodes) - 1) // 3))
    alive, down = ledger.nodes[: -(tolerated + 1)], ledger.nodes[-(tolerated + 1) :]
    try:
        for node in down:
            ledger.hook("stop", node=node)
        signed = ledger.transfer(payer, payee.account, 2)
        ledger.send(signed, alive[0])
        _quiet(ledger, signed, alive, int(params["hold_ms"]) / 1000, "too few nodes are running for a quorum")
    finally:
        for node in down:
            ledger.hook("start", node=node)
    _progresses(ledger, signed, ledger.nodes, "the ledger must go on when a quorum is running again")


@check(
    "LED-C05",
    requirement="LED-11.8-2",
    needs=_WRITES,
    claims=("ledger.transfers",),
    hooks=("ledger_account", "partition"),
    effects=Effect.DISRUPTIVE,
    deadline_s=90,
)
def a_cut_off_node_commits_nothing_and_catches_up(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A disconnected node makes nothing final on its own, and loses nothing when it is connected again."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee = ledger.open(), ledger.open(0)
    alone, rest = ledger.nodes[-1], ledger.nodes[:-1]
    signed = ledger.transfer(payer, payee.account, 9)
    ledger.hook("partition", sides=[[alone], list(rest)])
    try:
        ledger.submit(signed, alone)
        ledger.control(rest)
        _quiet(ledger, signed, [alone], int(params["hold_ms"]) / 1000, f"{alone} was cut off from every other node")
    finally:
        ledger.hook("partition", sides=[])
    ledger.caught_up(alone, rest[0])
    height = min(ledger.height(alone), ledger.height(rest[0]))
    mine, theirs = ledger.block(height, alone)["hash"], ledger.block(height, rest[0])["hash"]
    expect(mine == theirs, f"{alone} must have its peers' chain after the cut", expected=theirs, actual=mine)


@check(
    "LED-C07",
    requirement="LED-11.6-1",
    needs=_WRITES,
    claims=("ledger.accounts",),
    hooks=("ledger_account", "ledger_misbehave"),
    effects=Effect.DISRUPTIVE,
    deadline_s=90,
)
def a_forged_state_is_never_agreed_to(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """No state can be forged under the tolerance: honest nodes execute a block themselves before they agree to it."""
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(400), ledger.open(0)
    ledger.hook("ledger_misbehave", node=ledger.nodes[0], kind="bad-state-root")
    begun = ledger.height()
    for _ in ledger.nodes:
        ledger.pay(payer, payee.account, 1)
        ledger.await_empty_block()
    previous = ""
    for height in range(begun, ledger.height() + 1):
        block = ledger.block(height)
        root = ledger.neutral.stated_state_root(block)
        explained = not previous or block["transactions"] or root == previous
        message = f"the nodes must not agree to a state root that execution does not lead to (up to block {height})"
        expect(bool(explained), message, expected=previous, actual=root)
        previous = root
    evidence.note("blocks examined after the forgery", [begun, height])


@check(
    "LED-C08",
    requirement="LED-11.10-1",
    needs=("ledger.head", "ledger.block", "ledger.commit", "ledger.validators"),
    effects=Effect.MONEY,
)
def every_block_has_a_quorum_of_valid_signatures(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """
    The result of every round can be audited: for each recent block, validators with more than two thirds of the power
    have each signed once, and every signature is verified here with the suite's own code.
    """
    ledger = Ledger(candidate, evidence, params)
    ledger.make_history()
    checked = 0
    for height in _recent_heights(ledger, int(params["commits_max"])):
        validators = _validators(ledger, height)
        total = sum(power_of(item) for item in validators.values())
        commit = must_accept(
            ledger.at().call("ledger.commit", height=height), f"the signatures of block {height} must be available"
        )
        recomputed = ledger.computed(partial(ledger.profile.header_hash, ledger.block(height)), "a header")
        same = str(commit["block"]).lower() == recomputed
        expect(same, f"the commit of block {height} must be about that block", expected=recomputed)
        power = _signed_power(ledger, commit, validators)
        message = f"block {height} must be signed by distinct validators with more than two thirds of the power"
        expect(power * 3 > total * 2, message, expected=f"more than {total * 2 // 3} of {total}", actual=power)
        checked += len(commit["votes"])
    evidence.note("commit signatures verified", checked)


def _validators(ledger: Ledger, height: int) -> dict[str, Mapping[str, Any]]:
    """Return who could sign at that height, by name: the set may have changed since."""
    return {str(item["name"]): item for item in ledger.ask("validators", height=height)["items"]}


def _recent_heights(ledger: Ledger, count: int) -> range:
    """Return the last heights that have a commit of their own; the first block is agreed outside the ledger."""
    tip = ledger.height()
    lowest = max(int(ledger.declared.get("first_height", 0)) + 1, tip - count + 1)
    if tip < lowest:
        raise NotTested("the chain has no block after its first")
    return range(lowest, tip + 1)


def _signed_power(ledger: Ledger, commit: Mapping[str, Any], validators: Mapping[str, Mapping[str, Any]]) -> int:
    signers: set[str] = set()
    for vote in commit["votes"]:
        name = str(vote["validator"])
        known = name in validators
        message = f"every signature of block {commit['height']} must be a listed validator's, and each one's only once"
        expect(known and name not in signers, message, expected="distinct validators", actual=name)
        valid = ledger.computed(partial(ledger.profile.vote_valid, vote, commit, validators[name]), "a vote")
        expect(valid, f"the signature of {name} on block {commit['height']} must be valid")
        signers.add(name)
    return sum(power_of(validators[name]) for name in signers)


@check(
    "LED-C11",
    requirement="LED-11.10-1",
    needs=("ledger.head", "ledger.block", "ledger.commit", "ledger.validators"),
    effects=Effect.MONEY,
)
def the_record_of_every_round_is_kept(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """The whole history of consensus can be audited: proposer, round and signers of any height, not only the last."""
    ledger = Ledger(candidate, evidence, params)
    ledger.make_history()
    heights = _recent_heights(ledger, ledger.blocks_max)
    for height in heights:
        message = f"proposer, round and signers of block {height} must still be known"
        commit = must_accept(ledger.at().call("ledger.commit", height=height), message)
        whole = (
            commit["proposer"] in _validators(ledger, height) and int(commit["round"]) >= 0 and bool(commit["votes"])
        )
        expect(whole, message, actual=str({key: commit.get(key) for key in ("proposer", "round")}))
    evidence.note("rounds found", [heights.start, heights.stop - 1])


def _links(ledger: Ledger) -> dict[str, set[str]]:
    """Return the nodes that each node says it is connected to, those of the candidate file only."""
    peers = {node: {str(item["name"]) for item in ledger.ask("peers", node)["items"]} for node in ledger.nodes}
    return {node: names & set(ledger.nodes) - {node} for node, names in peers.items()}


@check("LED-C13", requirement="LED-7.4-3", needs=("ledger.peers",))
def every_node_has_two_connections(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Every node is connected to at least two others."""
    ledger = Ledger(candidate, evidence, params)
    for node, names in _links(ledger).items():
        message = f"{node} must be connected to at least two other nodes"
        expect(len(names) >= 2, message, expected="2 or more", actual=str(sorted(names)))


@check("LED-C14", requirement="LED-6.3.1-2", needs=("ledger.peers",))
def no_single_node_holds_the_network_together(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """The failure of one node must not isolate part of the network: without any one, the rest is still connected."""
    ledger = Ledger(candidate, evidence, params)
    links = _links(ledger)
    for missing in ledger.nodes:
        rest = set(ledger.nodes) - {missing}
        message = f"without {missing} the other nodes must still reach each other"
        reached = _reached(links, min(rest), missing)
        expect(reached == rest, message, expected=str(sorted(rest)), actual=str(sorted(reached)))


def _reached(links: Mapping[str, set[str]], start: str, missing: str) -> set[str]:
    reached, edge = {start}, [start]
    while edge:
        node = edge.pop()
        both_ways = links[node] | {name for name, names in links.items() if node in names}
        fresh = both_ways - reached - {missing}
        reached |= fresh
        edge += fresh
    return reached


@check(
    "LED-O01",
    requirement="LED-16.3-1",
    needs=("ledger.peers", "ledger.head"),
    hooks=("stop", "start"),
    effects=Effect.DISRUPTIVE,
    deadline_s=60,
)
def a_stopped_node_is_noticed(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """The state of nodes and links is monitored: a stopped node disappears from its peers' view, and comes back."""
    ledger = Ledger(candidate, evidence, params)
    node, watcher = ledger.nodes[-1], ledger.nodes[0]

    def seen() -> bool:
        return node in {str(item["name"]) for item in ledger.ask("peers", watcher)["items"]}

    ledger.hook("stop", node=node)
    try:
        eventually(
            lambda: not seen(), deadline_s=float(params["alarm_s"]), what=f"{watcher} noticing that {node} is down"
        )
    finally:
        ledger.hook("start", node=node)
    eventually(seen, deadline_s=ledger.patience_s, what=f"{watcher} seeing {node} again")
