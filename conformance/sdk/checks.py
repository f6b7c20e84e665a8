"""Checks: code that decides one requirement, declared statically so that a list needs no candidate."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from conformance.model.candidate import Effect
from conformance.sdk.pause import Pause

#: A check decides when it returns; one that waits yields :class:`conformance.sdk.Pause` on the way.
CheckFunction = TypeVar("CheckFunction", bound=Callable[..., Iterator[Pause] | None])

#: Attribute of a decorated function that holds its declaration.
DECLARATION = "__conformance_check__"
_ID = re.compile(r"[A-Z][A-Z0-9]*(-[A-Za-z0-9][A-Za-z0-9.]*)+")


@dataclass(frozen=True, slots=True)
class CheckDeclaration:
    """What a check says about itself before it runs.

    ``needs``: operations. ``claims``: capabilities. ``hooks``: hooks of the test environment. ``users``: users of
    the candidate file. ``scenarios``: load scenarios whose measurements it reads. ``deadline_s``: wall clock,
    pauses included.
    """

    id: str
    requirement: str
    needs: tuple[str, ...]
    claims: tuple[str, ...]
    hooks: tuple[str, ...]
    users: tuple[str, ...]
    scenarios: tuple[str, ...]
    effects: Effect
    deadline_s: int
    module: str
    function: str
    doc: str


def check(
    id: str,
    *,
    requirement: str | None = None,
    needs: tuple[str, ...] = (),
    claims: tuple[str, ...] = (),
    hooks: tuple[str, ...] = (),
    users: tuple[str, ...] = (),
    scenarios: tuple[str, ...] = (),
    effects: Effect = Effect.READ,
    deadline_s: int = 30,
) -> Callable[[CheckFunction], CheckFunction]:
    """Declare a function as the check ``id``; ``requirement`` defaults to the same id.

    Raises ValueError at import when the id is not of the form ``SEC-V06`` or the function has no docstring.
    """
    if not _ID.fullmatch(id):
        raise ValueError(f"check id {id!r} is not of the form SUITE-NAME, for example SEC-V06")

    def declare(function: CheckFunction) -> CheckFunction:
        doc = (function.__doc__ or "").strip()
        if not doc:
            raise ValueError(f"check {id} ({function.__name__}) needs a docstring that paraphrases the clause")
        declaration = CheckDeclaration(
            id, requirement or id, needs, claims, hooks, users, scenarios, effects, deadline_s,
            function.__module__, function.__name__, doc,
        )  # fmt: skip
        collected: Any = _plain(function) if inspect.isgeneratorfunction(function) else function
        setattr(collected, DECLARATION, declaration)
        # pytest collects functions marked so, whatever their name; no private interface of pytest is used.
        collected.__test__ = True
        return cast(CheckFunction, collected)

    return declare


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a check that pauses as a function that returns its generator: pytest refuses generators themselves."""

    @functools.wraps(function)
    def begin(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return begin


def declaration_of(value: Any) -> CheckDeclaration | None:
    """Return the declaration of a check function, or None for anything else."""
    found = getattr(value, DECLARATION, None)
    return found if isinstance(found, CheckDeclaration) else None
