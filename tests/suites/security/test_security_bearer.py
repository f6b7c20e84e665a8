"""The genuine access token of a caller, and what is sent in its place."""

from __future__ import annotations

import pytest
from stub_bank import Bank, candidate_of

from conformance.sdk import Accepted, Answer, NotApplicable, Prepared
from conformance_security.bearer import bearing, read_with_token


class Authenticated(Bank):
    """Shows which Authorization its driver has sent."""

    authorization = "Bearer genuine"

    def perform(self, prepared: Prepared) -> Answer:
        answer = super().perform(prepared)
        if isinstance(answer, Accepted):
            answer.exchange.request_headers["Authorization"] = self.authorization  # type: ignore[index]
        return answer


def test_a_forged_bearer_token_is_sent_without_any_other_credential() -> None:
    read, token = read_with_token(candidate_of(Authenticated()))
    forged = bearing(read, "forged")
    assert token == "genuine"
    assert forged.user is None
    assert [(edit.name, edit.value) for edit in forged.edits] == [("Authorization", "Bearer forged")]


def test_a_forged_token_under_dpop_keeps_the_caller_who_proves_its_key() -> None:
    """Otherwise the missing proof would be the reason for the refusal, whatever the token."""
    bank = Authenticated()
    bank.authorization = "DPoP genuine"
    read, token = read_with_token(candidate_of(bank))
    forged = bearing(read, "forged")
    assert token == "genuine"
    assert forged.user == "alice"
    assert [(edit.name, edit.value) for edit in forged.edits] == [("Authorization", "DPoP forged")]


def test_callers_without_a_token_have_none_to_forge() -> None:
    bank = Authenticated()
    bank.authorization = "Basic YWxpY2U6cHc="
    with pytest.raises(NotApplicable, match="not authenticated by an access token"):
        read_with_token(candidate_of(bank))
