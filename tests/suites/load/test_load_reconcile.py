"""Reconciliation: faults that are injected are counted exactly, and a clean ledger gives none."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance_load.columns import Entry
from conformance_load.ids import Book
from conformance_load.journal import UNDECIDED, PaymentJournal, State
from conformance_load.reconcile import Reconciler, compare_balances, expected_balances

BOOK = Book("run", accounts=5, amount_max=1000, uncovered_every=50)
CLASSES = ("lost", "doubled", "ghost", "rejected_booked", "wrong_amount", "half_booked")


def legs(number):
    facts, reference = BOOK.facts(number), BOOK.reference(number)
    return [
        Entry(facts.debtor, reference, -facts.amount, "CNY"),
        Entry(facts.creditor, reference, facts.amount, "CNY"),
    ]


def found_in(states, entries):
    with TemporaryDirectory() as folder, PaymentJournal.create(Path(folder) / "j", len(states)) as journal:
        for number, state in enumerate(states):
            if state is not State.FREE:
                journal.sending(number, 1)
                if state is not State.SENT:
                    journal.decide(number, state, 2)
        reconciler = Reconciler(BOOK, [journal], "CNY")
        reconciler.add(entries)
        return reconciler.result()


def sound(states):
    return [leg for number, state in enumerate(states) if state is State.ACK for leg in legs(number)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(list(State)), min_size=1, max_size=120))
def test_a_sound_ledger_gives_nothing(states):
    found = found_in(states, sound(states))
    assert {name: getattr(found, name) for name in CLASSES} == dict.fromkeys(CLASSES, 0)
    assert found.sent == sum(state is not State.FREE for state in states)
    assert found.acknowledged == found.booked == states.count(State.ACK)
    assert found.unknown == sum(states.count(state) for state in UNDECIDED)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_injected_faults_are_counted_exactly(data):
    count = 120
    kinds = data.draw(st.lists(st.sampled_from(["", *CLASSES]), min_size=count, max_size=count))
    states, entries = [], []
    for number, kind in enumerate(kinds):
        states.append({"ghost": State.FREE, "rejected_booked": State.REJECT}.get(kind, State.ACK))
        debit, credit = legs(number)
        entries += {
            "lost": [],
            "doubled": [debit, credit, debit, credit],
            "wrong_amount": [replace(debit, amount=debit.amount - 1), replace(credit, amount=credit.amount + 1)],
            "half_booked": [debit],
        }.get(kind, [debit, credit])
    found = found_in(states, data.draw(st.permutations(entries)))
    assert {name: getattr(found, name) for name in CLASSES} == {name: kinds.count(name) for name in CLASSES}


@pytest.mark.parametrize("state", [State.SENT, State.UNKNOWN])
def test_an_undecided_payment_may_be_booked_or_not_but_not_twice(state):
    for times, doubled in ((0, 0), (1, 0), (2, 1)):
        found = found_in([state], legs(0) * times)
        assert (found.lost, found.ghost, found.doubled) == (0, 0, doubled)


@pytest.mark.parametrize(
    "wrong",
    [{"account": 4}, {"currency": "EUR"}, {"amount": -1_000_000}],
    ids=["account", "currency", "amount"],
)
def test_each_fact_of_an_entry_is_compared(wrong):
    debit, credit = legs(0)
    assert BOOK.facts(0).debtor != 4
    assert found_in([State.ACK], [replace(debit, **wrong), credit]).wrong_amount == 1


def test_strange_entries_are_ghosts_and_named():
    entries = [Entry(0, "", 5, "CNY"), Entry(1, "salary", 7, "CNY"), *legs(7)]
    found = found_in([State.ACK], [*legs(0), *entries])
    assert found.ghost == 2 + 1
    assert "salary" in found.examples["ghost"]


def test_entries_of_payments_beyond_the_journal_are_ghosts():
    assert found_in([State.ACK], [*legs(0), *legs(1_000_000)]).ghost == 1


def test_balances_follow_acknowledged_payments_only(tmp_path):
    with PaymentJournal.create(tmp_path / "j", 3) as journal:
        for number, state in enumerate((State.ACK, State.REJECT, State.UNKNOWN)):
            journal.sending(number, 1)
            journal.decide(number, state, 2)
        facts = BOOK.facts(0)
        opening = [100] * 6
        expected = expected_balances(BOOK, [journal], opening)
        opening[facts.debtor] -= facts.amount
        opening[facts.creditor] += facts.amount
        assert expected == opening


def test_balances_that_differ_are_counted_and_the_drift_is_exact():
    found = found_in([State.ACK], legs(0))
    compare_balances(found, [10, 20, 30], [10, 25, 28])
    assert (found.accounts_off, found.total_drift, found.balanced) == (2, 3, False)
    compare_balances(found, [10, 20], [10, 20])
    assert found.balanced


def test_the_report_form_holds_integers_and_examples():
    written = found_in([State.REJECT], legs(0)).as_json()
    assert written["rejectedBooked"] == 1
    assert written["examples"] == {"rejectedBooked": [BOOK.reference(0)]}


def test_several_workers_are_reconciled_together(tmp_path):
    books = {worker: replace(BOOK, worker=worker) for worker in (0, 3, 65_535)}
    journals = [PaymentJournal.create(tmp_path / str(worker), 40, worker) for worker in books]
    entries = []
    for journal in journals:
        book = books[journal.worker]
        for number in range(30):
            journal.sending(number, 1)
            journal.decide(number, State.ACK, 2)
            facts = book.facts(number)
            if number != journal.worker % 30:
                entries.append(Entry(facts.debtor, book.reference(number), -facts.amount, "CNY"))
                entries.append(Entry(facts.creditor, book.reference(number), facts.amount, "CNY"))
    stranger = replace(BOOK, worker=7).reference(1)
    reconciler = Reconciler(BOOK, journals, "CNY")
    reconciler.add([*entries, Entry(0, stranger, 5, "CNY")])
    found = reconciler.result()
    assert (found.sent, found.booked, found.lost, found.ghost) == (90, 87, 3, 1)
    assert found.examples["lost"] == [books[worker].reference(worker % 30) for worker in books]
    assert found.examples["ghost"] == [stranger]
    for journal in journals:
        journal.close()


def test_counters_do_not_overflow(tmp_path):
    with PaymentJournal.create(tmp_path / "j", 1) as journal:
        reconciler = Reconciler(BOOK, [journal], "CNY")
        for _ in range(3):
            reconciler.add(legs(0) * 40_000)
        found = reconciler.result()
        assert (found.doubled, found.ghost, found.half_booked) == (1, 1, 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([State.ACK, State.REJECT, State.FREE]), min_size=1, max_size=60), st.data())
def test_folds_are_equal_on_a_sound_ledger_and_differ_on_every_other(states, data):
    entries = data.draw(st.permutations(sound(states)))
    found = found_in(states, entries)
    assert (found.fold_expected, found.buckets_off) == (found.fold_shown, 0)
    for other in ([*entries[1:]], [*entries, Entry(0, "salary", 1, "CNY")]) if entries else ():
        differs = found_in(states, other)
        assert differs.fold_expected == found.fold_expected != differs.fold_shown
        assert differs.buckets_off == 1
