"""The oracle: encodings, digests, trees and signatures recomputed by code that shares nothing with the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import NotTested
from conformance_ledger.oracle.comet import CometProfile
from conformance_ledger.oracle.neutral import NeutralProfile
from conformance_ledger.oracle.profile import HashProfile


def profile_of(declared: Mapping[str, Any]) -> HashProfile:
    """Return the hash profile that ``declared.ledger.profile`` names; raises NotTested when it names none."""
    name = declared.get("profile")
    if name == "neutral":
        return NeutralProfile(declared)
    if name == "cometbft":
        return CometProfile(str(declared["chain"]))
    raise NotTested(
        f'[declared.ledger] profile is {name!r}; add profile = "neutral" with a hash_profile, or "cometbft"',
        blame="CONFIG",
    )


__all__ = ["CometProfile", "HashProfile", "NeutralProfile", "profile_of"]
