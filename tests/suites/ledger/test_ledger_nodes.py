"""The reference ledger's nodes: they agree, keep what they agreed, and never make or lose money."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.sdk import Problem
from conformance_ledger.reference import sm
from conformance_ledger.reference.ledger import CHAIN, NODES, Ledger
from conformance_ledger.reference.messages import Gossip
from conformance_ledger.reference.state import account_id
from conformance_ledger.reference.transactions import Rejected, Transaction, parse


class _Faults:
    def __init__(self) -> None:
        self.active: set[str] = set()

    def on(self, fault: str) -> bool:
        return fault in self.active


class _Clock:
    """A clock that moves when a test says so, or by a millisecond when it is read."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def now(self) -> datetime:
        self.ms += 1
        return datetime.fromtimestamp(self.ms / 1000, UTC)


class _Host:
    def __init__(self) -> None:
        self.faults = _Faults()
        self.clock = _Clock()

    def seed(self, name: str) -> bytes:
        return hashlib.sha256(name.encode()).digest()


class World:
    """A ledger whose network is stepped by hand, without a thread."""

    def __init__(self) -> None:
        self.host = _Host()
        self.ledger = Ledger(self.host)  # type: ignore[arg-type]
        self.nodes = self.ledger.network.nodes

    def run(self, steps: int = 60) -> None:
        for _ in range(steps):
            self.host.clock.ms += 20
            self.ledger.network.step()

    def open(self, name: str, balance: int) -> tuple[bytes, str]:
        private = sm.private_key(hashlib.sha256(name.encode()).digest())
        key = sm.public_key(private).hex()
        self.ledger.open_account({"public_key": key, "balance": balance})
        self.run()
        return private, account_id(key)

    def transfer(self, private: bytes, to: str, amount: int, nonce: int) -> Transaction:
        key = sm.public_key(private).hex()
        values: dict[str, Any] = {
            "chain": CHAIN, "group": "settlement", "kind": "transfer", "from": account_id(key), "to": to,
            "amount": amount, "nonce": nonce, "time": 1, "valid_until": 10_000, "public_key": key, "data": "",
        }  # fmt: skip
        unsigned = Transaction(values, "")
        return Transaction(values, sm.sign(private, unsigned.signing_bytes).hex())

    def balance(self, node: str, account: str) -> int:
        return self.nodes[node].chain.state.accounts[account].balance

    def heads(self) -> set[tuple[int, str]]:
        return {(node.chain.head.height, node.chain.head.hash) for node in self.nodes.values()}

    def total(self, node: str) -> int:
        return sum(account.balance for account in self.nodes[node].chain.state.accounts.values())


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.ledger.stop()


def test_four_nodes_agree_on_a_block_signed_by_a_quorum(world: World) -> None:
    private, payer = world.open("payer", 100)
    _, payee = world.open("payee", 0)
    signed = world.transfer(private, payee, 40, 0)
    world.nodes["node3"].submit(signed)
    world.run()
    assert len(world.heads()) == 1
    for node in world.nodes.values():
        block, _ = node.chain.find(signed.id)
        assert len({vote.validator for vote in block.votes}) >= 3
        assert (world.balance(node.name, payer), world.balance(node.name, payee)) == (60, 40)


def test_an_idle_ledger_makes_one_empty_block_and_rests(world: World) -> None:
    world.open("payer", 100)
    before = world.heads()
    world.run(200)
    assert world.heads() == before
    assert not any(node.has_work() for node in world.nodes.values())
    assert world.nodes["node1"].chain.head.transactions == ()


def test_a_restarted_node_reads_verifies_and_has_the_same_head(world: World) -> None:
    world.open("payer", 100)
    before = world.heads()
    world.ledger.node_hook("stop", {"node": "node2"})
    world.ledger.node_hook("start", {"node": "node2"})
    assert world.heads() == before


def test_a_tampered_log_is_cut_reported_and_fetched_again(world: World) -> None:
    world.open("payer", 100)
    before = world.heads()
    world.ledger.node_hook("stop", {"node": "node4"})
    world.ledger.tamper({"node": "node4", "height": 1})
    world.ledger.node_hook("start", {"node": "node4"})
    assert world.nodes["node4"].chain.head.height == 0
    world.run()
    assert world.heads() == before
    results = [(item["action"], item["result"]) for item in world.nodes["node4"].events.records]
    assert ("integrity-check", "failed") in results
    assert ("resynchronise", "success") in results


def test_a_divided_network_stops_and_a_healed_one_goes_on(world: World) -> None:
    private, _ = world.open("payer", 100)
    _, payee = world.open("payee", 0)
    before = world.heads()
    world.ledger.partition({"sides": [["node1", "node2"], ["node3", "node4"]]})
    world.nodes["node1"].submit(world.transfer(private, payee, 10, 0))
    world.nodes["node3"].submit(world.transfer(private, payee, 20, 0))
    world.run(300)
    assert world.heads() == before
    world.ledger.partition({"sides": []})
    world.run(400)
    assert len(world.heads()) == 1
    assert world.balance("node2", payee) in (10, 20)


def test_one_stopped_node_does_not_stop_the_others_and_catches_up(world: World) -> None:
    private, _ = world.open("payer", 100)
    _, payee = world.open("payee", 0)
    for name in NODES:
        world.ledger.node_hook("stop", {"node": name})
        signed = world.transfer(private, payee, 1, NODES.index(name))
        alive = next(node for node in world.nodes.values() if node.answering)
        alive.submit(signed)
        world.run(200)
        assert signed.id in alive.chain.places, f"no progress without {name}"
        world.ledger.node_hook("start", {"node": name})
        world.run(100)
        assert len(world.heads()) == 1


def test_a_forged_state_root_is_voted_down_and_the_next_proposer_goes_on(world: World) -> None:
    private, _ = world.open("payer", 100)
    _, payee = world.open("payee", 0)
    for name in NODES:
        world.ledger.misbehave({"node": name})
    signed = world.transfer(private, payee, 5, 0)
    world.nodes["node1"].submit(signed)
    world.run(600)
    assert all(signed.id in node.chain.places for node in world.nodes.values())
    assert all(node.chain.head.header["state_root"] == node.chain.state.root() for node in world.nodes.values())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"chain": "another"}, "wrong-chain"),
        ({"amount": 101}, "insufficient-balance"),
        ({"valid_until": 0}, "expired"),
        ({"to": "0" * 40}, "unknown-account"),
        ({"time": 10**15}, "future-dated"),
    ],
)
def test_what_may_not_be_is_refused_and_named(world: World, change: dict[str, Any], code: str) -> None:
    private, payer = world.open("payer", 100)
    values = {**world.transfer(private, payer, 1, 0).fields, **change}
    signed = Transaction(values, sm.sign(private, Transaction(values, "").signing_bytes).hex())
    with pytest.raises(Rejected) as caught:
        world.nodes["node1"].submit(signed)
    assert caught.value.code == code


def test_a_transaction_that_came_before_its_account_waits_for_it(world: World) -> None:
    _, payee = world.open("payee", 0)
    private = sm.private_key(hashlib.sha256(b"payer").digest())
    early = world.transfer(private, payee, 5, 0)
    for node in world.nodes.values():
        node.receive("node9", Gossip(early))
        assert early.id not in node.pool
        assert early.id not in node.rejected
    world.open("payer", 100)
    world.run()
    assert {world.balance(name, payee) for name in NODES} == {5}


def test_a_waiting_transaction_that_became_hopeless_is_dropped_and_named(world: World) -> None:
    private, payer = world.open("payer", 100)
    _, payee = world.open("payee", 0)
    # Both are acceptable when they come, and only one of them can be executed.
    one, other = (world.transfer(private, payee, amount, 0) for amount in (60, 70))
    node = world.nodes["node1"]
    node.submit(one)
    node.submit(other)
    world.run()
    dropped = other if one.id in node.chain.places else one
    assert dropped.id not in node.pool
    assert node.rejected[dropped.id] == "nonce-used"
    assert (payer, "submit", dropped.id, "refused") in {
        (item["actor"], item["action"], item["subject"], item["result"]) for item in node.events.records
    }


def test_hooks_refuse_what_they_do_not_know(world: World) -> None:
    with pytest.raises(Problem):
        world.ledger.node_hook("stop", {"node": "node9"})
    with pytest.raises(Problem):
        world.ledger.tamper({"node": "node1", "height": 1})


def test_nothing_is_left_on_disk_after_a_life(world: World) -> None:
    directory = world.nodes["node1"].log.path.parents[1]
    assert directory.exists()
    world.ledger.stop()
    assert not Path(directory).exists()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-5, 400), st.integers(0, 3), st.booleans()),
        max_size=10,
    )
)
def test_money_is_conserved_whatever_is_sent_to_whomever(orders: list[tuple[int, int, int, int, bool]]) -> None:
    world = World()
    try:
        held = [world.open(f"holder{number}", 200) for number in range(3)]
        nonces = [0, 0, 0]
        for payer, payee, amount, node, cut in orders:
            world.ledger.partition({"sides": [[NODES[node]], [n for n in NODES if n != NODES[node]]] if cut else []})
            signed = world.transfer(held[payer][0], held[payee][1], amount, nonces[payer])
            try:
                world.nodes[NODES[node]].submit(signed)
                nonces[payer] += 1
            except Rejected:
                pass
            world.run(8)
        world.ledger.partition({"sides": []})
        world.run(400)
        assert len(world.heads()) == 1
        for name in NODES:
            assert world.total(name) == 600
            assert all(account.balance >= 0 for account in world.nodes[name].chain.state.accounts.values())
    finally:
        world.ledger.stop()


def test_accounts_without_a_key_of_their_own_are_kept_here_and_signed_for(world: World) -> None:
    payer, payee = (world.ledger.open_account({"balance": balance})["account"] for balance in (50, 0))
    world.run()
    made = world.ledger.sign({"from": payer, "to": payee, "amount": 20, "nonce": 0})["transaction"]
    world.nodes["node2"].submit(parse({"transaction": made}, world.ledger.rule))
    world.run()
    assert (world.balance("node4", payer), world.balance("node4", payee)) == (30, 20)


def test_nobody_signs_for_an_account_that_is_not_kept_here(world: World) -> None:
    _, stranger = world.open("payer", 100)
    with pytest.raises(Problem, match="must be an account whose key is kept here"):
        world.ledger.sign({"from": stranger, "to": stranger, "amount": 1, "nonce": 0})


def test_under_the_fault_of_load_a_block_takes_longer_the_more_transactions_wait(world: World) -> None:
    private, _ = world.open("payer", 100)
    _, payee = world.open("payee", 0)
    world.host.faults.active = {"load.slow-finality"}
    steps = []
    for count, nonce in ((1, 0), (4, 1)):
        for number in range(count):
            world.nodes["node1"].submit(world.transfer(private, payee, 1, nonce + number))
        before = world.balance("node1", payee)
        steps.append(0)
        while world.balance("node1", payee) == before:
            world.run(1)
            steps[-1] += 1
    assert steps[1] > 2 * steps[0]
