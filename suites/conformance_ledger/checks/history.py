"""History: a node whose disk was altered or lost finds out and gets the true chain back from its peers."""

from __future__ import annotations

from conformance.sdk import Accepted, Candidate, Effect, Evidence, Finding, Params, check, describe, expect
from conformance_ledger.ledger import Ledger

_NEEDS = ("ledger.head", "ledger.block", "ledger.submit", "ledger.receipt")


def _altered_node(ledger: Ledger) -> tuple[str, int]:
    """Stop the last node, alter a block on its disk, start it; return its name and the block's height."""
    node, first = ledger.nodes[-1], ledger.nodes[0]
    payer, payee = ledger.open(), ledger.open(0)
    height = int(ledger.settled(ledger.pay(payer, payee.account, 5).id, "a transfer")[first]["height"])
    ledger.hook("stop", node=node)
    try:
        ledger.hook("ledger_tamper", node=node, height=height)
    finally:
        ledger.hook("start", node=node)
    return node, height


@check(
    "LED-L05",
    requirement="LED-7.2-2",
    needs=(*_NEEDS, "ledger.audit"),
    claims=("ledger.accounts",),
    hooks=("ledger_account", "ledger_tamper", "stop", "start", "wipe"),
    effects=Effect.DISRUPTIVE,
    deadline_s=60,
)
def an_altered_record_is_found(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Any record that was illegally altered is quickly found by tracing the history: the node says so in its log."""
    ledger = Ledger(candidate, evidence, params)
    before = _records(ledger, ledger.nodes[-1])
    node, height = _altered_node(ledger)
    try:
        late = _late(ledger, node)
        found = [item for item in _records(ledger, node)[len(before) :] if item.get("result") == "failed"]
        message = f"{node} must find and record that block {height} was altered on its disk"
        expect(any(str(height) in str(item.get("subject")) for item in found), message, actual=str(found[:3]))
        _require_no(late)
    finally:
        ledger.hook("wipe", node=node)


def _late(ledger: Ledger, node: str) -> Finding | None:
    """Wait until the node has the others' head; return what to say where it never does.

    What it shows is judged first: whether its peers have made another block meanwhile, which would not fit upon an
    altered one, is left to chance.
    """
    try:
        ledger.caught_up(node, ledger.nodes[0])
    except Finding as finding:
        return finding
    return None


def _require_no(late: Finding | None) -> None:
    if late is not None:
        raise late


def _records(ledger: Ledger, node: str) -> list[dict[str, object]]:
    records: list[dict[str, object]] = []
    cursor: str | None = None
    for _ in range(100):
        page = ledger.ask("audit", node, **({"cursor": cursor} if cursor else {}))
        records += page["items"]
        cursor = page.get("next")
        if not cursor:
            break
    return records


@check(
    "LED-L06",
    requirement="LED-11.8-1",
    needs=_NEEDS,
    claims=("ledger.accounts",),
    hooks=("ledger_account", "ledger_tamper", "stop", "start", "wipe"),
    effects=Effect.DISRUPTIVE,
    deadline_s=60,
)
def an_altered_node_heals_from_its_peers(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A polluted node notices by comparing with its peers and fetches the damaged blocks again."""
    ledger = Ledger(candidate, evidence, params)
    node, height = _altered_node(ledger)
    try:
        late = _late(ledger, node)
        healed, true = ledger.block(height, node), ledger.block(height, ledger.nodes[0])
        message = f"{node} must serve the true block {height} again after its disk was altered"
        same = healed["hash"] == true["hash"] and healed["header"] == true["header"]
        expect(same, message, expected=true["hash"], actual=healed["hash"])
        _require_no(late)
    finally:
        ledger.hook("wipe", node=node)


@check(
    "LED-L09",
    requirement="LED-10.5-1",
    needs=_NEEDS,
    claims=("ledger.transfers",),
    hooks=("ledger_account", "wipe"),
    effects=Effect.DISRUPTIVE,
    deadline_s=60,
)
def a_lost_disk_comes_back_whole(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Redundancy: a node that lost its data and rejoins has the full history again, equal to its peers'."""
    ledger = Ledger(candidate, evidence, params)
    payer, payee = ledger.open(), ledger.open(0)
    ledger.pay(payer, payee.account, 3)
    node, like = ledger.nodes[-1], ledger.nodes[0]
    ledger.hook("wipe", node=node)
    ledger.caught_up(node, like)
    for block in ledger.recent(like):
        answer = ledger.at(node).call("ledger.block", height=block["height"])
        actual = str(answer.value["hash"]) if isinstance(answer, Accepted) else describe(answer)
        message = f"{node} must have block {block['height']} again after losing its disk"
        expect(actual == block["hash"], message, expected=block["hash"], actual=actual)


@check(
    "LED-C01",
    requirement="LED-11.4-1",
    needs=_NEEDS,
    claims=("ledger.transfers",),
    hooks=("ledger_account", "stop", "start"),
    effects=Effect.DISRUPTIVE,
    deadline_s=60,
)
def a_final_block_never_changes(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Finality: once final, a block's hash stays, whatever the operator restarts and whatever follows."""
    ledger = Ledger(candidate, evidence, params)
    ledger.prepare_control()
    ledger.control()
    node = ledger.nodes[-1]
    before = {block["height"]: (block["hash"], block["header"]) for block in ledger.recent(node)}
    ledger.hook("stop", node=node)
    ledger.hook("start", node=node)
    ledger.caught_up(node, ledger.nodes[0])
    ledger.control()
    for height, (digest, header) in before.items():
        again = ledger.block(height, node)
        message = f"final block {height} must not change on {node} after a restart"
        expect((again["hash"], again["header"]) == (digest, header), message, expected=digest, actual=again["hash"])
