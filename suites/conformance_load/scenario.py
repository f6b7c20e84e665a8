"""The entry of every load scenario: ``run(context)`` finds how the named scenario is run.

Whatever ends a scenario early, its payments are accounted for: at once where there is time, else by ``settle`` in a
process of its own, or before the next attempt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.sdk import LoadContext
from conformance_load.recipes import parameters_of

#: How long accounting for the payments of an interrupted scenario may take, in seconds.
INTERRUPTED_S_MAX = 25


def run(context: LoadContext) -> dict[str, Any]:
    """Run the scenario that the context names and return its measurement.

    Interrupted with payments under way, it returns what is known of them: a measurement that is invalid and
    ``unfinished``. Otherwise KeyboardInterrupt goes on.
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
