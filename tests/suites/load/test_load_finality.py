"""Submitting until final, against a ledger that answers as it is told; and the parameters of that."""

from types import SimpleNamespace

import pytest

from conformance.errors import ConfigError
from conformance.sdk import Accepted, Broken, Exchange, NotTested, Refused
from conformance_load import ledger_final
from conformance_load.finality import Finality
from conformance_load.ledger_final import Chain, ToFinal

LIMITS = Finality(p99_ms_max=1000, error_permille_max=10, poll_ms=1, payers=2)


def yes(**value):
    return Accepted(value, Exchange(1, 200))


class Ledger:
    """Two nodes: receipts are said in turn, whatever is asked."""

    endpoints = ("node1", "node2")
    declared = {"ledger": {"nodes": ["node1", "node2"]}}

    def __init__(self, submitted=None, receipts=()):
        self.submitted = submitted or yes(transaction="t1", state="pending")
        self.receipts = list(receipts)
        self.asked, self.hooks = [], []

    def at(self, node):
        def call(operation, **arguments):
            self.asked.append((node, operation, *arguments.values()))
            if operation == "ledger.submit":
                return self.submitted
            return self.receipts.pop(0) if len(self.receipts) > 1 else self.receipts[0]

        return SimpleNamespace(call=call)

    def hook(self, name, **arguments):
        self.hooks.append((name, arguments))
        if name == "ledger_account":
            return {"account": f"a{len(self.hooks)}", "nonce": 7, "transaction": f"open{len(self.hooks)}"}
        return {"transaction": arguments}


def outcome(ledger, limits=LIMITS):
    return ToFinal(Chain(ledger), [("node2", "signed")], limits)(0)


PENDING = Refused("unknown", Exchange(1, 404), {})


def test_a_transaction_is_asked_for_at_its_node_until_it_is_final():
    ledger = Ledger(receipts=[PENDING, yes(state="pending"), yes(state="confirmed")])
    assert outcome(ledger) == "confirmed"
    receipt = ("node2", "ledger.receipt", "t1")
    assert ledger.asked == [("node2", "ledger.submit", "signed"), receipt, receipt, receipt]


@pytest.mark.parametrize(
    ("submitted", "receipt", "expected"),
    [
        (PENDING, None, "refused"),
        (Broken("timeout", "", Exchange(1)), None, "broken"),
        (yes(state="pending"), None, "broken"),
        (None, yes(state="failed"), "refused"),
        (None, yes(state="rejected"), "refused"),
    ],
)
def test_every_other_end_is_said(submitted, receipt, expected):
    assert outcome(Ledger(submitted, [receipt])) == expected


def test_a_transaction_that_never_becomes_final_is_given_up():
    assert outcome(Ledger(receipts=[PENDING]), Finality(5, 10, 1, 2)) == "broken"


def test_payers_take_turns_with_numbers_of_their_own():
    ledger = Ledger(receipts=[PENDING, yes(state="confirmed")])
    chain = Chain(ledger)
    payers = chain.payers(2, 100)
    made = chain.transfers(payers, 5, lambda number: None)
    assert [node for node, _ in made] == ["node1", "node2", "node1", "node2", "node1"]
    assert [item["nonce"] for _, item in made] == [7, 7, 8, 8, 9]
    assert [(item["from"], item["to"]) for _, item in made[:2]] == [("a1", "a2"), ("a2", "a1")]


def test_accounts_that_never_appear_are_said(monkeypatch):
    monkeypatch.setattr(ledger_final, "_OPEN_S_MAX", 0.01)
    with pytest.raises(NotTested, match="accounts of the run were not there"):
        Chain(Ledger(receipts=[PENDING])).payers(2, 100)


def test_the_limit_is_the_profiles_else_the_candidates_else_ours():
    declared = {"finality_ms_max": 2000}
    assert Finality.of({"final_p99_ms_max": 800}, declared).p99_ms_max == 800
    assert Finality.of({}, declared).p99_ms_max == 2000
    assert Finality.of({}, {}).slo() == {"p99MsMax": 5000, "errorPermilleMax": 10}


@pytest.mark.parametrize("wrong", [{"final_poll_ms": 0}, {"final_payers": 1}, {"final_p99_ms_max": "soon"}])
def test_a_wrong_parameter_is_refused_with_its_remedy(wrong):
    with pytest.raises(ConfigError, match="is not a whole number of") as refusal:
        Finality.of(wrong, {})
    assert refusal.value.remedy
