"""Limits on a running or finished stream: which are broken, and whether that is beyond doubt already."""

from __future__ import annotations

from dataclasses import dataclass

from conformance_load.flow import now_ns
from conformance_load.settings import Settings
from conformance_load.tally import Tally

#: Fewer answers than this show nothing for certain.
_SAMPLES_MIN = 100


@dataclass(slots=True)
class Breach:
    """Compares a tally with its limits. ``due``: payments that a sound product confirms, known once all is sent."""

    settings: Settings
    tally: Tally
    due: int

    def watch(self) -> str:
        """Return which limit is broken for certain while the pressure is on, or ""."""
        tally, settings = self.tally, self.settings
        if now_ns() < tally.start_ns + settings.abort_after_s * 1_000_000_000:
            return ""
        answered = tally.response.count
        if answered < _SAMPLES_MIN:
            return ""
        if self._errors() * 1000 > 2 * settings.error_permille_max * answered:
            return f"{self._errors()} of {answered} requests got no proper answer, twice what is allowed"
        interval = tally.response.interval(9900)
        if interval and interval[0] > settings.p99_ms_max * 1000:
            return (
                f"the 99th percentile is above {settings.p99_ms_max} ms for certain (at least {interval[0] // 1000} ms)"
            )
        return ""

    def final(self) -> list[str]:
        """Return the limits that a finished stream broke."""
        tally, settings = self.tally, self.settings
        broken = []
        for name, share, most_ms in (("p50", 5000, settings.p50_ms_max), ("p99", 9900, settings.p99_ms_max)):
            if tally.late(share) > most_ms * 1000:
                broken.append(name)
        if self._errors() * 1000 > max(tally.sent, 1) * settings.error_permille_max:
            broken.append("errors")
        if tally.counts["confirmed"] * 1000 < self.due * settings.confirmed_permille_min:
            broken.append("confirmed")
        return broken

    def _errors(self) -> int:
        return self.tally.counts["broken"] + self.tally.counts["unsent"]
