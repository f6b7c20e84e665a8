"""Laws of merchant-presented codes that hold for every payload, not for samples."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_barcode.emv import Side, Verdict, judge, tlv
from conformance_barcode.emv.codes import decimal_text, minor_digits, minor_units
from conformance_barcode.emv.crc import crc16, crc_of, reseal, seal
from conformance_barcode.emv.mpm import judge_mpm
from conformance_barcode.emv.tlv import DataObject, FrameError
from conformance_barcode.reference.money import CURRENCIES, counted, written
from conformance_barcode.reference.writer import Draft, payload_of

PLAIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=25)
UPPER = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=16, max_size=16)
#: Precomposed characters of many scripts, beyond the basic plane too.
LOCAL = st.text("最佳运输北京𠮷野家ァィЖñé", min_size=1, max_size=25)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=99)
OBJECTS = st.lists(
    st.builds(DataObject, st.integers(0, 99).map("{:02d}".format), VALUES),
    min_size=1,
    max_size=8,
    unique_by=lambda o: o.id,
)


class Sound:
    """A fault board with everything off."""

    def on(self, fault: str) -> bool:
        return False


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    dynamic = draw(st.booleans())
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    language = {"code": "ZH", "name": draw(LOCAL), "city": ""} if draw(st.booleans()) else {}
    return Draft(
        id=draw(UPPER), dynamic=dynamic, account="acc-1", amount=draw(st.integers(1, 10**11)) if dynamic else None,
        currency=currency, name=draw(PLAIN), city=draw(PLAIN)[:15], country="CN", category="5411",
        order=draw(UPPER) if dynamic else "", language=language,
    )  # fmt: skip


@given(st.binary(max_size=300))
def test_the_check_sum_is_the_published_one(data: bytes) -> None:
    assert crc16(data) == binascii.crc_hqx(data, 0xFFFF)


def test_the_check_sum_of_the_standard_test_text() -> None:
    assert crc16(b"123456789") == 0x29B1


@given(OBJECTS)
def test_what_is_written_is_read_back(objects: list[DataObject]) -> None:
    assert list(tlv.parse(tlv.write(objects))) == objects


@given(OBJECTS, st.integers(1, 3))
def test_a_cut_payload_is_never_read_as_whole(objects: list[DataObject], cut: int) -> None:
    last = objects[-1]
    shorter = tlv.write(objects)[: -min(cut, len(last.value))]
    with pytest.raises(FrameError):
        tlv.parse(shorter)


@given(drafts())
def test_what_the_reference_candidate_writes_the_oracle_accepts(draft: Draft) -> None:
    payload = payload_of(draft, Sound())
    judgement = judge(payload, side=Side.GENERATOR)
    assert judgement.verdict is Verdict.ACCEPT, judgement.summary()
    found = tlv.values(tlv.parse(payload))
    assert found["59"] == draft.name
    if draft.amount is not None:
        assert minor_units(found["54"], found["53"]) == draft.amount


@given(drafts(), st.data())
def test_one_changed_character_is_always_noticed(draft: Draft, data: st.DataObject) -> None:
    payload = payload_of(draft, Sound())
    at = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.sampled_from([c for c in "0123456789ABCDEFXZ" if c.upper() != payload[at].upper()]))
    changed = payload[:at] + other + payload[at + 1 :]
    assert judge_mpm(changed).verdict is Verdict.REJECT


@given(drafts(), st.randoms(use_true_random=False))
def test_order_between_first_and_last_is_free(draft: Draft, chance: object) -> None:
    first, *middle, _ = tlv.parse(payload_of(draft, Sound()))
    chance.shuffle(middle)  # type: ignore[attr-defined]
    shuffled = seal(tlv.write([first, *middle]))
    judgement = judge_mpm(shuffled)
    assert judgement.verdict is Verdict.ACCEPT, judgement.summary()
    assert tlv.values(tlv.parse(shuffled))["59"] == draft.name


@given(drafts())
def test_a_repeated_object_is_refused_whatever_it_is(draft: Draft) -> None:
    first, *middle, _ = tlv.parse(payload_of(draft, Sound()))
    doubled = seal(tlv.write([first, *middle, middle[0]]))
    assert judge_mpm(doubled).names("mpm.duplicate")


@given(st.integers(1, 10**12), st.sampled_from(sorted(CURRENCIES)))
def test_amounts_come_back_as_they_went(minor: int, currency: str) -> None:
    number, digits = CURRENCIES[currency]
    assert digits == minor_digits(currency) == minor_digits(number)
    assert decimal_text(minor, currency) == written(minor, digits)
    assert minor_units(decimal_text(minor, currency), number) == minor
    assert counted(written(minor, digits), digits) == minor


@given(st.text(max_size=200))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert judge(text).verdict in Verdict


def test_generator_and_reader_are_held_to_different_rules() -> None:
    base = "00020101021126280015COM.EXAMPLE.PAY0105ABCDE5204541153031565802CN5911CORNER SHOP6007BEIJING"
    assert judge(seal(base)).verdict is Verdict.ACCEPT
    reserved = seal(base + "6503abc")
    assert judge(reserved).verdict is Verdict.ACCEPT
    assert judge(reserved, side=Side.GENERATOR).names("mpm.reserved")
    lower = seal(base)[:-4] + crc_of(base + "6304").lower()
    assert judge(lower).verdict in (Verdict.WARN, Verdict.ACCEPT)
    finer = seal(base + "54061.1234")
    assert judge(finer).verdict is Verdict.WARN
    assert judge(finer, side=Side.GENERATOR).verdict is Verdict.REJECT


def test_resealing_makes_a_changed_payload_sound_again() -> None:
    payload = seal("00020101021126280015COM.EXAMPLE.PAY0105ABCDE5204541153031565802CN5911CORNER SHOP6007BEIJING")
    changed = payload.replace("CORNER", "BORDER")
    assert judge(changed).names("mpm.crc")
    assert judge(reseal(changed)).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("23.72", "156", 2372), ("98", "156", 9800), ("98.", "156", 9800), ("100", "392", 100), ("1.250", "414", 1250)],
)
def test_decimal_texts_become_minor_units(text: str, currency: str, minor: int) -> None:
    assert minor_units(text, currency) == minor


@pytest.mark.parametrize(("text", "currency"), [("100.5", "392"), ("1.005", "156"), ("1,00", "156"), ("-1", "156")])
def test_texts_that_are_no_amount_of_a_currency_have_none(text: str, currency: str) -> None:
    assert minor_units(text, currency) is None
