"""Crew files: the secret that a load master and its workers on other machines have in common."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from conformance.errors import ConfigError

#: Variable in which load processes find the secret.
VARIABLE = "CONFORMANCE_CREW_SECRET"
_SECRET = re.compile(r"[0-9a-f]{64}")


def crew_secret(path: Path, *, make: bool = False) -> str:
    """Return the secret in a crew file, 64 hexadecimal digits; with ``make``, the file is made where there is none.

    Raises ConfigError where it cannot be read, others may read it, or it holds something else.
    """
    if make and not path.exists():
        _made(path)
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigError(
            f"the crew file cannot be read: {error.strerror}",
            where=str(path),
            remedy="Copy the file that `conformance load --crew` made on the master's machine.",
        ) from None
    if mode & 0o077:
        raise ConfigError("others may read the crew's secret", where=str(path), remedy=f"Run `chmod 600 {path}`.")
    if not _SECRET.fullmatch(text):
        raise ConfigError("this is no crew file", where=str(path), remedy="Name another one; it is made at first use.")
    return text


def _made(path: Path) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(
            f"the crew file cannot be made: {error.strerror}", where=str(path), remedy="Name another place."
        ) from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(32) + "\n")
