"""Laws of payment ids: they can be turned back, never collide, and carry their facts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_load.ids import NUMBERS_MAX, WORKERS_MAX, Book, decode, encode

workers = st.integers(0, WORKERS_MAX - 1)
numbers = st.integers(0, NUMBERS_MAX - 1)


@given(workers, numbers)
def test_an_id_can_be_turned_back(worker, number):
    assert decode(encode(worker, number)) == (worker, number)
    assert 0 <= encode(worker, number) < 2**64


@given(st.sets(st.tuples(workers, numbers), max_size=50))
def test_ids_never_collide(payments):
    assert len({encode(*payment) for payment in payments}) == len(payments)


@given(st.integers(0, 2**64 - 1))
def test_every_number_of_64_bits_is_an_id(identifier):
    assert encode(*decode(identifier)) == identifier


@pytest.mark.parametrize("wrong", [(-1, 0), (WORKERS_MAX, 0), (0, -1), (0, NUMBERS_MAX)])
def test_what_does_not_fit_is_an_error(wrong):
    with pytest.raises(ValueError, match="beyond"):
        encode(*wrong)


@given(st.integers(2, 40), st.integers(1, 10**6), numbers, workers)
def test_facts_are_in_range_and_follow_from_the_number(accounts, most, number, worker):
    book = Book("run", accounts, most, uncovered_every=50, worker=worker)
    facts = book.facts(number)
    assert facts == book.facts(number)
    assert 1 <= facts.amount <= most
    assert 0 <= facts.creditor < accounts
    assert facts.debtor != facts.creditor
    assert facts.covered == (facts.debtor != accounts) == (number % 50 != 49)


def test_payments_spread_over_accounts_and_amounts():
    book = Book("run", 8, 1000)
    facts = [book.facts(number) for number in range(4000)]
    pairs = {(item.debtor, item.creditor) for item in facts}
    assert len(pairs) == 8 * 7
    assert len({item.amount for item in facts}) > 900


@given(numbers, workers)
def test_a_reference_names_its_payment_to_its_own_run_and_worker_only(number, worker):
    book = Book("one", 4, 100, worker=worker)
    reference = book.reference(number)
    assert reference.startswith("load-")
    assert book.number_of(reference) == number
    assert Book("two", 4, 100, worker=worker).number_of(reference) is None
    assert Book("one", 4, 100, worker=worker ^ 1).number_of(reference) is None


@given(st.text(max_size=40))
def test_other_references_name_nothing(text):
    assert Book("one", 4, 100).number_of(text) is None
