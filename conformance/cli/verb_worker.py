"""``conformance worker``: generate load for a master on another machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import rich_click as click

from conformance import exits


@click.command()
@click.option(
    "-c", "--candidate", type=click.Path(path_type=Path), help="The candidate file [default: candidate.toml]."
)
@click.option("--master", required=True, metavar="HOST:PORT", help="Where `conformance load --bind` listens.")
@click.option(
    "--crew", required=True, type=click.Path(path_type=Path), help="A copy of the master's crew file, mode 0600."
)
@click.option("--name", required=True, help="The name that `conformance load --workers` waits for.")
@click.option("--idle", "idle_s", default=6 * 3600, show_default=True, help="Seconds to wait for a (next) scenario.")
@click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions.")
def command(
    candidate: Path | None, master: str, crew: Path, name: str, idle_s: int, only_plugins: tuple[str, ...]
) -> int:
    """Generate load for a master elsewhere, scenario after scenario.

    The candidate file must be the master's, and its secrets in this environment. Ends with 0 when no master came for a
    while and at least one scenario was served, with 3 when none was.
    """
    from conformance.engine.load_worker import Service, serve
    from conformance.engine.run import require_secrets
    from conformance.files.candidate_file import find_candidate, read_candidate
    from conformance.files.crew_file import VARIABLE, crew_secret

    _require_address(master)
    path = find_candidate(candidate)
    require_secrets(read_candidate(path), {})
    environment = {**os.environ, VARIABLE: crew_secret(crew)}
    service = Service(path, master, name, idle_s, only_plugins or None)
    served = serve(service, environment, lambda text: print(text, file=sys.stderr))  # noqa: T201
    return exits.CONFORMANT if served else exits.INCONCLUSIVE


def _require_address(master: str) -> None:
    import re

    from conformance.errors import ConfigError

    if not re.fullmatch(r"[^\s:/]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}", master, re.ASCII):
        raise ConfigError(
            f"{master!r} is not HOST:PORT", where="--master", remedy="Give what `conformance load --bind` was given."
        )
