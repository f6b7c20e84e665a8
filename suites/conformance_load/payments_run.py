"""Scenarios of payments: pressure of any shape, measured honestly, and every payment accounted for.

accounts → probes → requests made ready → pressure → drain → recovery → unknown decided → books read and compared
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from conformance.sdk import LoadContext
from conformance_load import measured
from conformance_load.asking import ask_again
from conformance_load.crew.calling import crew_size
from conformance_load.ground import Ground, aftermath, ground, probed, settings_of
from conformance_load.search import Search, Trial, capacity_of
from conformance_load.settings import Settings, require_memory
from conformance_load.shapes import schedule_of
from conformance_load.slo import Breach
from conformance_load.verdict import invalidities
from conformance_load.wave import Wave, facts_of, press_wave


def run(context: LoadContext) -> dict[str, Any]:
    """Run a scenario of one shape and return its measurement: integers and words only.

    Raises ConfigError for wrong parameters and NotTested when the candidate gives too few accounts.
    """
    settings = settings_of(context)
    count = sum(1 for _ in schedule_of(settings, context.seed))
    require_memory(count // crew_size(settings.workers))
    with ground(context, settings, count) as here:
        recovery, probes = probed(here)
        with presser(here, count) as press:
            wave = believed(press(settings))
        if settings.disturbance:
            wave.disturbed["askedAgain"] = ask_again(here.maker, here.journal)
        after = aftermath(here, probes, recovery)
    return measured.payments(context, settings, [wave], after)


def run_search(context: LoadContext) -> dict[str, Any]:
    """Look for the highest rate within the limits, account for every payment of every trial, and measure the best."""
    settings = settings_of(context)
    with ground(context, settings, capacity_of(settings)) as here:
        recovery, probes = probed(here)
        waves: dict[int, Wave] = {}

        def trial(rate: int) -> Trial:
            tried = replace(settings, rate_per_s=rate, duration_s=settings.search_step_s)
            waves[rate] = wave = believed(press(tried))
            reasons = [*invalidities(facts_of(tried, wave)), *wave.reasons]
            return Trial(rate, met=not Breach(tried, wave.tally, wave.due).final(), reasons=tuple(reasons))

        search = Search(settings.search_from_per_s, settings.rate_per_s, trial)
        with presser(here, capacity_of(settings)) as press:
            search.run()
        after = aftermath(here, probes, recovery)
    best = waves[search.best or min(waves)]
    shown = replace(settings, rate_per_s=search.best or min(waves), duration_s=settings.search_step_s)
    return measured.payments(context, shown, [best], after, search=search)


def believed(wave: Wave) -> Wave:
    """Return a wave with the reason why it says nothing of the product, where its credentials had run out."""
    if refused := wave.told.pop("expired", 0):
        wave.reasons.append(
            f"{refused} payments were refused with 401 after what they were made ready with had run out, and no other "
            "could be had in time: shorten the run, or have the candidate issue tokens that last longer"
        )
    return wave


@contextlib.contextmanager
def presser(here: Ground, payments: int) -> Iterator[Callable[[Settings], Wave]]:
    """Yield what presses waves of up to ``payments`` payments in all: this process, or a crew of workers.

    Disturbances are watched answer by answer, so a disturbed scenario is always pressed from here.
    """
    if here.settings.workers == "0" or here.settings.disturbance:
        yield lambda settings: press_wave(here, settings)
        return
    # Locust patches sockets when it is imported: only here, in the load process.
    from conformance_load.crew.master import Crew

    with Crew(here, payments) as crew:
        yield crew.press
