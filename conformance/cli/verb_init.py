"""``conformance init``: write a commented candidate file, and a pipeline file if wanted."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import rich_click as click

from conformance import exits

_PIPELINES = {"github": Path(".github/workflows/conformance.yml"), "gitlab": Path(".gitlab-ci.yml")}


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("candidate.toml"), show_default=True)
@click.option("--ci", type=click.Choice(sorted(_PIPELINES)), help="Write a ready pipeline file too.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(output: Path, ci: str | None, force: bool) -> int:
    """Write candidate.toml with a comment on every key, ready to be filled in."""
    text = files("conformance.cli").joinpath("templates/candidate.toml").read_text(encoding="utf-8")
    _write(output, text, force)
    if ci:
        template = files("conformance.cli").joinpath(f"templates/{ci}.yml").read_text(encoding="utf-8")
        _write(_PIPELINES[ci], template.replace("-c candidate.toml", f"-c {output.as_posix()}"), force)
    click.echo(f"next: fill it in, then run `conformance doctor -c {output}`")
    return exits.CONFORMANT


def _write(path: Path, text: str, force: bool) -> None:
    from conformance.errors import ConfigError

    if path.exists() and not force:
        raise ConfigError("the file exists already", where=str(path), remedy="Name another with -o, or add --force.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot be written: {error.strerror}", where=str(path), remedy="Check the directory."
        ) from None
    click.echo(f"wrote {path}")
