"""Payment codes, receiving addresses, line formats and consumer codes, rule by rule."""

from __future__ import annotations

import base64

import pytest

from conformance_barcode.emv import Verdict, judge
from conformance_barcode.emv.cpm import BerError, parse
from conformance_barcode.emv.crc import seal
from conformance_barcode.emv.judge import format_of
from conformance_barcode.emv.lines import creditor_reference_ok, iban_ok, recursive_ok
from conformance_barcode.emv.paycodes import Table, judge_paycode, published
from conformance_barcode.vectors import vectors


@pytest.mark.parametrize(
    ("digits", "issuer"),
    [
        ("10" + "0" * 16, "wechat"),
        ("160" + "0" * 15, "wechat"),
        ("25" + "0" * 14, "alipay"),
        ("62" + "0" * 17, "unionpay"),
    ],
)
def test_prefixes_find_their_issuer(digits: str, issuer: str) -> None:
    assert judge(digits).schemes == (issuer,)
    assert not judge(digits).breaches


@pytest.mark.parametrize(
    ("digits", "rule"),
    [
        ("161" + "0" * 15, "paycode.prefix"),
        ("10" + "0" * 15, "paycode.length"),
        ("62" + "0" * 16, "paycode.length"),
        ("10" + "0" * 15 + " ", "paycode.digits"),
        ("１０" + "0" * 16, "paycode.digits"),
    ],
)
def test_what_cannot_be_routed_is_refused(digits: str, rule: str) -> None:
    assert judge_paycode(digits).breaches[0].rule == rule


def test_the_issuer_table_is_configuration() -> None:
    own = Table.parse({"paycodes": {"ours": {"prefixes": ["9"], "lengths": [20]}}})
    assert judge_paycode("9" + "1" * 19, own).schemes == ("ours",)
    assert judge_paycode("10" + "0" * 16, own).names("paycode.prefix")
    assert {issuer.name for issuer in published().issuers} == {"wechat", "alipay", "unionpay"}


@pytest.mark.parametrize(
    "address",
    [
        "http://qr.alipay.com/bax03190uxd47wbekffy6033",
        "https://qr.alipay.com@evil.example/bax03190uxd47wbekffy6033",
        "https://qr.alipay.com.evil.example/bax03190uxd47wbekffy6033",
        "https://qr.alipay.com:444/bax03190uxd47wbekffy6033",
        "https://qr.alipay.com/",
        "https://qr.alipay.com/bax03190uxd47wbekffy6033\n",
    ],
)
def test_look_alikes_are_refused(address: str) -> None:
    assert judge(address).names("receive.address")


def test_capitals_in_scheme_and_host_are_the_same_address() -> None:
    assert judge("HTTPS://QR.ALIPAY.COM/FKX01234567890ABCDEF").schemes == ("alipay",)


def test_a_scheme_before_a_pix_address_is_a_warning() -> None:
    payload = seal(
        "00020126490014br.gov.bcb.pix2527https://pix.example.com/123"
        "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***"
    )
    judgement = judge(payload, scheme="PIX")
    assert judgement.verdict is Verdict.WARN
    assert judgement.names("scheme.advice")


def test_every_vector_announces_its_format_or_is_meant_to_be_another() -> None:
    misleading = {v.id for v in vectors() if format_of(v.payload) != v.format}
    assert all(not v.valid for v in vectors() if v.id in misleading)


def test_check_digits_of_accounts_and_references() -> None:
    assert iban_ok("BE72000000001616")
    assert not iban_ok("BE72000000001617")
    assert recursive_ok("210000000003139471430009017")
    assert not recursive_ok("210000000003139471430009016")
    assert creditor_reference_ok("RF18539007547034")
    assert not creditor_reference_ok("RF19539007547034")


@pytest.mark.parametrize("data", ["61", "6105AABB", "9F", "5F", "618F00", "6180"])
def test_broken_ber_is_named(data: str) -> None:
    with pytest.raises(BerError):
        parse(bytes.fromhex(data))


def test_long_lengths_are_read_where_they_are_needed() -> None:
    nodes = parse(bytes.fromhex("638180") + bytes(128))
    assert [(node.tag, len(node.value)) for node in nodes] == [("63", 128)]


def test_an_application_without_a_name_is_skipped_not_judged() -> None:
    head = bytes.fromhex("85054350563031")
    named = bytes.fromhex("4F07A0000000555555570F1234567890123458D191220112345F")
    unnamed = bytes.fromhex("5003414243")
    body = head + bytes([0x61, len(unnamed)]) + unnamed + bytes([0x61, len(named)]) + named
    assert not judge(base64.b64encode(body).decode()).breaches
