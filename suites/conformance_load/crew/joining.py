"""Shares of a wave: what one generator sends of what it measured, and how shares are added up. Nothing is averaged."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import zstandard

from conformance.sdk import Sighting, WireMessage
from conformance_load.flow import Pressed, now_ns
from conformance_load.journal import PaymentJournal
from conformance_load.presign import Cost
from conformance_load.settings import Settings
from conformance_load.tally import Tally
from conformance_load.wave import Wave


def share_of(wave: Wave, journal: PaymentJournal) -> dict[str, Any]:
    """Return a wave as plain data, with the journal's states and times."""
    return {
        "tally": wave.tally.share(),
        "pressed": asdict(wave.pressed),
        "scheduled": wave.scheduled,
        "due": wave.due,
        "offered": wave.offered,
        "cost": asdict(wave.cost),
        "told": wave.told,
        "sightings": [_plain(item) for item in wave.sightings],
        "states": zstandard.ZstdCompressor().compress(bytes(journal.states)),
        "times": zstandard.ZstdCompressor().compress(journal.all_times.tobytes()),
    }


def write_states(share: Mapping[str, Any], journal: PaymentJournal) -> None:
    """Write the states that a share brought into a journal of the same size."""
    states = zstandard.ZstdDecompressor().decompress(share["states"], max_output_size=journal.capacity)
    journal.states[: len(states)] = states


def write_times(share: Mapping[str, Any], journal: PaymentJournal, offset_ns: int) -> None:
    """Write the times that a share brought into a journal of the same size, on our own clock.

    ``offset_ns``: how far the other machine's time of day is ahead of ours.
    """
    theirs = zstandard.ZstdDecompressor().decompress(share["times"], max_output_size=16 * journal.capacity)
    pressed = share["pressed"]
    to_wall = int(pressed["epoch_wall_ns"]) - int(pressed["epoch_ns"])
    shift = to_wall - offset_ns - (time.time_ns() - now_ns())
    times = np.frombuffer(theirs, dtype=np.int64)
    ours = np.frombuffer(journal.all_times, dtype=np.int64)
    ours[: len(times)] = np.where(times > 0, times + shift, 0)


def joined(shares: Sequence[Mapping[str, Any]], settings: Settings) -> Wave:
    """Return the wave that several generators made together."""
    tally = Tally(settings.duration_s)
    for share in shares:
        tally.add(share["tally"])
    costs = [share["cost"] for share in shares]
    ahead = any(cost["how"] == "made ahead" for cost in costs)
    return Wave(
        tally=tally,
        pressed=_pressed([share["pressed"] for share in shares]),
        scheduled=sum(share["scheduled"] for share in shares),
        due=sum(share["due"] for share in shares),
        offered=[sum(counts) for counts in zip(*(share["offered"] for share in shares), strict=True)],
        cost=Cost(
            sum(cost["requests"] for cost in costs),
            sum(cost["cpu_us"] for cost in costs),
            "made ahead" if ahead else "template",
        ),
        told=summed([share["told"] for share in shares]),
        sightings=[_sighting(item) for share in shares for item in share["sightings"]],
    )


def summed(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add numbers that stand at the same place in several nested tables."""
    made: dict[str, Any] = {}
    for item in items:
        for name, value in item.items():
            if isinstance(value, Mapping):
                made[name] = summed([made.get(name, {}), value])
            else:
                made[name] = made.get(name, 0) + value
    return made


def _pressed(items: Sequence[Mapping[str, Any]]) -> Pressed:
    """Join facts: the busiest generator's core and the latest start count: that one may have been the limit."""
    return Pressed(
        epoch_ns=int(items[0]["epoch_ns"]),
        epoch_wall_ns=min(int(item["epoch_wall_ns"]) for item in items),
        aborted=next((str(item["aborted"]) for item in items if item["aborted"]), ""),
        cpu_permille=max(int(item["cpu_permille"]) for item in items),
        connections=sum(int(item["connections"]) for item in items),
        surplus=sum(int(item["surplus"]) for item in items),
        told=sum(int(item["told"]) for item in items),
        late_us=max(int(item["late_us"]) for item in items),
        own_failures=sum(int(item["own_failures"]) for item in items),
        own_failure=next((str(item["own_failure"]) for item in items if item["own_failure"]), ""),
    )


def _plain(sighting: Sighting) -> dict[str, Any]:
    return {
        "kind": sighting.kind,
        "request": _message(sighting.request),
        "response": _message(sighting.response) if sighting.response else None,
        "started_us": sighting.started_us,
        "elapsed_us": sighting.elapsed_us,
        "error": sighting.error,
        "command": sighting.curl,
        "net": dict(sighting.net),
    }


def _message(message: WireMessage) -> dict[str, Any]:
    return {"start": message.start, "headers": [list(pair) for pair in message.headers], "body": message.body}


def _sighting(value: Mapping[str, Any]) -> Sighting:
    response = value["response"]
    return Sighting(**{**value, "request": _wire(value["request"]), "response": _wire(response) if response else None})


def _wire(value: Mapping[str, Any]) -> WireMessage:
    return WireMessage(value["start"], tuple((name, text) for name, text in value["headers"]), value["body"])
