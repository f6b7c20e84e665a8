"""Racing refunds: one of several fits into a payment; answers, statements and balances must agree on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.sdk import Accepted, Account, Broken, Exchange, Inconclusive, Prepared, Refused
from conformance_load.purse import Movement
from conformance_load.refunds import RACERS, Made, RefundPurse, RefundWork, share_of

YES = Accepted({"state": "accepted"}, Exchange(1, 201))
NO = Refused("refund-exceeds-payment", Exchange(1, 422))
LOST = Broken("connection", "gone", Exchange(1))
SOUND = {"beyond": 0, "neither": 0, "exceeded": 0, "lost": 0, "ghost": 0, "half": 0, "untied": 0, "accountsOff": 0}


class Bank:
    """Two accounts with statements; as much of a candidate as a purse needs."""

    def __init__(self, names=("payment", "reference")):
        self.accounts = [Account(str(number), "CNY", "alice", 1000) for number in range(2)]
        self.balances, self.statements = [1000, 1000], [[{"amount": 1000}], [{"amount": 1000}]]
        self.names, self.unreadable = names, False

    def balance(self, account):
        return self.balances[int(account.id)]

    def statement(self, account):
        if self.unreadable:
            raise Inconclusive("the statement cannot be read", blame="PRODUCT")
        return list(self.statements[int(account.id)])

    def book(self, made, amount, *, legs=(0, 1)):
        for position, signed in ((made.creditor, -amount), (made.debtor, amount)):
            if position in legs:
                self.balances[position] += signed
                known = {"payment": made.id, "reference": made.reference}
                self.statements[position].append({"amount": signed} | {name: known[name] for name in self.names})


def race(bank, *payments, again=NO):
    """Run races: for each payment three answers, and what is booked for it."""
    made = [Made(f"pay-{number}", 0, 1, 10 + number, f"ref-{number}") for number in range(len(payments))]
    repeated = Prepared("payments.refund", {}, "alice", "", lambda _: again)
    movements = [Movement(repeated, 1, 0, share_of(item.amount)) for item in made for _ in range(RACERS)]
    purse = RefundPurse(bank, bank.accounts, movements, made)
    for number, (answers, booked) in enumerate(payments):
        for racer, answer in enumerate(answers):
            purse.sending(number * RACERS + racer)
            purse.decided(number * RACERS + racer, answer)
        booked(bank, made[number])
    return purse.reconciled()


def times(count, **how):
    def booked(bank, made):
        for _ in range(count):
            bank.book(made, share_of(made.amount), **how)

    return booked


def amiss(found):
    return {name: found[name] for name in SOUND if found[name]}


@pytest.mark.parametrize("names", [("payment",), ("reference",), ("payment", "reference")])
def test_one_refund_of_each_payment_is_sound(names):
    found = race(Bank(names), ((YES, NO, NO), times(1)), ((NO, NO, YES), times(1)))
    assert amiss(found) == {}
    assert (found["payments"], found["confirmed"], found["refused"]) == (2, 2, 4)


@pytest.mark.parametrize(
    ("answers", "booked", "expected"),
    [
        ((YES, YES, NO), times(2), {"exceeded": 1, "beyond": 1}),
        ((YES, YES, YES), times(3), {"exceeded": 1, "beyond": 2}),
        ((YES, NO, NO), times(2), {"exceeded": 1, "ghost": 1, "accountsOff": 2}),
        ((NO, NO, NO), times(0), {"neither": 1}),
        ((YES, NO, NO), times(0), {"lost": 1, "accountsOff": 2}),
        ((YES, NO, NO), times(1, legs=(1,)), {"half": 1, "accountsOff": 1}),
        ((NO, NO, NO), times(1), {"neither": 1, "ghost": 1, "accountsOff": 2}),
    ],
)
def test_each_defect_is_counted_for_what_it_is(answers, booked, expected):
    sound = ((YES, NO, NO), times(1))
    found = race(Bank(), sound, (answers, booked), sound)
    assert amiss(found) == expected
    assert found["examples"] == (["pay-1"] if "exceeded" in expected else [])


def test_a_lost_answer_is_decided_by_repeating_it():
    assert amiss(race(Bank(), ((LOST, NO, NO), times(1)), again=YES)) == {}
    assert amiss(race(Bank(), ((LOST, YES, NO), times(1)), again=NO)) == {}


def test_what_stays_undecided_may_be_booked_or_not():
    for count in (0, 1):
        assert amiss(race(Bank(), ((LOST, NO, NO), times(count)), again=LOST)) == {}


def test_entries_that_name_no_payment_leave_answers_and_balances_to_decide():
    found = race(Bank(names=()), ((YES, NO, NO), times(1)))
    assert amiss(found) == {"untied": 2}


def test_statements_that_cannot_be_read_leave_answers_and_balances_to_decide():
    bank = Bank()
    made = Made("pay-0", 0, 1, 10)
    purse = RefundPurse(bank, bank.accounts, [], [made])
    bank.unreadable = True
    assert amiss(purse.reconciled()) == {}


FAILED = Broken("server-error", "500", Exchange(1, 500))


@pytest.mark.parametrize(
    ("answers", "count", "again", "judged"),
    [
        ((YES, NO, NO), 1, NO, 1),
        ((YES, FAILED, FAILED), 1, FAILED, 1),
        ((YES, LOST, LOST), 1, NO, 0),
        ((LOST, LOST, LOST), 1, YES, 0),
        ((FAILED, FAILED, FAILED), 0, FAILED, 0),
    ],
)
def test_a_race_is_judged_where_several_were_answered_and_one_was_made(answers, count, again, judged):
    assert race(Bank(), (answers, times(count)), again=again)["judged"] == judged


def test_without_statements_a_race_is_judged_where_all_were_answered():
    assert race(Bank(names=()), ((YES, NO, NO), times(1)))["judged"] == 1
    assert race(Bank(names=()), ((YES, NO, FAILED), times(1)), again=FAILED)["judged"] == 0


@given(st.integers(1, 10**12))
def test_one_share_fits_and_two_do_not(amount):
    assert share_of(amount) <= amount < 2 * share_of(amount)


@given(st.lists(st.integers(0, 10**12), max_size=40))
def test_refunds_of_one_payment_are_due_at_the_same_moment(steps):
    offsets = sorted(steps)
    work = RefundWork.__new__(RefundWork)
    moments = list(work.moments(offsets))
    assert moments == [offsets[place - place % RACERS] for place in range(len(offsets))]
    assert moments == sorted(moments)
