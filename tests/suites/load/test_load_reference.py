"""Against the reference bank, over TLS: each counted defect is found exactly as often as the bank says it struck."""

import pytest
from load_orders import measured, order

from conformance.reference.process import ReferenceProcess
from conformance_load.calibrating import CALIBRATION
from conformance_load.shares import OPERATIONS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Without repetitions nothing but the payments themselves is struck.
ALONE = {"replay_every": 0, "altered_every": 0, "cut_every": 0, "twin_every": 0}
PARAMETERS = CALIBRATION | {"rate_per_s": 50, "duration_s": 2} | ALONE
#: Everything that is counted on the way from the payments to the checks, by where it stands in the measurement.
FIGURES = {
    "reconciliation": ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked", "totalDrift"),
    "replays": ("different", "refused"),
    "twins": ("different", "neither", "broken"),
    "altered": ("accepted",),
    "uncovered": ("accepted",),
    "decisions": ("undecided", "stuck"),
    "sampling": ("missing", "early", "vanished", "swapped"),
}


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with ReferenceProcess(tmp_path_factory.mktemp("bank"), only_plugins=[]) as process:
        yield process


def measure(bank, folder, scenario="payments-create", **parameters):
    return measured(bank, folder, order(bank.candidate_path, folder, scenario, PARAMETERS | parameters))


def amiss(found):
    """Return every figure that is not as a sound bank leaves it."""
    figures = {f"{part}.{name}": found[part][name] for part, names in FIGURES.items() for name in names}
    return {name: value for name, value in figures.items() if value}


@pytest.mark.parametrize(
    ("fault", "figures", "parameters"),
    [
        ("load.lost", ["reconciliation.lost"], {}),
        ("load.doubled", ["reconciliation.doubled"], {}),
        ("load.ghost", ["reconciliation.ghost"], {}),
        ("load.rejected-booked", ["reconciliation.rejectedBooked"], {}),
        ("load.wrong-amount", ["reconciliation.wrongAmount"], {}),
        ("load.wrong-rounding", ["reconciliation.wrongAmount"], {}),
        ("load.half-booked", ["reconciliation.halfBooked"], {}),
        ("load.stuck-pending", ["decisions.stuck"], {"uncovered_every": 0}),
        ("load.statement-reordered", ["sampling.missing"], {}),
        ("load.duplicate-race", ["twins.different", "reconciliation.doubled"], {"twin_every": 8}),
    ],
)
def test_a_counted_defect_is_found_as_often_as_it_struck(bank, tmp_path, fault, figures, parameters):
    bank.reset([fault])
    found = amiss(measure(bank, tmp_path, **parameters))
    struck = bank.hits()[fault]
    assert struck >= 5
    expected = dict.fromkeys(figures, struck)
    # What one leg without the other, or an entry by itself, does to the total is not a count of payments.
    assert {name: value for name, value in found.items() if name in expected or name not in BESIDE} == expected


#: Figures that follow from a defect without counting it.
BESIDE = ("reconciliation.totalDrift",)


@pytest.mark.parametrize("parameters", [{}, CALIBRATION], ids=["payments-alone", "everything-at-once"])
def test_a_sound_bank_gives_nothing_and_a_second_attempt_sends_other_payments(bank, tmp_path, parameters):
    bank.reset()
    for attempt in (1, 2):
        found = measure(bank, tmp_path, **parameters)
        assert amiss(found) == {}
        assert found["reconciliation"]["balanced"]
        assert found["reconciliation"]["fold"]["bucketsOff"] == 0
        assert found["sampling"]["readings"] > 5
        assert len(list(tmp_path.glob("payments-create-*.journal"))) == attempt
    assert bank.hits() == {}


#: A short day of payments and racing refunds alone.
REFUNDS = {"pay_permille": 500, "refund_race_permille": 500, "rate_per_s": 30, "duration_s": 2} | {
    f"{name}_permille": 0 for name in OPERATIONS if name not in ("pay", "refund_race")
}


@pytest.mark.parametrize("fault", ["", "load.refund-race"])
def test_refunds_beyond_a_payment_are_found_as_often_as_they_were_made(bank, tmp_path, fault):
    bank.reset([fault] if fault else [])
    (_, race) = measure(bank, tmp_path, "shop-day", **REFUNDS)["streams"]
    money, struck = race["money"], bank.hits().get("load.refund-race", 0)
    assert (struck > 5) == bool(fault)
    assert money["beyond"] == struck
    assert bool(money["exceeded"]) == bool(fault)
    wrong = ("neither", "lost", "ghost", "half", "untied", "accountsOff", "totalDrift", "undecided")
    assert {name: money[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert money["payments"] == 10
    if not fault:
        assert race["confirmed"] == race["due"] == money["confirmed"] == 10
