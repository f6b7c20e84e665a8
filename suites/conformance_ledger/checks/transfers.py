"""Transfers: each takes effect once, where it was meant, by the one who may, or not at all."""

from __future__ import annotations

from conformance.sdk import (
    Accepted,
    Candidate,
    Effect,
    Evidence,
    Params,
    Prepared,
    Refused,
    check,
    describe,
    expect,
)
from conformance_ledger.ledger import Ledger
from conformance_ledger.oracle.signatures import ED25519_ORDER
from conformance_ledger.transactions import Payer, Signed

_NEEDS = ("ledger.head", "ledger.submit", "ledger.receipt", "ledger.call")


def _applied_once(ledger: Ledger, signed: Signed, payer: Payer, before: int, amount: int, how: str) -> None:
    """Fail unless the payer was debited ``amount`` once on every node, after further blocks."""
    ledger.control()
    for node, (left,) in ledger.balances(payer.account).items():
        message = f"a transaction must take effect once: {how}"
        expect(left == before - amount, message, expected=f"{before - amount} at {node}", actual=left)


@check(
    "LED-X01",
    requirement="LED-6.3.2-2",
    needs=_NEEDS,
    claims=("ledger.transfers",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def a_repeated_transaction_takes_effect_once(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """The channel and the ledger resist replay: the same signed bytes, sent twice to one node, move money once."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee = ledger.open(1_000), ledger.open(0)
    before = ledger.balance(payer.account)
    signed = ledger.pay(payer, payee.account, 100)
    spent = before - ledger.balance(payer.account)
    evidence.note("answer to the repetition", describe(ledger.submit(signed)))
    _applied_once(ledger, signed, payer, before, spent, "repeated to the same node")


@check(
    "LED-X02",
    requirement="LED-6.3.2-2",
    needs=_NEEDS,
    claims=("ledger.transfers",),
    hooks=("ledger_account", "stop", "start"),
    effects=Effect.DISRUPTIVE,
    deadline_s=90,
)
def a_replay_elsewhere_or_later_has_no_effect(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A replay is known on every node, and still known after every node has been restarted in turn."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee = ledger.open(1_000), ledger.open(0)
    before = ledger.balance(payer.account)
    signed = ledger.pay(payer, payee.account, 100)
    spent = before - ledger.balance(payer.account)
    for node in ledger.nodes[1:]:
        ledger.submit(signed, node)
    _applied_once(ledger, signed, payer, before, spent, "replayed to another node")
    for node in ledger.nodes:
        ledger.hook("stop", node=node)
        ledger.hook("start", node=node)
        ledger.caught_up(node, next(name for name in ledger.nodes if name != node))
    ledger.submit(signed)
    _applied_once(ledger, signed, payer, before, spent, "replayed after every node was restarted")


@check(
    "LED-X03",
    requirement="LED-6.3.2-2",
    needs=_NEEDS,
    claims=("ledger.transfers",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def a_transaction_for_another_chain_is_refused(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A transaction is bound to its chain: validly signed for another one, it is never committed here."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee = ledger.open(), ledger.open(0)
    foreign = ledger.transfer(payer, payee.account, 50, chain="another-chain-9", nonce=payer.nonce)
    for node in ledger.nodes:
        ledger.submit(foreign, node)
    ledger.must_not_commit(foreign, "it was signed for another chain")
    ledger.pay(payer, payee.account, 50)


@check(
    "LED-X04",
    requirement="LED-10.2-1",
    needs=_NEEDS,
    claims=("ledger.accounts",),
    hooks=("ledger_account", "partition"),
    effects=Effect.DISRUPTIVE,
    deadline_s=60,
)
def of_two_conflicting_spends_one_wins(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """
    All accounting nodes agree: the same money, promised to two payees on two sides of a divided network, is spent
    once when the network is whole again, and the total is what it was.
    """
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, one, other = ledger.open(100), ledger.open(0), ledger.open(0)
    half = len(ledger.nodes) // 2
    left, right = ledger.nodes[:half], ledger.nodes[half:]
    spends = [ledger.transfer(payer, payee.account, 100, nonce=payer.nonce) for payee in (one, other)]
    ledger.hook("partition", sides=[list(left), list(right)])
    try:
        for spend, side in zip(spends, (left, right), strict=True):
            ledger.submit(spend, side[0])
    finally:
        ledger.hook("partition", sides=[])
    ledger.control()
    for node, found in ledger.balances(payer.account, one.account, other.account).items():
        message = f"of two spends of the same money exactly one must take effect ({node})"
        expect(sorted(found) == [0, 0, 100] and found[0] == 0, message, expected="0, and 100 once", actual=str(found))


@check(
    "LED-X05",
    requirement="LED-7.3-1",
    needs=_NEEDS,
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def transactions_of_an_account_keep_their_order(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Transactions are packaged in order: one whose turn has not come waits, one whose turn is past is refused."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee = ledger.open(), ledger.open(0)
    second = ledger.transfer(payer, payee.account, 20, nonce=payer.nonce + 1)
    first = ledger.transfer(payer, payee.account, 10, nonce=payer.nonce)
    ledger.submit(second)
    ledger.must_not_commit(second, "a gap in the account's numbers comes before it")
    ledger.submit(first)
    ledger.settled(first.id, "the transaction whose turn it is")
    ledger.submit(second)
    ledger.settled(second.id, "the transaction that had waited")
    late = ledger.transfer(payer, payee.account, 30, nonce=payer.nonce)
    ledger.submit(late)
    ledger.must_not_commit(late, "another transaction has used its number")


@check(
    "LED-X06",
    requirement="LED-8.4-1",
    needs=_NEEDS,
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def only_the_right_signature_counts(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Authenticity: flipped, cut, empty, foreign and malleated signatures are worth nothing; the true one is."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee, mallory = ledger.open(), ledger.open(0), ledger.open()
    signed = ledger.transfer(payer, payee.account, 60)
    for forged in _forgeries(ledger, signed, mallory):
        for node in ledger.nodes:
            ledger.submit(signed.with_signature(forged), node)
    ledger.must_not_commit(signed, "its signature is not that of the sender's key")
    ledger.submit(signed)
    ledger.settled(signed.id, "the same transaction with its true signature")


def _forgeries(ledger: Ledger, signed: Signed, mallory: Payer) -> list[bytes]:
    true = signed.signature
    flipped = true[:-1] + bytes([true[-1] ^ 1])
    forged = [flipped, true[:-1], b"", bytes(len(true))]
    if mallory.key is not None:
        forged.append(mallory.key.sign(ledger.neutral.encoded("transaction", signed.transaction)))
        if mallory.key.algorithm == "ed25519":
            s = int.from_bytes(true[32:], "little") + ED25519_ORDER
            forged.append(true[:32] + s.to_bytes(32, "little"))
    return forged


@check(
    "LED-X07",
    requirement="LED-13.5.1-1",
    needs=_NEEDS,
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def nobody_spends_in_anothers_name(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Each transaction carries its account's unique id: one that names another's account as sender is refused."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    victim, mallory = ledger.open(), ledger.open(0)
    forged = ledger.transfer(mallory, mallory.account, 70, **{"from": victim.account, "nonce": victim.nonce})
    for node in ledger.nodes:
        ledger.submit(forged, node)
    ledger.must_not_commit(forged, "the key that signed it is not its sender's")
    ledger.pay(victim, mallory.account, 70)


@check(
    "LED-X08",
    requirement="LED-8.3-1",
    needs=_NEEDS,
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
    deadline_s=60,
)
def no_amount_makes_money(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Data is checked before it is processed: negative, zero, huge and uncovered amounts move nothing anywhere."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee = ledger.open(1_000), ledger.open(1_000)
    amounts = (-5, 0, 1_001, 2**63, 2**64 - 5, 2**64 + 5, 2**256, 2.5, "10", True)
    tries = [ledger.transfer(payer, payee.account, amount, nonce=payer.nonce) for amount in amounts]
    for signed in tries:
        ledger.submit(signed)
    ledger.control()
    for amount, signed in zip(amounts, tries, strict=True):
        expect(
            not ledger.committed(signed.id), f"must not be committed: an amount of {amount!r} ({type(amount).__name__})"
        )
    for node, found in ledger.balances(payer.account, payee.account).items():
        expect(found == (1_000, 1_000), f"refused amounts must move nothing at {node}", actual=str(found))
    ledger.pay(payer, payee.account, 10)


@check(
    "LED-X09",
    requirement="LED-6.3.2-2",
    needs=_NEEDS,
    claims=("ledger.accounts",),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def an_expired_transaction_stays_out(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A transaction is valid up to the block it names: sent later, it is not committed."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    payer, payee = ledger.open(), ledger.open(0)
    expired = ledger.transfer(payer, payee.account, 40, valid_until=ledger.height() - 1, nonce=payer.nonce)
    for node in ledger.nodes:
        ledger.submit(expired, node)
    ledger.must_not_commit(expired, "its validity window had passed")
    ledger.pay(payer, payee.account, 40)


@check(
    "LED-X10",
    requirement="LED-11.7-1",
    needs=_NEEDS,
    claims=("ledger.accounts",),
    hooks=("ledger_account", "start"),
    effects=Effect.DISRUPTIVE,
)
def hostile_messages_do_no_harm(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Nodes cope with hostile messages: what is not a transaction is refused, and the node keeps working."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    node = ledger.nodes[-1]
    base = ledger.at(node).prepare("ledger.submit", transaction={})
    try:
        for name, message in _hostile(base):
            answer = message.send()
            sentence = f"a node must refuse a hostile message cleanly: {name}"
            expect(isinstance(answer, Refused), sentence, expected="a refusal (4xx)", actual=describe(answer))
        ledger.control()
    finally:
        if not isinstance(ledger.at(node).call("ledger.head"), Accepted):
            ledger.hook("start", node=node)


def _hostile(base: Prepared) -> list[tuple[str, Prepared]]:
    return [
        ("an empty object", base),
        ("half a document", base.with_bytes(b'{"transaction":')),
        ("nesting of 20000 levels", base.with_bytes(b"[" * 20_000)),
        ("bytes that are no text", base.with_bytes(bytes(range(128, 256)))),
        ("a number of 50000 digits", base.with_bytes(b'{"transaction":' + b"9" * 50_000 + b"}")),
        ("a document of one megabyte", base.with_bytes(b'{"transaction":"' + b"x" * 1_000_000 + b'"}')),
    ]
