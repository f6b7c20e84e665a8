"""Sampling: what readings during the pressure show is judged by when each payment was sent and confirmed."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.sdk import Accepted, Account, Broken, Candidate, CandidateFile, Exchange, Pool
from conformance_load import sampling
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal, State
from conformance_load.sampling import Sampler

BOOK = Book("run", accounts=2, amount_max=100)
PAYMENTS = 40
#: The payments that debit the first account: these tests read that one.
DEBITS = [number for number in range(PAYMENTS) if BOOK.facts(number).debtor == 0]
KINDS = ("missing", "early", "inserted", "vanished", "swapped")


class Product:
    """One account's statement, in pages whose cursors are places."""

    def __init__(self):
        self.statement, self.broken, self.asked = [], False, 0

    def operations(self):
        return frozenset({"accounts.statement"})

    def perform(self, prepared):
        self.asked += 1
        if self.broken:
            return Broken("timeout", "", Exchange(0))
        start, limit = int(prepared.arguments["cursor"] or 0), prepared.arguments["limit"]
        items = self.statement[start : start + limit]
        more = start + limit < len(self.statement)
        return Accepted({"items": items, "next": str(start + limit) if more else None}, Exchange(1))


def entry(number, name=None):
    return {"id": name or f"e{number}", "reference": BOOK.reference(number), "amount": -BOOK.facts(number).amount}


class Bench:
    """A sampler over a product whose clock the test sets."""

    def __init__(self, folder, monkeypatch):
        self.product, self.now = Product(), 0
        monkeypatch.setattr(sampling, "now_ns", lambda: self.now)
        candidate = Candidate(self.product, CandidateFile("P", "1"), Pool(()), lambda name, values: {}, "alice")
        self.journal = PaymentJournal.create(folder / "j", PAYMENTS)
        accounts = [Account(f"a{position}", "CNY", "", 1) for position in range(3)]
        self.sampler = Sampler(candidate, accounts, BOOK, self.journal)

    def pay(self, place, sent, confirmed=None):
        number = DEBITS[place]
        self.journal.sending(number, sent)
        if confirmed:
            self.journal.decide(number, State.ACK, confirmed)
        return entry(number)

    def read(self, at, *entries):
        self.now, self.product.statement = at, list(entries)
        self.sampler.read(0)

    def found(self):
        written = self.sampler.result().as_json()
        return {kind: written[kind] for kind in KINDS}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    made = Bench(tmp_path, monkeypatch)
    yield made
    made.journal.close()


NOTHING = dict.fromkeys(KINDS, 0)


def test_a_statement_that_grows_at_its_end_is_sound(bench):
    first, second = bench.pay(0, 10, 20), bench.pay(1, 30, 50)
    bench.read(40, first)
    bench.read(60, first, second)
    bench.read(70, first, second)
    assert bench.found() == NOTHING
    found = bench.sampler.result()
    assert (found.readings, found.judged, found.entries) == (3, 2, 5)


def test_a_confirmed_payment_that_a_reading_lacks_is_missing_once(bench):
    late = bench.pay(0, 10, 20)
    for at in (30, 40, 50):
        bench.read(at)
    bench.read(60, late)
    assert bench.found() == NOTHING | {"missing": 1}
    assert bench.sampler.result().examples == {"missing": [BOOK.reference(DEBITS[0])]}


def test_a_payment_confirmed_while_a_reading_went_on_may_be_in_it_or_not(bench):
    payment = bench.pay(0, 10, 31)
    bench.read(30)
    bench.read(60, payment)
    assert bench.found() == NOTHING


def test_what_is_never_shown_is_lost_not_missing(bench):
    bench.pay(0, 10, 20)
    bench.read(30)
    bench.read(60)
    assert bench.found() == NOTHING


def test_an_entry_of_a_payment_that_was_not_sent_yet_is_early(bench):
    bench.read(30, entry(DEBITS[0]))
    shown = bench.pay(0, 40, 50)
    bench.read(60, shown)
    assert bench.found() == NOTHING | {"early": 1}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("acb", {"inserted": 1}),
        ("cab", {"inserted": 1}),
        ("abc", {}),
        ("ba", {"swapped": 2}),
        ("a", {"vanished": 1}),
        ("", {"vanished": 2}),
        ("bca", {"inserted": 1, "swapped": 2}),
        ("cdb", {"inserted": 2, "vanished": 1}),
    ],
)
def test_orders_are_compared(bench, after, expected):
    entries = {name: entry(DEBITS[place], name) for place, name in enumerate("abcd")}
    for place in range(4):
        bench.pay(place, 10)
    bench.read(20, entries["a"], entries["b"])
    bench.read(30, *(entries[name] for name in after))
    assert bench.found() == NOTHING | expected


def test_long_statements_are_read_on_from_their_last_pages(bench, monkeypatch):
    monkeypatch.setattr(sampling, "PAGE_SIZE", 2)
    entries = [bench.pay(place, 10, 20) for place in range(9)]
    for count in range(4, 10):
        bench.read(20 + count, *entries[:count])
    assert bench.product.asked < 6 * 3
    # All of them were confirmed long before: each was missing until it was shown.
    assert bench.found() == NOTHING | {"missing": 5}
    bench.read(60, *entries[:7], entries[8], entries[7])
    assert bench.found() == NOTHING | {"missing": 5, "swapped": 2}


def test_a_full_reading_is_held_against_all_that_was_shown(bench, monkeypatch):
    monkeypatch.setattr(sampling, "PAGE_SIZE", 2)
    entries = [bench.pay(place, 10, 20) for place in range(8)]
    bench.read(15, *entries[:6])
    reading = bench.sampler.begin(0)
    reading.take([entries[1], entries[0], *entries[2:]])
    reading.end()
    assert bench.found() == NOTHING | {"swapped": 2}


def test_readings_that_fail_are_counted_and_say_nothing(bench):
    bench.pay(0, 10, 20)
    bench.product.broken = True
    bench.read(30)
    bench.product.broken = False
    bench.read(40, entry(DEBITS[0]))
    written = bench.sampler.result().as_json()
    assert (written["failed"], written["readings"], written["missing"]) == (1, 1, 0)


def test_a_statement_that_is_too_long_is_given_up(bench, monkeypatch):
    monkeypatch.setattr(sampling, "PAGE_SIZE", 1)
    monkeypatch.setattr(sampling, "PAGES_MAX", 3)
    bench.read(30, *(entry(number) for number in DEBITS[:6]))
    assert bench.sampler.result().failed == 1


def test_payments_of_other_generators_are_judged_with_some_slack(bench, tmp_path):
    other = replace(BOOK, worker=5)
    number, slack = DEBITS[0], sampling.SLACK_NS
    shown = {"id": "o", "reference": other.reference(number), "amount": -1}
    with PaymentJournal.create(tmp_path / "other", PAYMENTS, 5) as journal:
        journal.sending(number, 10)
        journal.decide(number, State.ACK, 20)
        bench.read(20 + slack)
        bench.read(30 + slack, shown)
        assert bench.sampler.result([journal]).missing == 0
        journal.all_times[2 * number + 1] = 19
        found = bench.sampler.result([journal])
        assert (found.missing, found.judged, found.examples) == (1, 1, {"missing": [other.reference(number)]})
        journal.all_times[2 * number] = 31 + slack + slack
        assert bench.sampler.result([journal]).early == 1
        assert bench.sampler.result().judged == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_sound_books_read_at_any_moment_give_nothing(data, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "PAGE_SIZE", data.draw(st.integers(1, 5)))
        bench = Bench(tmp_path_factory.mktemp("sampling"), patch)
        clock, booked = itertools.count(10, 10), []
        for place in range(data.draw(st.integers(0, min(12, len(DEBITS))))):
            sent = next(clock)
            shown = bench.pay(place, sent)
            moments = data.draw(st.permutations(["booked", "read", "confirmed", "read"]))
            for moment in moments:
                if moment == "booked" or (moment == "confirmed" and shown not in booked):
                    booked += [shown] if shown not in booked else []
                if moment == "confirmed":
                    bench.journal.decide(DEBITS[place], State.ACK, next(clock))
                elif moment == "read":
                    bench.read(next(clock), *booked)
        assert bench.found() == NOTHING
        bench.journal.close()
