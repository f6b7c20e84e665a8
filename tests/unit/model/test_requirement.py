"""Citations: a clause number is printed only if its text was seen."""

from conformance.model.requirement import Certainty, Clause, Severity, Standard
from conformance.model.text import Text

STANDARD = Standard(
    "jrt0184", "JR/T 0184-2020", Text("Financial distributed ledger security", "金融分布式账本技术安全规范")
)


def test_a_seen_clause_is_printed_with_its_number() -> None:
    assert Clause(STANDARD, "7.2", Certainty.SEEN).printed() == "JR/T 0184-2020 7.2"


def test_any_other_clause_never_shows_its_number() -> None:
    for certainty in (Certainty.SECONDARY, Certainty.UNVERIFIED):
        assert "9.9" not in Clause(STANDARD, "9.9", certainty).printed()
        assert "unverified" in Clause(STANDARD, "9.9", certainty).printed()


def test_severities_are_ordered() -> None:
    assert Severity.CRITICAL.at_least(Severity.HIGH)
    assert not Severity.LOW.at_least(Severity.MEDIUM)


def test_text_falls_back_to_english() -> None:
    assert Text("yes").in_language("zh-CN") == "yes"
    assert Text("yes", "是").in_language("zh-CN") == "是"
    assert Text.parse({"en": "a", "zh-CN": "b"}).as_json() == {"en": "a", "zh-CN": "b"}
