"""Everything that is installed: suites with their catalogues and check declarations, and where each came from."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.errors import PluginError
from conformance.files.catalogue_file import read_catalogue
from conformance.model.requirement import Catalogue, Requirement
from conformance.plugins import LoadedSuite, load_suites
from conformance.sdk.checks import CheckDeclaration, declaration_of


@dataclass(frozen=True, slots=True)
class SuiteContents:
    """A suite, its catalogue, and its checks in the order of their modules."""

    loaded: LoadedSuite
    catalogue: Catalogue
    checks: tuple[CheckDeclaration, ...]

    @property
    def id(self) -> str:
        """The suite's id."""
        return self.loaded.suite.id

    def checks_of(self, requirement: str) -> list[CheckDeclaration]:
        """Return the checks that decide a requirement."""
        return [item for item in self.checks if item.requirement == requirement]


@dataclass(frozen=True, slots=True)
class World:
    """All suites that may take part in a run."""

    suites: tuple[SuiteContents, ...]

    def suite(self, identifier: str) -> SuiteContents | None:
        """Return a suite by id, or None."""
        return next((item for item in self.suites if item.id == identifier), None)

    def find(self, requirement: str) -> tuple[SuiteContents, Requirement] | None:
        """Return a requirement of any suite, by its own id or by the id of a check that decides it."""
        for contents in self.suites:
            wanted = next((item.requirement for item in contents.checks if item.id == requirement), requirement)
            found = contents.catalogue.find(wanted)
            if found:
                return contents, found
        return None


def load_world(only: Collection[str] | None = None, suites: Collection[str] | None = None) -> World:
    """Load the installed suites; ``only`` as in --only-plugins, ``suites`` keeps the named ones.

    Raises PluginError naming the plugin whose import, catalogue or declarations are wrong.
    """
    found = [item for item in load_suites(only) if suites is None or item.suite.id in suites]
    return World(tuple(_contents(item) for item in found))


def _contents(loaded: LoadedSuite) -> SuiteContents:
    catalogue = read_catalogue(loaded.suite.id, loaded.suite.package)
    checks = tuple(declaration for module in loaded.suite.checks for declaration in _declarations(module, loaded))
    _validate(loaded, catalogue, checks)
    return SuiteContents(loaded, catalogue, checks)


def _declarations(module: str, loaded: LoadedSuite) -> list[CheckDeclaration]:
    try:
        imported = importlib.import_module(module)
    except Exception as error:
        reason = f"importing {module} failed: {type(error).__name__}: {error}"
        raise PluginError(loaded.source.name, reason) from error
    found = [declaration_of(value) for value in vars(imported).values()]
    return [item for item in found if item is not None and item.module == module]


def _validate(loaded: LoadedSuite, catalogue: Catalogue, checks: tuple[CheckDeclaration, ...]) -> None:
    floats = sorted(_floats(loaded.suite.parameters))
    if floats:
        raise PluginError(loaded.source.name, f"parameters {', '.join(floats)} are floats; use an integer and its unit")
    seen: set[str] = set()
    for item in checks:
        if item.id in seen:
            raise PluginError(loaded.source.name, f"check id {item.id} is used twice ({item.module}.{item.function})")
        seen.add(item.id)
        if catalogue.find(item.requirement) is None:
            raise PluginError(loaded.source.name, f"check {item.id} decides {item.requirement}, not in the catalogue")
        unknown = [name for name in item.scenarios if name not in {scenario.id for scenario in loaded.suite.scenarios}]
        if unknown:
            raise PluginError(loaded.source.name, f"check {item.id} reads unknown scenarios {', '.join(unknown)}")


def _floats(parameters: Mapping[str, Any]) -> list[str]:
    """Find parameters that cannot be signed: canonical JSON holds no floats here."""
    nested = {key: value for key, value in parameters.items() if isinstance(value, Mapping)}
    found = [key for key, value in parameters.items() if isinstance(value, float)]
    return found + [f"{key}.{name}" for key, value in nested.items() for name in _floats(value)]
