"""A candidate file that hides an operation is told of in the report."""

from __future__ import annotations

from conformance.contract.neutral import neutral_operations
from conformance.engine.omitted import left_out


NEEDED = {"payments.create", "accounts.read"}


def test_nothing_is_said_where_everything_is_offered_or_a_whole_kind_is_not() -> None:
    everything = set(neutral_operations())
    assert left_out(everything, NEEDED) == ()
    assert left_out({name for name in everything if not name.startswith("payments.")}, NEEDED) == ()


def test_nothing_is_said_of_what_a_check_says_that_it_needs() -> None:
    assert left_out(set(neutral_operations()) - {"payments.create"}, NEEDED) == ()
    assert left_out(set(neutral_operations()) - {"ledger.admit"}, NEEDED) == ()


def test_a_hidden_operation_is_named() -> None:
    [said] = left_out(set(neutral_operations()) - {"payments.list", "accounts.list"}, NEEDED)
    assert said.startswith("The candidate file does not offer accounts.list, payments.list, though it offers other")
