"""What runs beside a press of payments: nothing, or a disturbance of the candidate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.sdk import LoadContext
from conformance_load.disturb import Disturbance, Disturber, Hooks, Kind, Pulse, Watched, described, under_way_path
from conformance_load.flow import Target, Work
from conformance_load.resets import ResetProxy
from conformance_load.settings import Settings


@dataclass(slots=True)
class Beside:
    """What a press is to use in place of its own target and work, and what came of it."""

    target: Target
    work: Work
    limit_ms: int = 0
    disturber: Disturber | None = None
    pulse: Pulse | None = None
    proxy: ResetProxy | None = None

    def described(self, epoch_ns: int) -> dict[str, Any]:
        """Return what the measurement says of disturbances; empty where there was none."""
        if self.disturber is None or self.pulse is None:
            return {}
        resets: Mapping[str, int] = self.proxy.counts if self.proxy else {}
        return described(self.disturber, self.pulse, epoch_ns, self.limit_ms, resets)


@contextlib.contextmanager
def beside(
    context: LoadContext, settings: Settings, offsets: Sequence[int], work: Work, target: Target
) -> Iterator[Beside]:
    """Disturb the candidate while the block presses, as the settings say; everything is undone afterwards."""
    if not settings.disturbance:
        yield Beside(target, work)
        return
    plan = Disturbance(
        settings.warmup_s + settings.disturb_at_s,
        Kind(settings.disturbance),
        settings.disturb_s,
        settings.slow_disk_ms,
    )
    pulse = Pulse(offsets, settings.recovered_ms_max)
    with contextlib.ExitStack() as stack:
        proxy = None
        if plan.kind is Kind.RESETS:
            made = ResetProxy(context.candidate.file, target, every=settings.reset_every, seed=context.seed)
            proxy = stack.enter_context(made)
            target = replace(target, via=proxy.address)
        disturber = Disturber([plan], Hooks(context.candidate, proxy), under_way_path(context))
        stack.callback(disturber.drop)
        watched = Watched(work, offsets, pulse, disturber)
        yield Beside(target, watched, settings.disturb_recovery_ms_max, disturber, pulse, proxy)
        disturber.finish()
