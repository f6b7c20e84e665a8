"""Keys and trust as the verbs use them: the key that signs a run, and the check of what was just written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from conformance.cli.home import default_key, trust_policy

if TYPE_CHECKING:
    from conformance.attest.keys import KeyPair, PublicKey
    from conformance.engine.rundir import RunDirectory

#: Environment variable with the passphrase of the signing key, if it has one.
PASSPHRASE = "CONFORMANCE_KEY_PASSPHRASE"  # noqa: S105 - the variable's name

POLICY_HEAD = """\
# Whose reports `conformance verify` trusts, and what it demands of them.
schema = "conformance/trust-policy/v1"
title = "{title}"

[accept]
evidence = "required"
certificates = "not required"
timestamp = "not required"
registry = "not required"
"""

#: The modes in which a role may sign; a role is written with its first key, because one without keys is a mistake.
ROLE_MODES = {"self-tester": "self-test", "laboratory": "audit"}

KEY_ENTRY = """
[[keys]]
name = "{name}"
roles = [{roles}]
algorithm = "{algorithm}"
public_key = '''
{pem}'''
"""


def signing_key(path: Path | None) -> KeyPair:
    """Return the key to sign with; the self-test key is made, and trusted for self-tests, on first use."""
    import os

    from conformance.attest.keys import KeyPair

    if path is not None:
        return KeyPair.load(path, os.environ.get(PASSPHRASE))
    own = default_key()
    if not own.exists():
        make_key(own, "ed25519", "self-test key of this machine", ("self-tester",))
    return KeyPair.load(own)


def make_key(path: Path, algorithm: str, name: str, roles: tuple[str, ...]) -> KeyPair:
    """Make a key pair, save the private part (mode 0600), and trust the public one in the own policy."""
    import os

    from conformance.attest.keys import KeyPair

    key = KeyPair.new(algorithm)
    key.save(path, os.environ.get(PASSPHRASE))
    public = public_key_of(key)
    path.with_suffix(".pub").write_text(public.pem, encoding="ascii")
    trust(public, name, roles)
    return key


def public_key_of(key: KeyPair) -> PublicKey:
    """Return the public part of a key pair."""
    return key.public


def trust(public: PublicKey, name: str, roles: tuple[str, ...]) -> Path:
    """Add a public key to the own trust policy, which is made if there is none; return its path.

    Raises ConfigError for a key that is trusted already, but in other roles: that is for its reader to decide.
    """
    from conformance.attest.policy import read_policy
    from conformance.errors import ConfigError

    path = trust_policy()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text(encoding="utf-8") if path.exists() else POLICY_HEAD.format(title="own trust policy")
    known = read_policy(path).keys if path.exists() else ()
    twin = next((key for key in known if key.public.spki == public.spki), None)
    if twin is not None and set(roles) <= set(twin.roles):
        return path
    if twin is not None:
        raise ConfigError(
            f"the key is trusted already, as {', '.join(twin.roles)}, not as {', '.join(roles)}",
            where=str(path),
            remedy=f"If that is meant, change the roles of {twin.name!r} in that file.",
        )
    text += _role_text(text, roles)
    quoted = ", ".join(f'"{role}"' for role in roles)
    text += KEY_ENTRY.format(name=name.replace('"', "'"), roles=quoted, algorithm=public.algorithm, pem=public.pem)
    path.write_text(text, encoding="utf-8")
    return path


def _role_text(text: str, roles: tuple[str, ...]) -> str:
    missing = [role for role in roles if f'name = "{role}"' not in text]
    return "".join(f'\n[[roles]]\nname = "{role}"\nthreshold = 1\nmodes = ["{ROLE_MODES[role]}"]\n' for role in missing)


def self_check(run: RunDirectory, keyid: str) -> str:
    """Verify the report that was just written, with the own policy; return a line that says how it went.

    Raises UntrustedError if the report does not verify: then something is wrong with this machine.
    """
    from conformance.attest.policy import read_policy
    from conformance.attest.verify import verify

    if not trust_policy().exists():
        return "not verified: there is no trust policy; see `conformance keys trust`"
    policy = read_policy(trust_policy())
    if not any(key.public.keyid == keyid for key in policy.keys):
        return f"not verified: {trust_policy()} does not trust {keyid}; see `conformance keys trust`"
    result = verify(run.envelope.read_bytes(), policy, run.evidence)
    done = sum(1 for step in result.steps if step.status == "passed")
    return f"{done} of {len(result.steps)} steps passed, the others are not required by the policy"
