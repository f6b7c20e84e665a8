"""Binding: a candidate file, a recorder and the installed drivers become the candidate that checks see."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.candidate.hooks import CommandHooks
from conformance.errors import ConfigError, FileProblems
from conformance.model.candidate import CandidateFile
from conformance.sdk.candidate import Candidate, Pool
from conformance.sdk.drivers import DriverFactory, Recorder


def bind(candidate: CandidateFile, recorder: Recorder, drivers: Mapping[str, DriverFactory]) -> Candidate:
    """Return the bound candidate, seen as the first of its users.

    ``drivers`` are the installed factories by name. Raises ConfigError if the file names none of them, and
    FileProblems with every mistake the driver finds.
    """
    factory = drivers.get(candidate.driver)
    where = str(candidate.path or "candidate.toml")
    if factory is None:
        known = ", ".join(sorted(drivers)) or "none"
        raise ConfigError(
            f"no driver {candidate.driver!r}; installed: {known}",
            where=where,
            remedy="Correct driver in candidate.toml, or install the plugin that brings it.",
        )
    problems = factory.problems(candidate)
    if problems:
        raise FileProblems(where, problems)
    driver = factory.open(candidate, recorder)
    user = next(iter(candidate.users), None)
    return Candidate(driver, candidate, Pool(candidate.pool), CommandHooks(candidate, recorder), user)
