"""Who belongs to a crew and where it meets: the parameters ``workers``, ``bind`` and ``crew``, read without Locust."""

from __future__ import annotations

import re

from conformance.errors import ConfigError

_NAMES = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?:\*(?P<count>\d{1,3}))?")


def names_of(workers: str) -> tuple[list[str], bool]:
    """Return the names that ``workers`` stands for, and whether they are processes of this machine.

    A number asks for so many local ones; ``alpha,beta*2`` names alpha, beta-1 and beta-2. Raises ConfigError.
    """
    if workers.isascii() and workers.isdigit():
        return [f"local-{number}" for number in range(1, int(workers) + 1)], True
    names: list[str] = []
    for text in workers.split(","):
        found = _NAMES.fullmatch(text.strip())
        if found is None:
            raise ConfigError(
                f"{text!r} is neither a number nor a name of a worker",
                where="load.workers",
                remedy="Give a number for local processes, or names such as alpha,beta*2.",
            )
        count = found["count"]
        names += [f"{found['name']}-{number}" for number in range(1, int(count) + 1)] if count else [found["name"]]
    if len(set(names)) != len(names):
        raise ConfigError("a worker is named twice", where="load.workers", remedy="Name each once.")
    return names, False


def require_crew(workers: str, bind: str, crew: str) -> None:
    """Raise ConfigError where the parameters of a crew cannot be followed."""
    _, local = names_of(workers)
    if not local:
        address_of(bind)
        if not crew:
            raise ConfigError(
                "workers elsewhere need a secret in common",
                where="load.crew",
                remedy="Name a file with --crew; it is made at first use. Copy it to each worker.",
            )


def address_of(bind: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; raises ConfigError for anything else."""
    host, _, port = bind.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ConfigError(
            f"{bind!r} is not HOST:PORT", where="load.bind", remedy="Give for example --bind 192.0.2.10:5557."
        )
    return host.strip("[]"), int(port)
