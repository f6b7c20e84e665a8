"""Creditor references: what the product does with right and wrong ones."""

from conformance.sdk import Candidate, check, must_accept, refused
from conformance_iso11649.oracle import make

_VALIDATE = "references.validate"


@check("RF-01", needs=(_VALIDATE,))
def a_correct_reference_is_accepted(candidate: Candidate) -> None:
    """A reference whose remainder by 97 is 1 is correct, with letters and in the printed form with blanks."""
    for reference in (make("539007547034"), make("INV2026A"), "RF18 5390 0754 7034"):
        must_accept(
            candidate.call(_VALIDATE, reference=reference), f"the correct reference {reference} must be accepted"
        )


@check("RF-02", needs=(_VALIDATE,))
def wrong_check_digits_are_refused(candidate: Candidate) -> None:
    """A single wrong digit changes the remainder by 97, so it must be noticed."""
    right = make("539007547034")
    wrong = right[:-1] + ("5" if right[-1] != "5" else "6")
    request = candidate.prepare(_VALIDATE, reference=right)
    refused(request.with_arguments(reference=wrong), twin=request, because="its check digits are wrong")


@check("RF-03", needs=(_VALIDATE,))
def a_reference_over_25_characters_is_refused(candidate: Candidate) -> None:
    """A reference holds at most 25 characters: RF, two check digits and 21 more."""
    request = candidate.prepare(_VALIDATE, reference=make("1" * 21))
    refused(request.with_arguments(reference=make("1" * 22)), twin=request, because="it has 26 characters")
