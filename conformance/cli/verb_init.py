"""``conformance init``: write a commented candidate file, and a pipeline file if wanted."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import rich_click as click

from conformance import exits

_PIPELINES = {"github": Path(".github/workflows/conformance.yml"), "gitlab": Path(".gitlab-ci.yml")}


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("candidate.toml"), show_default=True)
@click.option(
    "--from-openapi", "source", metavar="FILE|URL", help="Propose the mapping from the product's OpenAPI document."
)
@click.option("--ci", type=click.Choice(sorted(_PIPELINES)), help="Write a ready pipeline file too.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(output: Path, source: str | None, ci: str | None, force: bool) -> int:
    """Write candidate.toml with a comment on every key, ready to be filled in.

    With --from-openapi it is filled in as far as an OpenAPI 3 or Swagger 2.0 document (JSON or YAML, a file or an
    address on this machine) tells: every guess has its confidence and its reason beside it.
    """
    if source:
        return _proposed(output, source, ci, force)
    text = files("conformance.cli").joinpath("templates/candidate.toml").read_text(encoding="utf-8")
    _write(output, text, force)
    _pipeline(output, ci, force)
    click.echo(f"next: fill it in, then run `conformance doctor -c {output}`")
    return exits.CONFORMANT


def _proposed(output: Path, source: str, ci: str | None, force: bool) -> int:
    from conformance.openapi.document import read_document
    from conformance.openapi.proposal import propose

    made = propose(read_document(source), source)
    _write(output, made.text(), force)
    _pipeline(output, ci, force)
    for name, sure in sorted(made.confidences.items(), key=lambda item: -item[1]):
        known = "neutral form, nothing to map" if name in made.neutral else made.matching.titles()[name]
        click.echo(f"  {sure:.2f} {name} ← {known}")
    click.echo(
        f"{len(made.matching.theirs)} of {len(made.document.endpoints)} endpoints are left over, listed in the file"
    )
    click.echo(f"next: look at the lines marked ?, set the secrets, then run `conformance doctor -c {output}`")
    return exits.CONFORMANT


def _pipeline(output: Path, ci: str | None, force: bool) -> None:
    if ci:
        template = files("conformance.cli").joinpath(f"templates/{ci}.yml").read_text(encoding="utf-8")
        _write(_PIPELINES[ci], template.replace("-c candidate.toml", f"-c {output.as_posix()}"), force)


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
