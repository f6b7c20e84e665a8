"""A candidate file that hides an operation is told of in the report."""

from __future__ import annotations

from conformance.contract.neutral import neutral_operations
from conformance.engine.omitted import left_out


def test_nothing_is_said_where_everything_is_offered_or_a_whole_kind_is_not() -> None:
    everything = set(neutral_operations())
    assert left_out(everything, everything) == ()
    assert left_out({name for name in everything if not name.startswith("payments.")}, everything) == ()


def test_nothing_is_said_of_kinds_that_no_check_asks_for() -> None:
    assert left_out(set(neutral_operations()) - {"payments.list"}, {"accounts.read"}) == ()


def test_a_hidden_operation_is_named() -> None:
    [said] = left_out(set(neutral_operations()) - {"payments.list", "accounts.list"}, neutral_operations())
    assert said.startswith("The candidate file does not offer accounts.list, payments.list, though it offers other")
