"""The faults seeded in the reference candidate, the checks they must trip, and the words those checks must say."""

from __future__ import annotations

from conformance.sdk import Fault
from conformance_security.faults import (
    abuse,
    authorization,
    certificates,
    consent,
    input,
    money,
    oauth,
    races,
    signature,
    tokens,
    transport,
)

#: Every fault that a security check must detect, chapter by chapter.
FAULTS: tuple[Fault, ...] = (
    *money.FAULTS,
    *authorization.FAULTS,
    *tokens.FAULTS,
    *signature.FAULTS,
    *transport.FAULTS,
    *certificates.FAULTS,
    *consent.FAULTS,
    *input.FAULTS,
    *abuse.FAULTS,
    *oauth.FAULTS,
    *races.FAULTS,
)
