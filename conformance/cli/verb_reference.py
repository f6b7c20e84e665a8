"""``conformance reference serve``: the reference candidate alone, to look at and to bind against."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path

import rich_click as click

from conformance import exits


@click.group(name="reference")
def command() -> None:
    """Serve the reference candidate alone, sound or with faults."""


@command.command()
@click.option(
    "--fault", "faults", multiple=True, help="Switch a defect on (repeatable); see `conformance list faults`."
)
@click.option("--directory", type=click.Path(path_type=Path), help="Where its files go [default: a temporary one].")
@click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions.")
def serve(faults: tuple[str, ...], directory: Path | None, only_plugins: tuple[str, ...]) -> int:
    """Serve on loopback until interrupted; prints the candidate file and the secrets to export."""
    from conformance.reference.process import ReferenceProcess

    with tempfile.TemporaryDirectory(prefix="conformance-reference-") as folder:
        home = directory or Path(folder)
        with ReferenceProcess(home, faults=faults, only_plugins=only_plugins or None) as reference:
            click.echo(f"candidate file: {reference.candidate_path}")
            click.echo("test secrets of this instance (they end with it):")
            for name, value in sorted(reference.environment.items()):
                click.echo(f"export {name}={value!r}" if "\n" not in value else f"# {name}: a key, see the directory")
            click.echo(f"then: conformance run -c {reference.candidate_path}")
            _wait()
    return exits.CONFORMANT


def _wait() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
