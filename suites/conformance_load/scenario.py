"""The entry of every load scenario: ``run(context)`` finds how the named scenario is run."""

from __future__ import annotations

from typing import Any

from conformance.sdk import LoadContext
from conformance_load.recipes import parameters_of


def run(context: LoadContext) -> dict[str, Any]:
    """Run the scenario that the context names and return its measurement."""
    from dataclasses import replace

    from conformance_load import ledger_final, payments_run, shop_day

    complete = replace(context, parameters=parameters_of(context.scenario, context.parameters))
    runners = {
        "payments-limit": payments_run.run_search,
        "shop-day": shop_day.run,
        "target-upi": shop_day.run,
        "ledger-final": ledger_final.run,
    }
    return runners.get(context.scenario, payments_run.run)(complete)
