"""``conformance verify REPORT``: who signed what, when, under which policy; and whether any of it may be believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from conformance import exits

if TYPE_CHECKING:
    from conformance.attest.policy import Policy
    from conformance.attest.verify import Verified


@click.command()
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), help="Trust policy file [default: your own].")
@click.option("--key", type=click.Path(path_type=Path), help="Trust this public key (PEM) instead of a policy.")
@click.option("--evidence", type=click.Path(path_type=Path), help="Evidence directory [default: beside the report].")
@click.option("--no-evidence", is_flag=True, help="Verify the statement alone; the output says so.")
@click.option("--subject", help="SHA-256 of the product held; must equal the report's subject.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(
    report: Path,
    policy: Path | None,
    key: Path | None,
    evidence: Path | None,
    no_evidence: bool,
    subject: str | None,
    form: str,
) -> int:
    """Verify a signed report offline: envelope, signatures, completeness, verdict, evidence.

    Exit code 0 when it may be believed under the policy, whatever its verdict is; 4 when it may not.
    """
    from conformance.attest.verify import verify

    data = _read(report)
    directory = None if no_evidence else _evidence(report, evidence)
    result = verify(data, _policy(policy, key, no_evidence), directory, subject_digest=subject)
    if form == "json":
        click.echo(json.dumps(_summary(result), ensure_ascii=False, indent=2))
    else:
        click.echo(_text(result))
    return exits.CONFORMANT


def _read(report: Path) -> bytes:
    from conformance.attest.verify import read_envelope
    from conformance.errors import ConfigError

    path = report / "report.dsse.json" if report.is_dir() else report
    if not path.is_file():
        raise ConfigError(
            "cannot be read: no such file", where=str(path), remedy="Name a report.dsse.json or a run directory."
        )
    return read_envelope(path)


def _evidence(report: Path, given: Path | None) -> Path | None:
    if given is not None:
        return given
    beside = (report if report.is_dir() else report.parent) / "evidence"
    return beside if beside.is_dir() else None


def _policy(policy: Path | None, key: Path | None, without_evidence: bool) -> Policy:
    from dataclasses import replace

    from conformance.attest.keys import PublicKey
    from conformance.attest.policy import read_policy, trusting
    from conformance.cli.home import trust_policy
    from conformance.errors import ConfigError

    if key is not None:
        try:
            found = trusting(PublicKey.from_pem(key.read_bytes()), key.name, evidence=True)
        except (OSError, ValueError) as error:
            raise ConfigError(f"not a public key: {error}", where=str(key), remedy="Give a PEM file.") from None
    else:
        path = policy or trust_policy()
        if not path.exists():
            raise ConfigError(
                "no trust policy: it is not known whose signatures count",
                where=str(path),
                remedy="Get the issuer's public key from a source you trust, then `conformance keys trust FILE`, "
                "or name one with --key.",
            )
        found = read_policy(path)
    return replace(found, demands=found.demands - {"evidence"}) if without_evidence else found


def _summary(result: Verified) -> dict[str, Any]:
    document = _predicate(result)
    return {
        "verified": True,
        "asOf": result.as_of.isoformat(),
        "signers": [{"name": key.name, "keyid": key.public.keyid, "roles": list(key.roles)} for key in result.signers],
        "steps": [{"number": s.number, "name": s.name, "status": s.status, "detail": s.detail} for s in result.steps],
        "report": document["id"],
        "mode": document["mode"],
        "verdict": document["verdict"],
        "counts": document["counts"],
    }


def _predicate(result: Verified) -> dict[str, Any]:
    predicate: dict[str, Any] = dict(result.statement.predicate)
    return predicate


def _text(result: Verified) -> str:
    document = _predicate(result)
    candidate, profile = document["candidate"], document["profile"]
    counts = ", ".join(f"{count} {name}" for name, count in document["counts"].items() if count)
    lines = [
        f"{document['verdict']['value'].upper()}: {candidate['name']} {candidate['version']}, "
        f"profile {profile['id']} {profile['version']}",
        f"  requirements: {counts}",
        f"  report {document['id']}, issued {document['issuedAt']}"
        + (", SELF-DECLARED by its own maker" if document["selfDeclared"] else ", an audit"),
        *(f"  signed by {key.name} ({key.public.keyid})" for key in result.signers),
        f"  valid as of {result.as_of.strftime('%Y-%m-%dT%H:%M:%SZ')}",
        "",
    ]
    for step in result.steps:
        mark = "✓" if step.status == "passed" else "–"
        tail = f": {step.detail}" if step.detail else ""
        lines.append(f"  {mark} ({step.number}) {step.name}: {step.status}{tail}")
    return "\n".join(lines)
