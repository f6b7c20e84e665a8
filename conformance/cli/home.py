"""Where a person's keys and trust policy lie: CONFORMANCE_HOME, or the platform's configuration directory."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the directory of keys and trust policy; it may not exist yet."""
    if os.environ.get("CONFORMANCE_HOME"):
        return Path(os.environ["CONFORMANCE_HOME"])
    import platformdirs

    return Path(platformdirs.user_config_dir("fintech-conformance"))


def default_key() -> Path:
    """Return the path of the key that self-tests are signed with."""
    return home() / "keys" / "self-test.pem"


def trust_policy() -> Path:
    """Return the path of the trust policy that `verify` uses unless told otherwise."""
    return home() / "trust.toml"
