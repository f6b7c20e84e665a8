"""Deciding: open payments are asked about as the product offers it, within bounds, and what stays open is named."""

import pytest

from conformance.sdk import (
    Accepted,
    Account,
    Broken,
    Candidate,
    CandidateFile,
    Exchange,
    LoadContext,
    Pool,
    Refused,
    WireRequest,
)
from conformance_load import deciding, live
from conformance_load.deciding import Decisions, decide_unknown
from conformance_load.ids import Book
from conformance_load.journal import PaymentJournal, State
from conformance_load.making import PaymentMaker

BOOK = Book("run", accounts=3, amount_max=100)


class Product:
    """A product in memory. ``states`` are its payments by reference: a list gives one state per time it is shown."""

    def __init__(self, states=None, offers=(), replay=None, by_key=False):
        self.states, self.offers, self.replay, self.by_key = states or {}, offers, replay, by_key
        self.asked = []

    def operations(self):
        return frozenset({"payments.create", *self.offers})

    def endpoints(self):
        return ()

    def wire(self, prepared):
        key = prepared.arguments.get("reference", "") if self.by_key else ""
        return WireRequest("GET", f"http://127.0.0.1/payments/{prepared.arguments['payment']}?key={key}", (), b"")

    def shown(self, reference):
        states = self.states[reference]
        state = states if isinstance(states, str) else states.pop(0) if len(states) > 1 else states[0]
        number = BOOK.number_of(reference)
        return {"id": f"pay-{number}", "reference": reference, "state": state}

    def perform(self, prepared):
        self.asked.append(prepared.operation)
        exchange, arguments = Exchange(1, 200), prepared.arguments
        match prepared.operation:
            case "payments.create":
                return self.replay(arguments["reference"], exchange)
            case "payments.list":
                page = int(arguments.get("cursor") or 0)
                names = sorted(self.states)[page : page + 2]
                items = [self.shown(name) for name in names if debtor(name) == arguments["account"]]
                return Accepted(
                    {"items": items, "next": str(page + 2) if page + 2 < len(self.states) else None}, exchange
                )
        wanted = arguments.get("reference") if self.by_key else arguments["payment"]
        found = [name for name in self.states if wanted in (name, f"pay-{BOOK.number_of(name)}")]
        return Accepted(self.shown(found[0]), exchange) if found else Refused("not-found", Exchange(1, 404))


def debtor(reference):
    return f"acc-{BOOK.facts(BOOK.number_of(reference)).debtor}"


def decided(folder, product, states, told=lambda *_: None, **arguments):
    candidate = Candidate(product, CandidateFile("P", "1"), Pool(()), lambda name, values: {}, "alice")
    context = LoadContext("run", "s", candidate, {}, folder, told, lambda _: 1)
    maker = PaymentMaker(context, BOOK, [Account(f"acc-{n}", "CNY", "", 1) for n in range(4)], "CNY")
    with PaymentJournal.create(folder / "j", len(states)) as journal:
        for number, state in enumerate(states):
            if state is not State.FREE:
                journal.sending(number, 1)
                if state is not State.SENT:
                    journal.decide(number, state, 2)
                if state is State.PENDING:
                    journal.pending[number] = f"pay-{number}"
        found = decide_unknown(maker, journal, **arguments)
        return found, [State(state) for state in journal.states]


def reference(number):
    return BOOK.reference(number)


def confirmed(name, exchange):
    return Accepted({"id": "x", "state": "accepted"}, exchange)


def answer(kind, status=422):
    return lambda name, exchange: (
        kind("no", Exchange(1, status)) if kind is Refused else Broken("timeout", "", exchange)
    )


def test_nothing_open_asks_nothing(tmp_path):
    product = Product(offers=("payments.list", "payments.read"))
    found, _ = decided(tmp_path, product, [State.ACK, State.REJECT, State.FREE])
    assert found.as_json() == {
        "unknown": 0, "undecided": 0, "pending": 0, "stuck": 0, "byQuery": 0, "byReplay": 0, "overdrawn": 0,
        "examples": {},
    }  # fmt: skip
    assert "payments.create" not in product.asked


def test_without_queries_the_request_is_repeated(tmp_path):
    replies = {0: confirmed, 1: answer(Refused), 2: answer(Broken), 3: answer(Refused, 409)}
    product = Product(replay=lambda name, exchange: replies[BOOK.number_of(name)](name, exchange))
    found, states = decided(tmp_path, product, [State.SENT, State.UNKNOWN, State.UNKNOWN, State.SENT])
    assert states == [State.ACK, State.REJECT, State.UNKNOWN, State.SENT]
    assert (found.unknown, found.undecided, found.by_replay, found.by_query) == (4, 2, 2, 0)
    assert found.examples == {"undecided": [reference(2), reference(3)]}
    assert len(product.asked) == 1 + 1 + deciding.REPEATED_MAX + 1


def test_lists_are_read_to_their_end_and_only_what_they_lack_is_repeated(tmp_path):
    shown = {reference(number): "confirmed" for number in range(9)} | {reference(3): "rejected"}
    product = Product(shown, offers=("payments.list",), replay=confirmed)
    found, states = decided(tmp_path, product, [State.UNKNOWN] * 10)
    assert states == [State.ACK] * 3 + [State.REJECT] + [State.ACK] * 6
    assert (found.unknown, found.undecided, found.by_query, found.by_replay) == (10, 0, 9, 1)


def test_a_product_that_is_asked_by_key_needs_no_replay_unless_it_knows_nothing(tmp_path):
    shown = {reference(number): "confirmed" for number in range(4)}
    product = Product(shown, offers=("payments.read",), by_key=True, replay=confirmed)
    found, states = decided(tmp_path, product, [State.UNKNOWN] * 5)
    assert states == [State.ACK] * 5
    assert (found.by_query, found.by_replay) == (4, 1)
    assert product.asked == ["payments.read"] * 5 + ["payments.create"]


@pytest.mark.parametrize("offers", [("payments.read",), ()])
def test_pending_payments_are_asked_about_until_they_are_final(tmp_path, offers):
    shown = {reference(0): ["pending", "confirmed"], reference(1): ["rejected"], reference(2): ["pending"]}
    product = Product(shown, offers)
    product.replay = lambda name, exchange: Accepted(product.shown(name), exchange)
    found, states = decided(tmp_path, product, [State.PENDING] * 3, final_s_max=0.5)
    assert states == [State.ACK, State.REJECT, State.PENDING]
    assert (found.pending, found.stuck, found.undecided, found.unknown) == (3, 1, 0, 0)
    assert found.examples == {"stuck": [reference(2)]}
    assert (found.by_query, found.by_replay) == ((2, 0) if offers else (0, 2))


def test_a_lost_answer_whose_payment_is_pending_can_get_stuck(tmp_path):
    product = Product({reference(0): "pending"}, offers=("payments.list", "payments.read"))
    found, states = decided(tmp_path, product, [State.UNKNOWN], final_s_max=0.1)
    assert states == [State.PENDING]
    assert (found.unknown, found.undecided, found.pending, found.stuck) == (1, 0, 1, 1)


def test_a_pending_payment_that_the_product_does_not_show_is_stuck(tmp_path):
    found, _ = decided(tmp_path, Product({}, offers=("payments.read",)), [State.PENDING], final_s_max=0.1)
    assert (found.stuck, found.undecided) == (1, 0)


def test_asking_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(deciding, "DECIDED_MAX", 7)
    found, states = decided(tmp_path, Product(replay=confirmed), [State.UNKNOWN] * 10)
    assert states.count(State.ACK) == found.by_replay == 7
    assert (found.unknown, found.undecided) == (10, 3)
    assert len(found.examples["undecided"]) == 3


def test_payments_without_cover_that_turn_out_to_be_made_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.BOOK", Book("run", accounts=3, amount_max=100, uncovered_every=2))
    found, _ = decided(tmp_path, Product(replay=confirmed), [State.UNKNOWN] * 5 + [State.ACK] * 4)
    assert (found.by_replay, found.overdrawn, found.declined) == (5, 2, 0)
    shown = {BOOK.reference(number): "rejected" for number in range(2)}
    (tmp_path / "refused").mkdir()
    product = Product(shown, offers=("payments.list",), replay=answer(Refused))
    found, _ = decided(tmp_path / "refused", product, [State.UNKNOWN] * 5)
    assert (found.by_query, found.by_replay, found.overdrawn, found.declined) == (2, 3, 0, 2)


def test_decisions_about_several_journals_add_up(tmp_path):
    first, second = (Decisions(3, 2, 1, 1, 4, 5, 6, {"undecided": [name, name, name]}) for name in ("a", "b"))
    first.add(second)
    written = first.as_json()
    assert written.pop("examples") == {"undecided": ["a", "a", "a", "b", "b"]}
    assert list(written.values()) == [6, 4, 2, 2, 8, 10, 12]


def test_deciding_is_told_so_that_nobody_takes_it_for_a_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "NOTED_EVERY_NS", 0)
    told = []
    product = Product({reference(0): ["pending", "confirmed"]}, offers=["payments.read"], by_key=True)
    decided(tmp_path, product, [State.PENDING], told=lambda *line: told.append(line[2]), final_s_max=5)
    assert told[0] == "deciding open payments: 1 asked about"
    assert len(told) >= 2
