"""A scenario that cannot be run says why and who stood in its way, and forgets no payment of an earlier attempt."""

import json

import load_bank
import pytest

from conformance.errors import HarnessError
from conformance.sdk import NotTested
from conformance_load import payments_run
from conformance_load.journal import PaymentJournal, State
from conformance_load.scenario import run


@pytest.fixture
def context(tmp_path):
    """A context of a bank that opens no account in the currency of the candidate file."""
    with load_bank.Server("usd") as server:
        parameters = {"rate_per_s": 10, "duration_s": 1}
        yield load_bank.context_of({"url": server.url, "directory": str(tmp_path), "parameters": parameters}, [])


def test_a_refused_account_is_told_with_its_answer_and_blamed_on_the_product(context):
    found = run(context)
    reason = "test set-up: accounts.open was refused (HTTP 422, code 4001)"
    assert found == {
        "scenario": "payments-create", "validity": "invalid", "reasons": [reason], "notRun": reason, "blame": "PRODUCT",
        "unfinished": f"nothing was sent: {reason}",
    }  # fmt: skip


def test_what_nobody_is_to_blame_for_blames_nobody(context, monkeypatch):
    def stopped(_context):
        raise NotTested("the operation is made of several calls")

    monkeypatch.setattr(payments_run, "run", stopped)
    assert run(context)["blame"] == ""


def test_faults_of_the_harness_itself_stay_its_own(context, monkeypatch):
    def broken(_context):
        raise HarnessError("no connection came up", where="load")

    monkeypatch.setattr(payments_run, "run", broken)
    with pytest.raises(HarnessError):
        run(context)


def test_payments_of_an_earlier_attempt_are_not_forgotten(context, tmp_path):
    accounts = [{"id": f"acc-{number}", "currency": "CNY", "owner": "", "opening": 0} for number in range(2)]
    left = {"mark": "m", "amount_max": 10, "uncovered_every": 0, "currency": "CNY", "workers": "0"}
    left |= {"accounts": accounts, "opening": [0, 0], "before": [[], []]}
    (tmp_path / "payments-create-payments-1.left.json").write_text(json.dumps(left))
    with PaymentJournal.create(tmp_path / "payments-create-payments-1.journal", 3) as journal:
        for number in range(2):
            journal.sending(number, 1)
        journal.decide(0, State.ACK, 2)
        journal.decide(1, State.REJECT, 2)
    found = run(context)
    assert (found["validity"], found["blame"], found["sent"], found["confirmed"]) == ("invalid", "PRODUCT", 2, 1)
    assert found["reasons"][0].startswith(
        "the scenario did not come to its end: test set-up: accounts.open was refused"
    )
    assert found["unfinished"].startswith("2 payments were sent: 1 confirmed, 1 refused, 0 unaccounted for")
