"""``conformance report RUN``: render a finished run again."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import rich_click as click

from conformance import exits


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--report", "names", multiple=True, help="Only this format (repeatable) [default: all].")
@click.option("--lang", type=click.Choice(["en", "zh-CN"]), default="en")
@click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions.")
def command(run: Path, names: tuple[str, ...], lang: str, only_plugins: tuple[str, ...]) -> int:
    """Render the signed statement of a run directory again, in every format or the named ones."""
    from conformance.engine.render import render_all
    from conformance.engine.rundir import open_run, read_json
    from conformance.errors import ConfigError
    from conformance.plugins import load_modules

    directory = open_run(run)
    if not directory.payload.exists():
        raise ConfigError(
            "the run has no report yet", where=str(run), remedy=f"Finish it with `conformance run --resume {run}`."
        )
    statement = read_json(directory.payload)
    only = only_plugins or None
    written = render_all(directory, statement, names=names, only=only)
    terminal = load_modules("report", only).get("terminal")
    if terminal and (not names or "terminal" in names):
        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        width = shutil.get_terminal_size((100, 24)).columns
        click.echo(terminal[0].render_text(statement, width, color, lang, run), color=color)
    for paths in written.values():
        for path in paths[:1]:
            click.echo(str(path))
    return exits.CONFORMANT
