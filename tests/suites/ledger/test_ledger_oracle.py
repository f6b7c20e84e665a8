"""The oracle: published vectors, a recorded block of a real network, and agreement with the other implementation."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_ledger import cometbft
from conformance_ledger.oracle import CometProfile, merkle
from conformance_ledger.oracle import protobuf as pb
from conformance_ledger.oracle.comet import instant, validators_hash
from conformance_ledger.oracle.digests import digest_of, sm3_elsewhere
from conformance_ledger.oracle.signatures import ALGORITHMS, new_key, sm2_nonce_point, verifies
from conformance_ledger.reference import encoding, sm

SHA256 = digest_of("sha256")
SM3_VECTORS = {
    b"abc": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    b"abcd" * 16: "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
}


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    return dict(json.loads((Path(__file__).parent / "cometbft_network.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("message", list(SM3_VECTORS))
def test_three_implementations_of_sm3_give_the_published_digest(message: bytes) -> None:
    found = {digest_of("sm3")(message).hex(), sm3_elsewhere(message).hex(), sm.sm3(message).hex()}
    assert found == {SM3_VECTORS[message]}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_holds_for_its_message_and_key_alone(algorithm: str) -> None:
    key, other = new_key(algorithm), new_key(algorithm)
    signature = key.sign(b"pay ten")
    assert len(signature) == 64
    assert verifies(algorithm, bytes.fromhex(key.public), b"pay ten", signature)
    assert not verifies(algorithm, bytes.fromhex(key.public), b"pay two", signature)
    assert not verifies(algorithm, bytes.fromhex(other.public), b"pay ten", signature)
    assert not verifies(algorithm, bytes.fromhex(key.public), b"pay ten", signature[:-1])


def test_the_nodes_and_the_oracle_accept_each_others_sm2_signatures() -> None:
    private = sm.private_key(b"\1" * 32)
    public = sm.public_key(private)
    assert verifies("sm2-sm3", public, b"block", sm.sign(private, b"block"))
    key = new_key("sm2-sm3")
    assert sm.verify(bytes.fromhex(key.public), b"block", key.sign(b"block"))
    assert not sm.verify(public, b"block", key.sign(b"block"))


def test_signatures_with_one_secret_number_show_the_same_point() -> None:
    private = sm.private_key(b"\2" * 32)
    public = sm.public_key(private)
    same = {sm2_nonce_point(public, text, sm.sign(private, text, nonce=99)) for text in (b"one", b"two")}
    fresh = {sm2_nonce_point(public, text, sm.sign(private, text)) for text in (b"one", b"two")}
    assert (len(same), len(fresh)) == (1, 2)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=24), st.data())
def test_every_path_of_the_other_implementation_leads_to_our_root(leaves: list[bytes], data: st.DataObject) -> None:
    digest = digest_of("sm3")
    hashed = [encoding.leaf_hash(leaf) for leaf in leaves]
    root = merkle.root_of(digest, leaves)
    assert encoding.tree_root(hashed) == root.hex()
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = [bytes.fromhex(item) for item in encoding.tree_path(hashed, index)]
    facts: dict[str, Any] = {"size": len(leaves), "path": path, "root": root}
    assert merkle.path_leads_to(digest, leaf=leaves[index], index=index, **facts)
    assert not merkle.path_leads_to(digest, leaf=leaves[index] + b"x", index=index, **facts)
    assert not merkle.path_leads_to(digest, leaf=leaves[index], index=len(leaves), **facts)


def test_the_empty_tree_is_the_digest_of_nothing() -> None:
    assert merkle.root_of(SHA256, []) == hashlib.sha256(b"").digest()


@given(st.integers(0, 2**63 - 1))
def test_numbers_survive_the_wire_format(value: int) -> None:
    assert dict(pb.fields(pb.number(3, value))).get(3, 0) == value


def test_the_zero_time_of_the_protocol_is_encoded_as_published() -> None:
    # The time in the vectors of CometBFT's own test of vote sign bytes.
    seconds, nanoseconds = -62135596800, 0
    assert (pb.number(1, seconds) + pb.number(2, nanoseconds)).hex() == "088092b8c398feffffff01"
    assert instant("1970-01-01T00:00:01.5Z") == (1, 500_000_000)


def test_a_real_header_is_recomputed(recorded: dict[str, Any]) -> None:
    block = cometbft.OPERATIONS["ledger.block"][1](recorded["block"])
    profile = CometProfile(block["header"]["chain_id"])
    assert profile.header_hash(block) == block["hash"]
    for name in ("app_hash", "proposer_address", "data_hash"):
        altered = copy.deepcopy(block)
        altered["header"][name] = "00" * 32
        assert profile.header_hash(altered) != block["hash"], name


def test_real_commit_signatures_verify_and_altered_ones_do_not(recorded: dict[str, Any]) -> None:
    commit = cometbft.OPERATIONS["ledger.commit"][1](recorded["commit"])
    validators = cometbft.OPERATIONS["ledger.validators"][1](recorded["validators"])["items"]
    profile = CometProfile(recorded["block"]["block"]["header"]["chain_id"])
    by_name = {item["name"]: item for item in validators}
    assert len(commit["votes"]) >= 3
    for vote in commit["votes"]:
        assert profile.vote_valid(vote, commit, by_name[vote["validator"]])
        assert not profile.vote_valid(vote, {**commit, "round": commit["round"] + 1}, by_name[vote["validator"]])
        assert not profile.vote_valid({**vote, "time": "2020-01-01T00:00:00Z"}, commit, by_name[vote["validator"]])


def test_a_real_validator_set_hashes_to_what_the_header_says(recorded: dict[str, Any]) -> None:
    validators = cometbft.OPERATIONS["ledger.validators"][1](recorded["validators"])["items"]
    assert validators_hash(validators) == recorded["block"]["block"]["header"]["validators_hash"].lower()


def test_a_real_inclusion_proof_is_followed(recorded: dict[str, Any]) -> None:
    block = cometbft.OPERATIONS["ledger.block"][1](recorded["transactions"])
    proof = cometbft.OPERATIONS["ledger.proof"][1](recorded["proof"])
    profile = CometProfile(block["header"]["chain_id"])
    root = profile.stated_transactions_root(block)
    assert profile.transactions_root(block) == root == proof["root"]
    (item,) = [item for item in block["transactions"] if item["raw"] == recorded["proof"]["tx"]]
    assert profile.proof_leads_to(item, proof, root)
    other = {"raw": base64.b64encode(b"another").decode()}
    assert not profile.proof_leads_to(other, proof, root)
