"""Cryptography: the declared algorithms are the ones at work, and randomness is random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Candidate, Effect, Evidence, NotTested, Params, check, expect
from conformance_ledger.ledger import Ledger
from conformance_ledger.oracle.digests import sm3_elsewhere
from conformance_ledger.oracle.signatures import sm2_nonce_point, verifies

_SM3_ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
_RECEIPTS = ("ledger.head", "ledger.submit", "ledger.receipt", "ledger.validators")


@check("LED-K01", requirement="LED-8.1-1", needs=("ledger.info", "ledger.head", "ledger.block"), effects=Effect.MONEY)
def the_commercial_algorithms_are_at_work(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """
    Cryptography follows the national algorithms: digests by SM3 (GB/T 32905), signatures by SM2 (GB/T 32918).

    The product must name them, and the identifiers it shows must be SM3 digests by a second implementation, which is
    itself held against the published example of the standard.
    """
    ledger = Ledger(candidate, evidence, params)
    algorithms: Mapping[str, str] = ledger.ask("info")["algorithms"]
    expect(
        algorithms.get("hash") == "sm3", "the ledger must hash with SM3", expected="sm3", actual=algorithms.get("hash")
    )
    for use in ("transaction", "commit"):
        message = f"the ledger must use SM2 with SM3 for {use} signatures"
        expect(algorithms.get(use) == "sm2-sm3", message, expected="sm2-sm3", actual=algorithms.get(use))
    if sm3_elsewhere(b"abc").hex() != _SM3_ABC:
        raise NotTested("the second implementation of SM3 fails its published example", blame="HARNESS")
    ledger.make_history()
    compared = 0
    for block in ledger.recent():
        for item in block["transactions"]:
            own = sm3_elsewhere(ledger.neutral.encoded("transaction", item)).hex()
            expect(
                str(item["id"]) == own,
                "a transaction's id must be the SM3 digest of it",
                expected=own,
                actual=item["id"],
            )
            compared += 1
    evidence.note("identifiers recomputed with a second SM3", compared)


@check(
    "LED-K02",
    requirement="LED-8.6-1",
    needs=_RECEIPTS,
    claims=("ledger.receipts.signed", "ledger.accounts"),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def signature_randomness_never_repeats(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """
    Random numbers are random: each SM2 signature uses a fresh secret number, since two with the same one give the
    private key away. The point behind it is recovered from every receipt's signature, and none may come twice.
    """
    ledger, keys = Ledger(candidate, evidence, params), _receipt_keys(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    signed = ledger.pay(payer, payee.account, 2)
    points: set[tuple[str, int]] = set()
    wanted = int(params["signature_samples"])
    for _ in range(wanted):
        receipt = ledger.ask("receipt", "", transaction=signed.id)
        public, signature = bytes.fromhex(keys[receipt["node"]]), bytes.fromhex(receipt["signature"])
        points.add((receipt["node"], sm2_nonce_point(public, ledger.neutral.receipt_bytes(receipt), signature)))
    message = "no two signatures may be made with the same secret number"
    expect(len(points) == wanted, message, expected=f"{wanted} different", actual=f"{len(points)} different")


@check(
    "LED-X12",
    requirement="LED-8.5-1",
    needs=_RECEIPTS,
    claims=("ledger.receipts.signed", "ledger.accounts"),
    hooks=("ledger_account",),
    effects=Effect.MONEY,
)
def a_receipt_is_signed_by_its_node(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Non-repudiation by signature: each node's receipt is signed with the key registered for that node."""
    ledger, keys = Ledger(candidate, evidence, params), _receipt_keys(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    signed = ledger.pay(payer, payee.account, 4)
    for node in ledger.nodes:
        receipt: dict[str, Any] = ledger.ask("receipt", node, transaction=signed.id)
        message = f"the receipt of {node} must be signed with its registered key"
        known = receipt.get("node") == node and node in keys and bool(receipt.get("signature"))
        expect(known, message, actual=str(receipt.get("signature", ""))[:32] or "no signature")
        signature, public = bytes.fromhex(receipt["signature"]), bytes.fromhex(keys[node])
        algorithm = str(ledger.declared["algorithms"]["receipt"])
        valid = verifies(algorithm, public, ledger.neutral.receipt_bytes(receipt), signature)
        expect(valid, message, expected=f"a valid {algorithm} signature")


def _receipt_keys(candidate: Candidate, evidence: Evidence, params: Params) -> dict[str, str]:
    ledger = Ledger(candidate, evidence, params)
    if ledger.declared["algorithms"].get("receipt") != "sm2-sm3":
        raise NotTested("receipts are not signed with SM2", blame="CONFIG")
    return {str(item["name"]): str(item["public_key"]) for item in ledger.ask("validators")["items"]}
