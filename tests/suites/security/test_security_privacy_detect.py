"""Personal data is found in every encoding, and nothing else is taken for it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_security import SUITE
from conformance_security.privacy import detect
from conformance_security.privacy.classes import Mask, rules
from conformance_security.privacy.detect import Detector
from conformance_security.privacy.encodings import BYTES_MAX, views
from conformance_security.privacy.made_up import Person
from conformance_security.scanners import identity_number, luhn

PERSON = Person.of("test")

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64url": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "percent": lambda data: "".join(f"%{byte:02X}" for byte in data).encode(),
    "JSON escapes": lambda data: "".join(f"\\u{byte:04x}" for byte in data).encode(),
    "gzip": gzip.compress,
}


def detector(*planted: str) -> Detector:
    made = Detector(rules(SUITE.parameters["data_classes"]))
    for kind in planted:
        made.plant(kind, PERSON.values()[kind])
    return made


def kinds(made: Detector, data: bytes | str) -> set[str]:
    return {find.rule.kind for find in made.finds(data.encode() if isinstance(data, str) else data)}


@given(st.text(max_size=20))
def test_made_up_people_check(seed: str) -> None:
    person = Person.of(seed)
    assert luhn(person.pan)
    assert len(person.pan) == 19
    assert identity_number(person.identity)
    assert len(person.phone) == 11
    assert len(person.cvv) == 3
    assert len(person.pin) == 6
    assert person == Person.of(seed)


@pytest.mark.parametrize("kind", ["card", "identity", "phone"])
@pytest.mark.parametrize("outer", [None, *ENCODINGS])
@pytest.mark.parametrize("inner", [None, *ENCODINGS])
def test_planted_numbers_are_found_two_encodings_deep(kind: str, inner: str | None, outer: str | None) -> None:
    data = json.dumps({"value": PERSON.values()[kind]}).encode()
    for name in (inner, outer):
        data = ENCODINGS[name](data) if name else data
    assert kinds(detector(kind), data) == {kind}


def test_a_find_names_its_encodings_from_the_inside() -> None:
    data = base64.b64encode(gzip.compress(PERSON.pan.encode()))
    (find,) = detector("card").finds(data)
    assert str(find) == f"a full card number {PERSON.pan[:6]}*********{PERSON.pan[-4:]}, in gzip in base64"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"cardNo":"4111 1111 1111 1111"}', "card"),
        ('{"pan":4111111111111111}', "card"),
        ("<pan>4111111111111111</pan>", "card"),
        ("card_number=4111-1111-1111-1111&x=1", "card"),
        ('{"银行卡号":"6222020000000000000"}', "card"),
        ('{"x":"11010519491231002X"}', "identity"),
        ('{"mobile":"13812345678"}', "phone"),
        ('{"手机号":"+86 13812345678"}', "phone"),
        ('{"cvv2":"123"}', "cvv"),
        ("pin=123456", "pin"),
        ('{"password_hash":"$2b$12$abcdefghijklmnopqrstuv"}', "password"),
        (";4111111111111111=30121010000000000000?", "track"),
    ],
)
def test_unplanted_data_is_known_by_name_or_form(text: str, kind: str) -> None:
    assert kind in kinds(detector(), text)


@pytest.mark.parametrize(
    "text",
    [
        '{"pan":"411111******1111"}',
        '{"pan":"4111111111111112"}',
        '{"order":"4111111111111111"}',
        '{"id":"acc-4111111111111111"}',
        '{"amount":4111111111111111}',
        '{"at":"2026-01-02T03:04:05.123Z","t":1767322445123}',
        '{"zeros":"0000000000000000"}',
        '{"hash":"a4111111111111111f"}',
        '{"trade":"202601021234567890"}',
        '{"amount":13812345678}',
        '{"identity":"110105********002X","phone":"138****5678"}',
        '{"cvv":"***","pin":null,"password":"must be at least 8 characters"}',
        '{"openapi":"3.1.0","paths":{},"example":{"cvv":"123","password":"Passw0rd!"}}',
        '{"swagger":"2.0","paths":{},"example":{"x":"\\u0022%22","cvv":"123","password":"Passw0rd!"}}',
        '{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{},"examples":[{"pin":"1234"}]}',
        '{"id":"3f2504e0-4f89-11d3-9a0c-0305e82c3301"}',
        '{"spin":"123456","pinned":"123456"}',
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert kinds(detector(), text) == set()


@pytest.mark.parametrize(
    "head",
    [
        {"$schema": "https://acme.example/schemas/CardBody.json"},
        {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        {"openapi": "yes"},
        {"data": {"swagger": "2.0", "paths": {}}},
    ],
    ids=["own schema", "no schema", "no paths", "further down"],
)
def test_an_answer_that_mentions_a_schema_is_an_answer(head: dict[str, object]) -> None:
    text = json.dumps({**head, "cvv": "123", "pin": "654321", "password": "Passw0rd!"})
    assert kinds(detector(), text) == {"cvv", "pin", "password"}


@given(
    st.dictionaries(
        st.sampled_from(["id", "reference", "amount", "at", "next", "order", "seq", "status"]),
        st.one_of(st.integers(0, 10**19), st.uuids().map(str), st.binary(max_size=48).map(lambda b: b.hex())),
    )
)
def test_identifiers_and_amounts_are_no_cards_and_no_phones(document: dict[str, object]) -> None:
    assert kinds(detector(), json.dumps(document)) <= {"identity"}


@pytest.mark.parametrize(
    ("name", "shown", "thin"),
    [
        ("pan", "62284800****1234", True),
        ("pan", "622848**********1234", False),
        ("pan", "**** **** **** 1234", False),
        ("phone", "1381****5678", True),
        ("phone", "138****5678", False),
        ("identity", "110105********12345X", True),
        ("order", "12345678****1234", False),
    ],
)
def test_masks_hide_enough(name: str, shown: str, thin: bool) -> None:
    finds = list(detector().finds(json.dumps({name: shown}).encode()))
    assert [find.thin for find in finds] == ([True] if thin else [])
    assert all(shown not in str(find) for find in finds)


#: Pieces of texts in which masks and named secrets begin, end and overlap in every way.
PIECES = st.lists(
    st.sampled_from(
        ["12", "6", "x", "X", "xxxx", "*", "**", "#", "•", "-", ".", " ", "a", "İ", "\n", "pin", "PIN=", "pin_block: '",
         "cvv2", "card_", "verification_", "code", "passw", "ord", "_hash=", "track", "=", ":", "1234", "a1b2c3",
         "+", "8613812345678", '"', ","]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@given(PIECES)
def test_searching_from_hints_misses_nothing(text: str) -> None:
    assert [found.span() for found in detect._masked(text)] == [found.span() for found in detect._MASKED.finditer(text)]
    numbers = [found.span() for found in detect._numbers(text)]
    assert numbers == [found.span() for found in detect._NUMBER.finditer(text)]
    named = [found.span() for found in detect._named_secrets(text, text.lower())]
    assert named == [found.span() for found in detect._NAMED_SECRET.finditer(text)]


def test_short_secrets_count_beside_their_card_only() -> None:
    made = detector("card", "cvv", "pin")
    masked = f"{PERSON.pan[:6]}******{PERSON.pan[-4:]}"
    assert kinds(made, json.dumps({"card": masked, "code": PERSON.cvv})) == {"cvv"}
    assert kinds(made, json.dumps({"card": masked, "x": PERSON.pin})) == {"pin"}
    assert kinds(made, json.dumps({"amount": int(PERSON.cvv), "count": int(PERSON.pin)})) == set()


def test_what_a_request_hands_over_is_learned() -> None:
    sent = json.dumps({"pan": PERSON.pan, "phone": PERSON.phone, "cvv": PERSON.cvv, "amount": 4111111111111111})
    assert set(detector().given(sent.encode())) == {("card", PERSON.pan), ("phone", PERSON.phone), ("cvv", PERSON.cvv)}


def test_what_a_form_hands_over_is_learned() -> None:
    sent = b"card%5Bnumber%5D=4242+4242+4242+4242&card%5Bcvc%5D=719&card%5Bexp_year%5D=2031"
    assert set(detector().given(sent)) == {("card", "4242424242424242"), ("cvv", "719")}


def test_a_value_is_found_behind_thousands_of_words_that_look_encoded() -> None:
    words = [base64.b64encode(f"order number {number} of many".encode()).decode() for number in range(3000)]
    hidden = base64.b64encode(f'{{"pan":"{PERSON.pan}"}}'.encode()).decode()
    assert kinds(detector("card"), "\n".join([*words, hidden])) == {"card"}


@given(st.binary(max_size=400))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    assert {found.kind for found in detector("card", "cvv").finds(data)} <= {"card", "cvv"}
    assert all(kind and value for kind, value in detector().given(data))


def test_unpacking_is_bounded() -> None:
    bomb = gzip.compress(gzip.compress(b"0" * 20_000_000))
    assert sum(len(view.text) for view in views(bomb)) <= 2 * BYTES_MAX


@pytest.mark.parametrize(("text", "first", "last", "allowed"), [("6+4", 6, 4, True), ("6+4", 7, 0, False)])
def test_masks_are_read(text: str, first: int, last: int, allowed: bool) -> None:
    assert Mask.read(text).allows(first, last) is allowed
    assert str(Mask.read(text)) == text


@pytest.mark.parametrize(
    "classes",
    [
        {"C9": {"shown": "sometimes", "kinds": []}},
        {"C2": {"shown": "masked", "kinds": ["card"], "masks": {"card": "6"}}},
    ],
)
def test_classes_that_say_nothing_are_refused(classes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        rules(classes)
