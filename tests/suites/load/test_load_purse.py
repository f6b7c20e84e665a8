"""Money beside the journal: whatever was answered, accounts must hold a sum that the answers allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.sdk import Accepted, Account, Broken, Exchange, Inconclusive, Prepared, Refused
from conformance_load.purse import Movement, Purse

YES = Accepted({"state": "confirmed"}, Exchange(1, 200))
NO = Refused("poor", Exchange(1, 422), {})
KNOWN = Refused("known", Exchange(1, 409), {})
LOST = Broken("connection", "gone", Exchange(1))
SILENT_NO = Accepted({"state": "rejected"}, Exchange(1, 200))


class Bank:
    """Balances by account; as much of a candidate as a purse needs."""

    def __init__(self, count):
        self.balances = [1000] * count
        self.accounts = [Account(str(number), "CNY", "alice", 1000) for number in range(count)]

    def balance(self, account):
        return self.balances[int(account.id)]

    def move(self, movement):
        self.balances[movement.debtor] -= movement.amount
        self.balances[movement.creditor] += movement.amount


def movement(debtor, creditor, amount, when_repeated):
    repeated = Prepared("codes.pay", {}, "alice", "", lambda _: when_repeated)
    return Movement(repeated, debtor, creditor, amount)


def played(bank, *steps):
    """Run movements: each with its first answer, the answer when repeated, and whether it was really made."""
    movements = [movement(number % 2, 2, 10 + number, again) for number, (_, again, _) in enumerate(steps)]
    purse = Purse(bank, bank.accounts, movements)
    for number, (answer, _, made) in enumerate(steps):
        purse.sending(number)
        purse.decided(number, answer)
        if made:
            bank.move(movements[number])
    return purse.reconciled()


def test_what_was_confirmed_moved_and_nothing_else():
    found = played(Bank(3), (YES, YES, True), (NO, NO, False), (YES, YES, True), (SILENT_NO, NO, False))
    assert (found["confirmed"], found["refused"], found["moved"]) == (2, 2, 10 + 12)
    assert (found["accountsOff"], found["totalDrift"], found["undecided"]) == (0, 0, 0)


@pytest.mark.parametrize(("again", "made", "decided"), [(YES, True, "confirmed"), (NO, False, "refused")])
def test_a_lost_answer_is_decided_by_repeating_it(again, made, decided):
    found = played(Bank(3), (LOST, again, made))
    assert (found["unknown"], found[decided], found["undecided"], found["accountsOff"]) == (1, 1, 0, 0)


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("again", [LOST, KNOWN])
def test_what_stays_undecided_may_have_moved_or_not(again, made):
    found = played(Bank(3), (YES, YES, True), (LOST, again, made))
    assert (found["undecided"], found["accountsOff"], found["totalDrift"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("steps", "off"),
    [([(YES, YES, False)], 2), ([(NO, NO, True)], 2), ([(YES, YES, True), (LOST, LOST, True), (NO, NO, True)], 2)],
)
def test_books_that_contradict_the_answers_are_found(steps, off):
    assert played(Bank(3), *steps)["accountsOff"] == off


def test_a_total_that_moved_is_found():
    bank = Bank(3)
    purse = Purse(bank, bank.accounts, [])
    bank.balances[1] += 5
    found = purse.reconciled()
    assert (found["accountsOff"], found["totalDrift"]) == (1, 5)


def test_balances_that_cannot_be_read_are_said():
    bank = Bank(2)
    purse = Purse(bank, bank.accounts, [])

    def refuse(account):
        raise Inconclusive("the balance cannot be read")

    bank.balance = refuse
    assert purse.reconciled()["unread"] == "the balance cannot be read"


def test_what_was_never_sent_moves_nothing():
    bank = Bank(3)
    found = Purse(bank, bank.accounts, [movement(0, 1, 5, YES)]).reconciled()
    assert (found["confirmed"], found["unknown"], found["accountsOff"]) == (0, 0, 0)


@given(st.lists(st.sampled_from([(YES, YES, True), (NO, NO, False), (LOST, LOST, True), (LOST, LOST, False)])))
def test_an_honest_bank_is_never_accused(steps):
    found = played(Bank(3), *steps)
    assert (found["accountsOff"], found["totalDrift"]) == (0, 0)
