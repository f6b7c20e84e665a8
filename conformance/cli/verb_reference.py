"""``conformance reference serve``: the reference candidate alone, to look at and to bind against."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Mapping
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
    """Serve on loopback until interrupted; prints where its candidate file and its secrets lie."""
    from conformance.reference.process import ReferenceProcess

    stop = _stop_signal()

    with tempfile.TemporaryDirectory(prefix="conformance-reference-") as folder:
        home = directory or Path(folder)
        with ReferenceProcess(home, faults=faults, only_plugins=only_plugins or None) as reference:
            secrets = _write_secrets(home / "secrets.env", reference.environment)
            click.echo(f"candidate file  {reference.candidate_path}")
            click.echo(f"its secrets     {secrets} (mode 0600; they end with this instance)")
            click.echo("in another shell:")
            click.echo(f"  . {secrets} && conformance run -c {reference.candidate_path}")
            stop.wait()
    return exits.CONFORMANT


def _write_secrets(path: Path, environment: Mapping[str, str]) -> Path:
    """Write what the candidate file names as shell exports, readable by their owner only."""
    import os
    import shlex

    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environment.items()))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


def _stop_signal() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set; called first, so that neither can come too early."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
