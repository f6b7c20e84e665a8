"""The driver for CometBFT networks: operations of the neutral contract as JSON-RPC calls to each node.

Canonical values keep the header as the node shows it, so that the oracle recomputes from it; transactions are their
raw bytes in base64, and every digest is hexadecimal in lower case. A transaction is made by the test environment (hook
``ledger_transaction``), because its form belongs to the application on top of CometBFT, not to CometBFT.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from conformance.errors import Problem
from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    CandidateFile,
    Driver,
    DriverFactory,
    NotTested,
    Prepared,
    RawSocket,
    Recorder,
    Refused,
)
from conformance_ledger.oracle import protobuf as pb
from conformance_ledger.rpc import Reply, RpcSession

Arguments = Mapping[str, Any]
Call = tuple[str, dict[str, Any]]

_COMMITTED = 2


class CometDriver:
    """A bound network. Operations beside those of :data:`OPERATIONS` do not exist here."""

    def __init__(self, candidate: CandidateFile, recorder: Recorder) -> None:
        self._candidate = candidate
        self._ledger: Mapping[str, Any] = candidate.declared.get("ledger", {})
        self._session = RpcSession(candidate, recorder)

    def operations(self) -> frozenset[str]:
        """Return the operations that CometBFT itself answers."""
        return frozenset(OPERATIONS)

    def endpoints(self) -> tuple[str, ...]:
        """Return the names of the nodes."""
        return tuple(self._candidate.endpoints)

    def perform(self, prepared: Prepared) -> Answer:
        """Make one call. Edits of HTTP stages mean nothing to JSON-RPC, so a request that has some is not sent."""
        if prepared.edits:
            raise NotTested("the cometbft driver cannot alter the stages of a request", blame="CONFIG")
        request, read = OPERATIONS[prepared.operation]
        method, parameters = request(prepared.arguments, self._ledger)
        url = self._candidate.endpoints.get(prepared.endpoint, self._candidate.base_url)
        reply = self._session.call(url, method, parameters)
        return reply if isinstance(reply, Broken) else _answer(reply, read)

    def socket(self, endpoint: str, timeout_s: float) -> RawSocket:
        """Raw connections are not offered."""
        raise NotTested("the cometbft driver offers no raw connections", blame="CONFIG")

    def secrets(self) -> frozenset[str]:
        """Return nothing: nodes are asked without credentials."""
        return frozenset()

    def close(self) -> None:
        """Release connections."""
        self._session.close()


def _answer(reply: Reply, read: Callable[[Any], dict[str, Any]]) -> Answer:
    if reply.error is not None:
        code = str(reply.error.get("code", ""))
        return Refused(code, reply.exchange, dict(reply.error))
    try:
        value = read(reply.result)
    except _Declined as declined:
        return Refused(declined.code, reply.exchange, {"log": str(declined)})
    except (KeyError, TypeError, ValueError, IndexError) as error:
        return Broken("schema", f"{type(error).__name__}: {error}", reply.exchange)
    return Accepted(value, reply.exchange)


class _Declined(Exception):
    """The application understood and declined: CheckTx or a query with a code other than 0."""

    def __init__(self, code: object, log: str) -> None:
        super().__init__(log)
        self.code = str(code)


# -- what is asked ----------------------------------------------------------------------------------------------------


def _at_height(method: str) -> Callable[[Arguments, Arguments], Call]:
    def request(arguments: Arguments, ledger: Arguments) -> Call:
        return method, {"height": str(int(arguments["height"]))}

    return request


def _plain(method: str, **parameters: Any) -> Callable[[Arguments, Arguments], Call]:
    return lambda arguments, ledger: (method, dict(parameters))


def _tx(prove: bool) -> Callable[[Arguments, Arguments], Call]:
    def request(arguments: Arguments, ledger: Arguments) -> Call:
        digest = bytes.fromhex(str(arguments["transaction"]))
        return "tx", {"hash": base64.b64encode(digest).decode(), "prove": prove}

    return request


def _balance_query(arguments: Arguments, ledger: Arguments) -> Call:
    if arguments.get("function") != "balance":
        raise NotTested(f"the cometbft driver cannot call {arguments.get('function')!r}", blame="CONFIG")
    query = pb.data(1, str(arguments["account"]).encode()) + pb.data(2, str(ledger.get("denomination", "")).encode())
    return "abci_query", {"path": "/cosmos.bank.v1beta1.Query/Balance", "data": query.hex()}


# -- what is understood -----------------------------------------------------------------------------------------------


def _info(result: Any) -> dict[str, Any]:
    node, sync = result["node_info"], result["sync_info"]
    kind = str(result["validator_info"]["pub_key"]["type"])
    return {
        "chain": node["network"],
        "node": node["moniker"],
        "height": int(sync["latest_block_height"]),
        "software": f"cometbft {node['version']}",
        "algorithms": {"hash": "sha256", "commit": "ed25519" if kind.endswith("PubKeyEd25519") else kind},
    }


def _head(result: Any) -> dict[str, Any]:
    sync = result["sync_info"]
    return {
        "height": int(sync["latest_block_height"]),
        "hash": str(sync["latest_block_hash"]).lower(),
        "final": not sync["catching_up"],
    }


def _block(result: Any) -> dict[str, Any]:
    block = result["block"]
    raws = block["data"].get("txs") or []
    return {
        "height": int(block["header"]["height"]),
        "hash": str(result["block_id"]["hash"]).lower(),
        "header": block["header"],
        "transactions": [{"id": _digest(raw), "raw": raw} for raw in raws],
        "evidence": block.get("evidence", {}).get("evidence") or [],
    }


def _digest(raw: str) -> str:
    return hashlib.sha256(base64.b64decode(raw)).hexdigest()


def _receipt(result: Any) -> dict[str, Any]:
    code = int(result["tx_result"].get("code", 0))
    return {
        "transaction": str(result["hash"]).lower(),
        "state": "confirmed" if code == 0 else "failed",
        "code": str(code),
        "height": int(result["height"]),
        "index": int(result["index"]),
    }


def _transaction(result: Any) -> dict[str, Any]:
    shown = {"id": _digest(result["tx"]), "raw": result["tx"]}
    return {"transaction": shown, "height": int(result["height"]), "index": int(result["index"])}


def _proof(result: Any) -> dict[str, Any]:
    proof = result["proof"]["proof"]
    return {
        "height": int(result["height"]),
        "root": str(result["proof"]["root_hash"]).lower(),
        "index": int(proof["index"]),
        "size": int(proof["total"]),
        "path": [base64.b64decode(item).hex() for item in proof.get("aunts") or []],
    }


def _submitted(result: Any) -> dict[str, Any]:
    if int(result["code"]) != 0:
        raise _Declined(result["code"], str(result.get("log", "")))
    return {"transaction": str(result["hash"]).lower(), "state": "pending"}


def _balance(result: Any) -> dict[str, Any]:
    response = result["response"]
    if int(response.get("code", 0)) != 0:
        raise _Declined(response["code"], str(response.get("log", "")))
    coin = dict(pb.fields(base64.b64decode(response.get("value") or ""))).get(1, b"")
    amount = dict(pb.fields(coin if isinstance(coin, bytes) else b"")).get(2, b"0")
    return {"balance": int(amount), "height": int(response.get("height", 0))}


def _commit(result: Any) -> dict[str, Any]:
    header, commit = result["signed_header"]["header"], result["signed_header"]["commit"]
    digest = str(commit["block_id"]["hash"]).lower()
    return {
        "height": int(commit["height"]),
        "round": int(commit["round"]),
        "block": digest,
        "block_id": commit["block_id"],
        "proposer": header["proposer_address"],
        "votes": [
            {
                "validator": item["validator_address"],
                "round": int(commit["round"]),
                "block": digest,
                "time": item["timestamp"],
                "signature": base64.b64decode(item["signature"]).hex(),
            }
            for item in commit["signatures"]
            if int(item["block_id_flag"]) == _COMMITTED
        ],
    }


def _validators(result: Any) -> dict[str, Any]:
    return {
        "items": [
            {
                "name": item["address"],
                "algorithm": "ed25519",
                "public_key": base64.b64decode(item["pub_key"]["value"]).hex(),
                "power": int(item["voting_power"]),
            }
            for item in result["validators"]
        ]
    }


def _peers(result: Any) -> dict[str, Any]:
    return {"items": [{"name": peer["node_info"]["moniker"]} for peer in result.get("peers") or []]}


def _validators_at(arguments: Arguments, ledger: Arguments) -> Call:
    height = {"height": str(int(arguments["height"]))} if "height" in arguments else {}
    return "validators", {"per_page": "100", **height}


def _send(arguments: Arguments, ledger: Arguments) -> Call:
    return "broadcast_tx_sync", {"tx": str(arguments["transaction"])}


#: Each operation: how it is asked, and how the result is understood.
OPERATIONS: Mapping[
    str, tuple[Callable[[Arguments, Arguments], Call], Callable[[Any], dict[str, Any]]]
] = {
    "ledger.info": (_plain("status"), _info),
    "ledger.head": (_plain("status"), _head),
    "ledger.block": (_at_height("block"), _block),
    "ledger.transaction": (_tx(prove=False), _transaction),
    "ledger.receipt": (_tx(prove=False), _receipt),
    "ledger.proof": (_tx(prove=True), _proof),
    "ledger.submit": (_send, _submitted),
    "ledger.call": (_balance_query, _balance),
    "ledger.commit": (_at_height("commit"), _commit),
    "ledger.validators": (_validators_at, _validators),
    "ledger.peers": (_plain("net_info"), _peers),
}  # fmt: skip


class CometFactory:
    """Opens CometBFT networks for candidate files with ``driver = "cometbft"``."""

    name = "cometbft"

    def problems(self, candidate: CandidateFile) -> list[Problem]:
        """Return what is missing: endpoints, and the chain in ``declared.ledger``."""
        found: list[Problem] = []
        if not candidate.endpoints:
            found.append(Problem("$.endpoints", "no nodes", 'a table such as node1 = "http://127.0.0.1:26657"'))
        ledger = candidate.declared.get("ledger")
        if not isinstance(ledger, Mapping) or not ledger.get("chain"):
            found.append(Problem("$.declared.ledger.chain", "no chain", "the network's chain id"))
        return found

    def open(self, candidate: CandidateFile, recorder: Recorder) -> Driver:
        """Bind a candidate."""
        return CometDriver(candidate, recorder)


DRIVER: DriverFactory = CometFactory()
