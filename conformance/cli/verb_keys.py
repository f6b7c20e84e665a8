"""``conformance keys``: make signing keys, and decide whose reports to trust."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from conformance import exits


@click.group(name="keys")
def command() -> None:
    """Make signing keys and decide whose reports to trust.

    Keys and trust policy lie in CONFORMANCE_HOME or the platform's configuration directory. A key made here is
    protected by CONFORMANCE_KEY_PASSPHRASE if that is set.
    """


@command.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--algorithm", type=click.Choice(["ed25519", "ecdsa-p256"]), default="ed25519", show_default=True)
@click.option("--name", default="", help="How the key is called in the trust policy.")
@click.option("--audit", is_flag=True, help="A certifier's key: trusted for audits, not for self-tests.")
def new(path: Path | None, algorithm: str, name: str, audit: bool) -> int:
    """Make a key pair at PATH (default: the self-test key) and trust it on this machine."""
    from conformance.attest.keys import ALGORITHMS
    from conformance.cli.home import default_key, trust_policy
    from conformance.cli.signing import make_key
    from conformance.errors import ConfigError

    target = path or default_key()
    if target.exists():
        raise ConfigError(
            "the key exists already", where=str(target), remedy="Choose another path; keys are not replaced."
        )
    roles = ("laboratory",) if audit else ("self-tester",)
    chosen = next(item for item in ALGORITHMS if item.startswith(algorithm))
    key = make_key(target, chosen, name or target.stem, roles)
    click.echo(f"private key  {target} (mode 0600)")
    click.echo(f"public key   {target.with_suffix('.pub')}")
    click.echo(f"key id       {key.keyid}")
    click.echo(f"trusted in   {trust_policy()}")
    return exits.CONFORMANT


@command.command()
@click.argument("public", type=click.Path(path_type=Path))
@click.option("--name", default="", help="How the key is called in the trust policy.")
@click.option("--audit", is_flag=True, help="Trust it for audits, not for self-tests.")
def trust(public: Path, name: str, audit: bool) -> int:
    """Trust the public key in the PEM file PUBLIC. Compare its key id with its owner over another channel first."""
    from conformance.attest.keys import PublicKey
    from conformance.cli.signing import trust as add
    from conformance.errors import ConfigError

    try:
        key = PublicKey.from_pem(public.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"not a public key: {error}", where=str(public), remedy="Give a PEM file.") from None
    path = add(key, name or public.stem, ("laboratory",) if audit else ("self-tester",))
    click.echo(f"trusted {key.keyid} in {path}")
    return exits.CONFORMANT


@command.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
def show(path: Path | None) -> int:
    """Show the key at PATH (default: the self-test key), or the keys that are trusted."""
    from conformance.attest.policy import read_policy
    from conformance.cli.home import trust_policy
    from conformance.cli.signing import signing_key

    if path is not None:
        key = signing_key(path)
        click.echo(f"{key.algorithm}  {key.keyid}\n{key.public.pem}")
        return exits.CONFORMANT
    if not trust_policy().exists():
        click.echo(f"no trust policy yet at {trust_policy()}; `conformance keys new` makes one")
        return exits.CONFORMANT
    for trusted in read_policy(trust_policy()).keys:
        click.echo(f"{', '.join(trusted.roles):<14} {trusted.public.keyid}  {trusted.name}")
    return exits.CONFORMANT
