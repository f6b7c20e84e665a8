"""A candidate file that hides an operation is told of in the report."""

from __future__ import annotations

from conformance.engine.omitted import left_out

PROBED = ("accounts.list", "payments.list", "supervisor.alarms")


def test_nothing_is_said_where_everything_is_offered_or_a_whole_kind_is_not() -> None:
    assert left_out({*PROBED, "payments.create"}, PROBED) == ()
    assert left_out({"accounts.list", "cards.bind"}, PROBED) == ()


def test_a_hidden_operation_is_named() -> None:
    [said] = left_out({"payments.create", "accounts.read", "ledger.head"}, PROBED)
    assert said.startswith("The candidate file does not offer accounts.list, payments.list, though it offers other")
