"""Whether anything listens where a candidate file says that the product is: asked before all else, in one second."""

from __future__ import annotations

import socket
from contextlib import suppress
from urllib.parse import urlsplit

from conformance.candidate.scope import DEFAULT_PORTS, Unresolved, resolve
from conformance.errors import ConfigError
from conformance.model.candidate import CandidateFile

#: A product that is slow to accept is no concern here; one that is not running refuses at once.
PATIENCE_S = 1.0


def require_listening(candidate: CandidateFile) -> None:
    """Raise ConfigError when the address of ``base_url`` refuses connections: nothing is running there.

    Only that is judged. A name without an address, a silent address and a base URL that is no HTTP are left to the
    driver, which says of each exchange what went wrong.
    """
    with suppress(ValueError, Unresolved):
        parts = urlsplit(candidate.base_url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            return
        if all(_refuses(address, port) for address in resolve(parts.hostname, port)):
            raise ConfigError(
                f"nothing listens at base_url {candidate.base_url}: the connection is refused",
                where=f"{candidate.path or 'candidate.toml'}: base_url",
                remedy="Start the product, or correct base_url; then `conformance doctor` says what it understands.",
            )


def _refuses(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=PATIENCE_S):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
