"""``conformance schemas``: the JSON Schemas of all files that people write, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import rich_click as click

from conformance import exits


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def command(directory: Path) -> int:
    """Write the schemas into DIRECTORY; they are generated from the model."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, schema in all_schemas().items():
        path = directory / f"{name}.schema.json"
        path.write_text(json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        click.echo(str(path))
    return exits.CONFORMANT


def all_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas by the name of the file they are for."""
    from conformance.attest.policy import policy_schema
    from conformance.files.candidate_file import candidate_schema
    from conformance.files.catalogue_file import catalogue_schema
    from conformance.files.profile_file import profile_schema
    from conformance.files.waiver_file import waiver_schema

    return {
        "candidate": candidate_schema(),
        "catalogue": catalogue_schema(),
        "profile": profile_schema(),
        "waivers": waiver_schema(),
        "trust-policy": policy_schema(),
    }
