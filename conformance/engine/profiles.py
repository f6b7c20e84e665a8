"""Finding profiles: by id among the installed ones, or by path."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from conformance.errors import ConfigError
from conformance.files.profile_file import read_profile
from conformance.model.profile import Profile
from conformance.plugins import load_modules


def all_profiles(only: tuple[str, ...] | None = None) -> list[Profile]:
    """Return all installed profiles, sorted by id; raises FileProblems for a wrong one."""
    found = [
        read_profile(Path(str(item)))
        for module, _ in load_modules("profile", only).values()
        for item in files(module).iterdir()
        if item.name.endswith(".toml")
    ]
    return sorted(found, key=lambda profile: profile.id)


def find_profile(name: str, only: tuple[str, ...] | None = None) -> Profile:
    """Return the profile of that id, or the one in the file of that name."""
    if name.endswith(".toml") or "/" in name:
        return read_profile(Path(name))
    installed = all_profiles(only)
    found = next((profile for profile in installed if profile.id == name), None)
    if found is None:
        known = ", ".join(profile.id for profile in installed)
        raise ConfigError(
            f"no profile {name!r}; installed are {known}", where="--profile", remedy="See `conformance list profiles`."
        )
    return found
