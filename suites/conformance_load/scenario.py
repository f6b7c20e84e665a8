"""The entry of every load scenario: ``run(context)`` finds how the named scenario is run.

Whatever ends a scenario early, its payments are accounted for: at once where there is time, else by ``settle`` in a
process of its own, or before the next attempt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.errors import ConfigError
from conformance.sdk import LoadContext, Undecided
from conformance_load.recipes import parameters_of

#: How long accounting for the payments of an interrupted scenario may take, in seconds.
INTERRUPTED_S_MAX = 25


def run(context: LoadContext) -> dict[str, Any]:
    """Run the scenario that the context names and return its measurement.

    Where it cannot be run for want of something that the product or its candidate file must give, the measurement says
    so and who is to blame: nothing of that is the harness's doing. Interrupted with payments under way, it returns
    what is known of them: a measurement that is invalid and ``unfinished``. Otherwise KeyboardInterrupt goes on.
    """
    from conformance_load import ledger_final, payments_run, shop_day
    from conformance_load.journal_settling import forget_ground, is_unfinished

    complete = replace(context, parameters=parameters_of(context.scenario, context.parameters))
    runners = {
        "payments-limit": payments_run.run_search,
        "shop-day": shop_day.run,
        "target-upi": shop_day.run,
        "ledger-final": ledger_final.run,
    }
    try:
        found = runners.get(context.scenario, payments_run.run)(complete)
    except KeyboardInterrupt:
        if not is_unfinished(complete):
            raise
        return _interrupted(complete)
    except Undecided as reason:
        return _not_run(complete, reason.reason, reason.blame)
    except ConfigError as error:
        return _not_run(complete, _in_a_line(error), error.blame)
    forget_ground(complete)
    return found


def settle(context: LoadContext, reason: str) -> dict[str, Any] | None:
    """Account for what a scenario left that ended for ``reason``; None where it left nothing."""
    from conformance_load.ground import settings_of
    from conformance_load.journal_settling import is_unfinished, settle
    from conformance_load.unfinished import unfinished

    complete = replace(context, parameters=parameters_of(context.scenario, context.parameters))
    if not is_unfinished(complete):
        return None
    settings = settings_of(complete)
    return unfinished(complete, settings, settle(complete, settings.final_s_max, last=False), reason)


def _not_run(context: LoadContext, reason: str, blame: str | None) -> dict[str, Any]:
    """Return the measurement of a scenario that could not be run: its reason, and what is known of payments if any.

    Like one that was interrupted it is tried again when the run is resumed.
    """
    from conformance_load.ground import settings_of
    from conformance_load.journal_settling import counted, is_unfinished
    from conformance_load.unfinished import not_run, unfinished

    if not is_unfinished(context):
        return not_run(context, reason, blame)
    return unfinished(context, settings_of(context), counted(context, reason), reason) | {"blame": blame or ""}


def _in_a_line(error: ConfigError) -> str:
    """Return what is wrong and what to do, without a full stop: more may follow it."""
    remedy = f"; {error.remedy[0].lower()}{error.remedy[1:].rstrip('.')}" if error.remedy else ""
    return f"{error}{remedy}"


def _interrupted(context: LoadContext) -> dict[str, Any]:
    """Account for payments within bounds; where there is no time, the journals alone say what is known."""
    import gevent

    from conformance_load.ground import settings_of
    from conformance_load.journal_settling import counted, settle
    from conformance_load.unfinished import unfinished

    settings, settled = settings_of(context), None
    with gevent.Timeout(INTERRUPTED_S_MAX, False):
        settled = settle(context, settings.final_s_max, last=False)
    if settled is None:
        settled = counted(context, "there was no time to read them")
    return unfinished(context, settings, settled, "it was interrupted")
