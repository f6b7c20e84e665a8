"""Finding profiles: by id among the installed ones, or by path."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from conformance.errors import ConfigError
from conformance.files.profile_file import read_profiles
from conformance.model.profile import Profile
from conformance.plugins import load_modules


def all_profiles(only: tuple[str, ...] | None = None) -> list[Profile]:
    """Return all installed profiles, sorted by id; raises FileProblems for a wrong one."""
    found = [
        profile
        for module, _ in load_modules("profile", only).values()
        for item in files(module).iterdir()
        if item.name.endswith(".toml")
        for profile in read_profiles(Path(str(item)))
    ]
    return sorted(found, key=lambda profile: profile.id)


def find_profile(name: str, only: tuple[str, ...] | None = None) -> Profile:
    """Return the profile of that id, or the one in the file of that name (``FILE.toml:LEVEL`` where it has levels).

    Raises ConfigError when there is none, or several.
    """
    path, ending, level = name.rpartition(".toml")
    if ending or "/" in name:
        return _of_file(path + ending if ending else name, level.removeprefix(":"))
    installed = all_profiles(only)
    found = next((profile for profile in installed if profile.id == name), None)
    if found is None:
        levels = [profile.id for profile in installed if profile.id.startswith(f"{name}-")]
        known = ", ".join(levels or [profile.id for profile in installed])
        problem = f"profile {name!r} has levels: {known}" if levels else f"no profile {name!r}; installed are {known}"
        raise ConfigError(problem, where="--profile", remedy="See `conformance list profiles`.")
    return found


def _of_file(path: str, level: str) -> Profile:
    found = read_profiles(Path(path))
    chosen = [profile for profile in found if not level or profile.id.endswith(f"-{level}")]
    if len(chosen) != 1:
        levels = ", ".join(f"{path}:{profile.id.rpartition('-')[2]}" for profile in found)
        raise ConfigError(
            f"{path} holds {len(found)} profiles, of which {level or 'no level'!r} names {len(chosen) if level else 0}",
            where="--profile",
            remedy=f"Say one of {levels}." if len(found) > 1 else "This profile has no levels: leave the level out.",
        )
    return chosen[0]
