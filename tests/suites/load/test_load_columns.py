"""Columns: what is computed for many payments at once is what is computed for each alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conformance_load.columns import Entry, columns, facts_of, identifiers_of, numbers_of
from conformance_load.fold import Fold
from conformance_load.ids import NUMBERS_MAX, WORKERS_MAX, Book, decode, encode

WORKERS = st.integers(0, WORKERS_MAX - 1)
NUMBERS = st.lists(st.integers(0, NUMBERS_MAX - 1) | st.integers(0, 1000), min_size=1, max_size=50)
BOOKS = st.builds(
    Book,
    run=st.sampled_from(["one", "another"]),
    accounts=st.integers(2, 5000),
    amount_max=st.integers(1, 10**12),
    uncovered_every=st.integers(0, 60),
    worker=WORKERS,
)


def integers(values):
    return np.array(values, dtype=np.int64)


@given(WORKERS, NUMBERS)
def test_ids_of_many_are_the_ids_of_each_and_turn_back(worker, numbers):
    identifiers = identifiers_of(worker, integers(numbers))
    assert identifiers.tolist() == [encode(worker, number) for number in numbers]
    workers, back = numbers_of(identifiers)
    assert list(zip(workers.tolist(), back.tolist(), strict=True)) == [decode(item) for item in identifiers.tolist()]


@given(BOOKS, NUMBERS)
def test_facts_of_many_are_the_facts_of_each(book, numbers):
    identifiers = identifiers_of(book.worker, integers(numbers))
    found = facts_of(book, identifiers, integers(numbers))
    rows = zip(*(column.tolist() for column in found), strict=True)
    assert list(rows) == [tuple(book.facts(number)) for number in numbers]


REFERENCES = st.one_of(
    st.integers(0, 1000).map(Book("run", 5, 100).reference),
    st.integers(0, 1000).map(Book("other run", 5, 100).reference),
    st.text(max_size=40),
    st.text(st.sampled_from("0123456789abcdefABCDEFG-é漢"), min_size=16, max_size=16).map(
        lambda tail: Book("run", 5, 100).prefix + tail
    ),
)


@given(st.lists(REFERENCES, max_size=30))
def test_columns_take_exactly_the_references_that_the_book_knows(references):
    book = Book("run", 5, 100)
    entries = [Entry(0, reference, 1, "CNY") for reference in references]
    chunk = columns(book, "CNY", entries)
    _, numbers = numbers_of(chunk.identifiers)
    own = [(reference, book.number_of(reference)) for reference in references]
    kept = iter(chunk.identifiers.tolist())
    strangers = iter(chunk.strangers)
    for reference, number in own:
        if number is not None:
            assert decode(next(kept)) == (0, number)
        elif reference.startswith(book.prefix) and set(reference[14:]) <= set("0123456789abcdef"):
            assert f"{book.prefix}{next(kept):016x}" == reference  # of another worker
        else:
            assert next(strangers) in (reference, "(entry without a reference on account 0)")
    assert next(kept, None) is next(strangers, None) is None
    assert len(numbers) == len(chunk)


def test_columns_hold_account_amount_and_whether_the_currency_is_right():
    book = Book("run", 5, 100)
    chunk = columns(book, "CNY", [Entry(3, book.reference(1), -7, "CNY"), Entry(4, book.reference(2), 1 << 70, "EUR")])
    assert (chunk.accounts.tolist(), chunk.currency_ok.tolist()) == ([3, 4], [True, False])
    assert chunk.amounts.tolist() == [-7, 1 << 62]


ROWS = st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 99), st.integers(-1000, 1000)), max_size=40)


def fold_of(rows):
    made = Fold()
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    made.add(np.array(columns[0], dtype=np.uint64), integers(columns[1]), integers(columns[2]))
    return made


@given(ROWS, st.data())
def test_a_fold_does_not_depend_on_order_and_notices_any_change(rows, data):
    fold = fold_of(rows)
    assert fold_of(data.draw(st.permutations(rows))).digest() == fold.digest()
    if rows:
        identifier, account, amount = rows[0]
        for other in (rows[1:], [rows[0], *rows], [(identifier, account, amount + 1), *rows[1:]]):
            assert fold_of(other).digest() != fold.digest()
            assert 1 <= fold.differing(fold_of(other)) <= 2


def test_a_fold_notices_what_is_no_booking_of_the_run():
    fold = fold_of([(1, 2, 3)])
    before = fold.digest()
    fold.add_text("salary")
    assert fold.digest() != before
