"""What an honest client may do in more than one way: a server that refuses one of them locks clients out.

Every request has a twin by the same client that the resource answered, so that a refusal is about the difference.
"""

from __future__ import annotations

from conformance.sdk import Candidate, Effect, Evidence, check, must_accept
from conformance_security.oauth.bound import bound_grant, spellings
from conformance_security.oauth.flow import Change, Flow, Grant, opened
from conformance_security.oauth.tokens import claiming

#: Operations without which there is no token to use.
USED = ("oauth.token", "oauth.resource")
#: Seconds for which a proof says that it is valid.
PROOF_LIFE_S = 300


@check("SEC-J09.claims", requirement="SEC-J09", needs=USED, effects=Effect.WRITE)
def further_members_change_nothing(candidate: Candidate, evidence: Evidence) -> None:
    """A proof is accepted that says more than it must: in its claims, in its header, or until when it is valid.

    What a verifier does not understand it ignores (RFC 7519 4, RFC 7515 4).
    """
    flow, grant = bound_grant(candidate)
    now = flow.now()
    changes: dict[str, Change] = {
        "a claim that nobody defined": claiming(further="claim"),
        "a header member that nobody defined": lambda proof: proof.heading(further="member"),
        "nbf and exp": claiming(nbf=now, exp=now + PROOF_LIFE_S),
    }
    for what, change in changes.items():
        answer = flow.read(grant.access_token, proof=change)
        must_accept(answer, f"a proof with {what} must be accepted")


@check("SEC-J09.query", requirement="SEC-J09", needs=USED, effects=Effect.WRITE)
def query_and_fragment_are_ignored(candidate: Candidate, evidence: Evidence) -> None:
    """A proof is accepted whose address (htu) has a query or a fragment: they do not count (RFC 9449 4.3)."""
    flow, grant = bound_grant(candidate)
    url = flow.server.resource.partition("#")[0].partition("?")[0]
    for what, more in (
        ("a query", "?page=1"),
        ("a fragment", "#top"),
        ("a query and a fragment", "?page=1#top"),
        ("an empty query and fragment", "?#"),
    ):
        answer = flow.read(grant.access_token, proof=claiming(htu=url + more))
        must_accept(answer, f"a proof whose address (htu) has {what} must be accepted")


@check("SEC-J23", needs=USED, effects=Effect.WRITE)
def one_address_has_many_spellings(candidate: Candidate, evidence: Evidence) -> None:
    """A proof is accepted whose address (htu) is the right one in another spelling (RFC 9449 4.3, RFC 3986 6.2).

    Scheme and host have no case, the default port may be named, and letters may be percent-encoded. An address of
    digits at a port of its own has fewer spellings: the evidence lists those that were tried.
    """
    flow, grant = bound_grant(candidate)
    written = spellings(flow.server.resource)
    evidence.note("spellings of the resource's address that were tried", list(written))
    for what, spelling in written.items():
        answer = flow.read(grant.access_token, proof=claiming(htu=spelling))
        must_accept(answer, f"a proof should be accepted whose address (htu) has {what}")


@check("SEC-J25", needs=USED, effects=Effect.WRITE)
def the_scheme_has_no_case(candidate: Candidate, evidence: Evidence) -> None:
    """An access token is accepted when its scheme in the Authorization header is written in the other case."""
    flow = Flow.of(candidate)
    grant = flow.grant()
    opened(flow.read(grant.access_token))
    scheme = _scheme(flow, grant).swapcase()
    must_accept(flow.read(grant.access_token, scheme=scheme), "the scheme of a token must be read in any case")
    evidence.note("scheme that was sent", scheme)


def _scheme(flow: Flow, grant: Grant) -> str:
    """Return the scheme that belongs to a token (RFC 9449 7.1, RFC 6750 2.1)."""
    return "DPoP" if flow.client.binding == "dpop" else grant.token_type or "Bearer"
