"""Redaction: nothing secret or personal is left, and nothing else is touched."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.evidence.personal import card_number, identity_valid, luhn_valid
from conformance.evidence.redact import COMMITTED, Redactor, commitment, salt_of
from conformance.evidence.secrets import REDACTED

KEY = b"k" * 32
CARD = "6228480402564890018"
IDENTITY = "11010519491231002X"


def redactor(*secrets: str) -> Redactor:
    return Redactor(KEY, secrets)


def body_of(text: str, seq: int = 1) -> str:
    return redactor().message(seq, "req", "", (), text.encode()).body.decode()


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("Authorization", "Bearer abc.def", "Bearer [redacted]"),
        ("authorization", "secretvalue", "[redacted]"),
        ("Proxy-Authorization", "Basic dTpw", "Basic [redacted]"),
        ("Cookie", "sid=1; theme=dark", "sid=[redacted]; theme=[redacted]"),
        ("Set-Cookie", "sid=1; Path=/; Secure; HttpOnly", "sid=[redacted]; Path=/; Secure; HttpOnly"),
        ("X-Api-Key", "k", "[redacted]"),
        ("X-Auth-Token", "t", "[redacted]"),
        (
            "Location",
            "https://shop.example.com/?access_token=t&x=1",
            "https://shop.example.com/?access_token=[redacted]&x=1",
        ),
        ("WWW-Authenticate", 'Bearer realm="payments", error="invalid_token"', None),
        ("Idempotency-Key", "key-1", None),
        ("Content-Type", "application/json; charset=utf-8", None),
        ("Strict-Transport-Security", "max-age=31536000", None),
    ],
)
def test_headers(header: str, value: str, expected: str | None) -> None:
    clean = redactor().message(1, "resp", "", ((header, value),), b"")
    assert clean.headers == [[header, value if expected is None else expected]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"password":"x"}', '{"password":"[redacted]"}'),
        ('{"client_secret": "x", "amount": 1000}', '{"client_secret": "[redacted]", "amount": 1000}'),
        ('{"accessToken":12345}', '{"accessToken":"[redacted]"}'),
        ('{"tokens":["a","b"]}', '{"tokens":["[redacted]","[redacted]"]}'),
        ('{"secret":{"of":"u","is":"v"},"b":"c"}', '{"secret":{"of":"[redacted]","is":"[redacted]"},"b":"c"}'),
        ('{"a":"{\\"secret\\":\\"x\\"}"}', '{"a":"{\\"secret\\":\\"[redacted]\\"}"}'),
        ('{"password":"x" BROKEN', '{"password":"[redacted]" BROKEN'),
        ('{"password":"x","password":"y"}', '{"password":"[redacted]","password":"[redacted]"}'),
        ('{"password":"cut off', '{"password":"[redacted]'),
        ('{"password":"cut off\\', '{"password":"[redacted]'),
        ('{"密码":"x"}', '{"密码":"[redacted]"}'),
        ('{"kty":"EC","x":"pub","d":"priv"}', '{"kty":"EC","x":"pub","d":"[redacted]"}'),
        ("grant_type=password&client_secret=x&scope=a", "grant_type=password&client_secret=[redacted]&scope=a"),
        ("client_assertion=eyJhbGciOi.eyJpc3Mi.sig", "client_assertion=[redacted]"),
        ("<a><password>x</password><u>u</u></a>", "<a><password>[redacted]</password><u>u</u></a>"),
        ("see eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.sig here", "see [redacted] here"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "[redacted]"),
        ('form-data; name="pin_token"\r\n\r\nx\r\n', 'form-data; name="pin_token"\r\n\r\n[redacted]\r\n'),
    ],
)
def test_secrets_in_bodies(text: str, expected: str) -> None:
    assert body_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"id":"p-1","amount":1000,"currency":"CNY","created":"2026-01-02T03:04:05Z","next":null}',
        '{ "a" : 1.50 , "b":[true,false], "a":2 }',
        "state=accepted&amount=1000&idempotency_key=abc",
        '{"hash":"13812345678913812345678913812345678913812345678913812345678913ab"}',
        '{"token_type":"Bearer","expires_in":600,"next_page_token":"cursor-7"}',
        '{"id":"3f2504e0-4f89-11d3-9a0c-0305e82c3301","t":1700000000000000}',
        '{"pan":"622848******0018","code":"insufficient-funds"}',
        "0.4111111111111111 is a ratio",
        "",
    ],
)
def test_what_is_harmless_stays_byte_for_byte(text: str) -> None:
    clean = redactor().message(1, "resp", "HTTP/1.1 200 OK", (), text.encode())
    assert clean.body == text.encode()
    assert clean.sealed == []


def test_a_curl_line() -> None:
    line = f"curl -u bob:pw123 -H 'Authorization: Bearer abcdefgh' -b sid=1 -d '{{\"pan\":\"{CARD}\"}}' https://u:p@shop.example.com/"
    clean = redactor().text(line)
    assert not any(secret in clean for secret in ("pw123", "abcdefgh", "sid=1", CARD, ":p@"))
    assert "https://u:[redacted]@shop.example.com/" in clean


@pytest.mark.parametrize(
    "text", [CARD, f"no {IDENTITY}.", "13812345678", "+86 138 1234 5678", "4111-1111-1111-1111", "+14155552671"]
)
def test_personal_data_is_committed_to_and_sealed(text: str) -> None:
    clean = redactor().message(7, "req", "", (), json.dumps({"value": text}).encode())
    assert len(clean.sealed) == 1
    path, value = clean.sealed[0]
    assert value in text
    assert value not in clean.body.decode()
    assert commitment(salt_of(KEY, 7, path), path, value) in clean.body.decode()
    assert redactor().text(text).count("[personal data]") == 1


def test_a_card_number_as_a_json_number_becomes_a_string() -> None:
    clean = json.loads(body_of('{"pan":4111111111111111}'))
    assert clean["pan"].startswith(COMMITTED)


def test_the_same_value_is_committed_to_differently_everywhere() -> None:
    clean = redactor().message(1, "req", "", (), f"{CARD} {CARD}".encode())
    one, other = clean.body.decode().split()
    assert one != other
    assert redactor().message(2, "req", "", (), CARD.encode()).body.decode() not in (one, other)


def test_card_verification_values_are_committed_to_and_never_kept() -> None:
    clean = redactor().message(1, "req", "", (), b'{"cvv":"123","pin":"4321"}&cvv2=999')
    assert clean.sealed == []
    assert clean.body.decode().count(COMMITTED) == 3
    assert not any(value in clean.body.decode() for value in ('"123"', "4321", "999"))


def test_digests_of_a_body_with_personal_data_are_left_out() -> None:
    headers = (("Content-Digest", "sha-256=:abc=:"), ("Signature", "sig1=:abc=:"), ("Content-Length", "19"))
    clean = redactor().message(1, "req", "", headers, CARD.encode())
    assert [value for _, value in clean.headers[:2]] == ["[left out: computed over personal data]"] * 2
    assert clean.headers[2] == ["Content-Length", "19"]
    assert redactor().message(1, "req", "", headers, b"{}").headers == [list(item) for item in headers]


def test_bytes_that_are_not_text_are_searched_too() -> None:
    clean = redactor("topsecret").message(1, "resp", "", (), b'\xff\xfe{"password":"x"} topsecret \x00\x80')
    assert clean.body == b'\xff\xfe{"password":"[redacted]"} [redacted] \x00\x80'


SECRET = "s3cr€t/va+lue=?&x"


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"u:{SECRET}".encode()).decode(),
        base64.b64encode(f"us:{SECRET}:more".encode()).decode(),
        base64.urlsafe_b64encode(f"{SECRET}x".encode()).decode(),
    ],
)
def test_a_known_secret_is_found_in_every_spelling(spelling: str) -> None:
    clean = redactor(SECRET).text(f"before {spelling} after")
    assert REDACTED in clean
    assert spelling not in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=8, max_size=24),
    st.binary(max_size=6),
    st.binary(max_size=6),
)
def test_a_known_secret_never_survives_base64(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    clean = redactor(secret).text(f'{{"echo":"{encoded}"}}')
    assert encoded not in clean


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-999999, 999999) | st.text(alphabet='abc "\\/é中\n', max_size=12),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet="abc", max_size=3), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_json_without_secrets_is_left_alone(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert body_of(text) == text


@given(st.text(max_size=200))
def test_redaction_of_any_text_ends_and_is_stable(text: str) -> None:
    once = redactor().text(text)
    assert redactor().text(once) == once


@pytest.mark.parametrize(
    "hostile",
    [
        '"' + '\\"' * 300_000,
        "[" * 300_000,
        '{"a":' * 100_000,
        "-eyJ" * 200_000,
        'name="a" ' * 20_000,
        "-----BEGIN PRIVATE KEY-----" * 20_000,
        "Bearer " * 100_000,
        "://a:" * 100_000,
        "<a><a " * 100_000,
        "1" * 500_000,
        "4 " * 200_000,
        "a=" * 200_000,
        "x: " * 200_000,
    ],
)
def test_hostile_text_takes_time_in_proportion_to_its_length(hostile: str) -> None:
    """Anything worse than linear would not end within the life of a test run."""
    assert redactor("topsecret").text(hostile)


def test_values_in_structures_are_redacted() -> None:
    outcome = {"reason": f"paid from {CARD}", "curl": ["-H 'Authorization: Bearer abcdefgh'"], "n": 3, "password": "x"}
    clean = redactor().value(outcome)
    assert clean["n"] == 3
    assert clean["password"] == REDACTED
    assert CARD not in str(clean)
    assert "abcdefgh" not in str(clean)


@pytest.mark.parametrize(
    ("number", "valid"), [("79927398713", True), ("79927398710", False), ("4111111111111111", True)]
)
def test_luhn(number: str, valid: bool) -> None:
    assert luhn_valid(number) is valid


@pytest.mark.parametrize(
    ("number", "valid"), [(IDENTITY, True), ("440524188001010014", True), ("110105194912310021", False)]
)
def test_chinese_identity_numbers(number: str, valid: bool) -> None:
    assert identity_valid(number) is valid


def test_card_numbers_have_13_to_19_digits() -> None:
    assert card_number("4111 1111 1111 1111")
    assert not card_number("79927398713")


def test_the_name_of_a_variable_is_no_secret() -> None:
    """Commands that people copy name their secrets; the names stay, anything longer does not."""
    redactor = Redactor(b"k" * 32)
    assert redactor.value("curl --data-binary 'client_secret=${ALICE_SECRET}&a=1'") == (
        "curl --data-binary 'client_secret=${ALICE_SECRET}&a=1'"
    )
    assert "${BOB_PASSWORD}" in redactor.value('curl --data-binary \'{"password":"${BOB_PASSWORD}"}\'')
    assert "hunter22" not in redactor.value("client_secret=${ALICE}hunter22")


def test_authorization_codes_and_verifiers_are_dropped_but_error_codes_stay() -> None:
    redactor = Redactor(bytes(32))
    code, verifier = "SplxlOBeZQQYbYS6WxSbIA-0", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    form = f"grant_type=authorization_code&code={code}&code_verifier={verifier}"
    assert redactor.text(form) == "grant_type=authorization_code&code=[redacted]&code_verifier=[redacted]"
    assert code not in redactor.text(f"https://client.example.com/cb?code={code}&iss=x")
    assert redactor.text("/errors?code=insufficient_funds") == "/errors?code=insufficient_funds"


@given(
    st.one_of(
        st.text(alphabet="0123456789-", min_size=1, max_size=24),
        st.text(alphabet="abT09.:-/_~", min_size=1, max_size=24),
        st.sampled_from(
            [CARD, IDENTITY, "13812345678", "+8613812345678", "2026-11-26T04:08:12.625Z", "acc-1e081f47f11e"]
        ),
        st.builds(lambda data: base64.b64encode(data).decode(), st.binary(max_size=24)),
    )
)
def test_a_member_is_treated_alike_however_it_is_spelled(value: str) -> None:
    """What is let pass at first sight is what a closer look, which an escape enforces, lets pass."""
    spelled = f"\\u{ord(value[0]):04x}{value[1:]}" if value else ""
    at_first_sight = body_of(f'{{"n":"{value}"}}')
    looked_at = body_of(f'{{"n":"{spelled}"}}')
    assert (at_first_sight == f'{{"n":"{value}"}}') == (looked_at == f'{{"n":"{spelled}"}}')


def test_a_secret_learnt_later_is_gone_from_a_message_seen_before() -> None:
    token = "tok-5e2c0e95f95eb184"
    message = ("POST /pay?x=" + token + " HTTP/1.1", (("X-Note", token),), f'{{"note":"{token}"}}'.encode())
    cleaner = redactor()
    assert token in cleaner.message(1, "req", *message).body.decode()
    cleaner.add_secret(token)
    for seq in (2, 3):
        clean = cleaner.message(seq, "req", *message)
        assert token not in clean.start + clean.headers[0][1] + clean.body.decode()


def test_a_message_with_personal_data_is_committed_to_anew_each_time() -> None:
    cleaner = redactor()
    seen = [cleaner.message(seq, "req", "", (("X-Card", CARD),), f'{{"card":"{CARD}"}}'.encode()) for seq in (1, 2)]
    assert seen[0].body != seen[1].body
    assert seen[0].headers != seen[1].headers
    assert [len(clean.sealed) for clean in seen] == [2, 2]


@pytest.mark.parametrize("hidden", [CARD, IDENTITY, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln"])
def test_a_long_member_of_plain_characters_is_searched_too(hidden: str) -> None:
    value = f"{'a' * 300}.{hidden}.{'b' * 300}"
    assert hidden not in body_of(f'{{"n":"{value}"}}')
