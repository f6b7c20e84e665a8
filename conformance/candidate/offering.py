"""What a candidate offers: which operations are mapped, and which of those it says it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from conformance.candidate.mapping import Operation, compile_operation
from conformance.candidate.reading_toml import Place
from conformance.contract.neutral import neutral_operations
from conformance.errors import Problem
from conformance.model.candidate import CandidateFile


@dataclass(frozen=True, slots=True)
class Offer:
    """Compiled operations by name, the names offered, and those the file says are absent (``false``)."""

    compiled: Mapping[str, Operation]
    names: frozenset[str]
    absent: frozenset[str]
    problems: tuple[Problem, ...]

    def why_not(self, name: str) -> str:
        """Say what would have to be written so that an operation is offered."""
        if name in self.absent:
            return "it says that the product does not have it"
        if name in self.compiled:
            return f"add {self.compiled[name].group!r} or {name!r} to supports"
        return f'map it under [operations."{name}"]'


@cache
def offer_of_neutral() -> Mapping[str, Operation]:
    """Return the compiled neutral contract."""
    return {
        name: compile_operation(Place(entry, f"$.neutral.{name}", name), {})
        for name, entry in neutral_operations().items()
    }


def offer_of(candidate: CandidateFile) -> Offer:
    """Return what a candidate file offers, with every mistake in its mapping.

    An operation is offered if it is mapped, and either mapped by the candidate file itself, or it or its group is
    listed in ``supports``. The neutral contract maps everything, unless ``[mapping] contract = "none"``.
    """
    problems: list[Problem] = []
    defaults = candidate.mapping
    neutral = {} if defaults.get("contract") == "none" else offer_of_neutral()
    own = Place(candidate.operations, "$.operations", "operations", problems)
    compiled = {name: entry for name, entry in neutral.items() if name not in candidate.operations}
    absent = set()
    for place in own.members():
        if place.value is False:
            absent.add(place.name)
        elif isinstance(place.value, Mapping):
            compiled[place.name] = compile_operation(place, defaults, neutral_operations().get(place.name))
        else:
            place.wrong("a table that maps the operation, or false where the product does not have it")
    supports = set(candidate.supports)
    names = frozenset(
        name
        for name, operation in compiled.items()
        if name in candidate.operations or name in supports or operation.group in supports
    )
    return Offer(compiled, names, frozenset(absent), tuple(problems))
