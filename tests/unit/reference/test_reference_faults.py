"""Every fault of the bank changes what it does: each probe tells sound from faulty, through HTTP alone."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from conftest import Client

    Probe = Callable[[Client], bool]

#: Minor units of a payment that needs a second factor.
FACTORED = 5_000_000
#: Fault id → probe; a probe returns True when the bank behaves soundly.
PROBES: dict[str, Probe] = {}


def probes(*faults: str) -> Callable[[Probe], Probe]:
    def register(probe: Probe) -> Probe:
        for fault in faults:
            assert fault not in PROBES
            PROBES[fault] = probe
        return probe

    return register


# -- money ----------------------------------------------------------------------------------------------------------


@probes("payments.replay-accepted")
def one_effect(bank: Client) -> bool:
    debtor, creditor = bank.pair()
    first, again = (bank.pay(debtor, creditor, key=f"k{debtor}") for _ in range(2))
    return first.json()["id"] == again.json()["id"] and bank.balance(debtor) == 900


@probes("payments.key-body-unbound")
def key_belongs_to_body(bank: Client) -> bool:
    debtor, creditor = bank.pair()
    bank.pay(debtor, creditor, 100, key=f"k{debtor}")
    return bank.pay(debtor, creditor, 200, key=f"k{debtor}").status_code == 422


@probes("payments.key-race")
def key_holds_at_once(bank: Client) -> bool:
    debtor, creditor = bank.pair()
    at_once(lambda: bank.pay(debtor, creditor, key=f"k{debtor}"))
    return bank.balance(debtor) == 900


@probes("payments.lost-update")
def money_is_spent_once(bank: Client) -> bool:
    debtor, creditor = bank.pair()
    answers = at_once(lambda: bank.pay(debtor, creditor, 600))
    spent = sum(answer.status_code == 201 for answer in answers)
    return spent == 1 and bank.balance(debtor) + bank.balance(creditor) == 1000


def refuses_amount(literal: str) -> Probe:
    def probe(bank: Client) -> bool:
        debtor, creditor = bank.pair()
        members = f'"debtor":"{debtor}","creditor":"{creditor}","currency":"CNY"'
        answer = bank.pay_bytes(f'{{{members},"amount":{literal}}}'.encode())
        return 400 <= answer.status_code < 500 and bank.balance(debtor) == 1000

    return probe


probes("payments.negative-accepted")(refuses_amount("-1"))
probes("payments.overflow-accepted")(refuses_amount(str(2**31)))
probes("payments.fraction-rounded")(refuses_amount("10.4"))
probes("payments.amount-coerced")(refuses_amount('"100"'))


@probes("payments.currency-unchecked")
def currency_is_the_accounts(bank: Client) -> bool:
    debtor, creditor = bank.pair()
    return bank.pay(debtor, creditor, currency="USD").status_code == 422


@probes("payments.refund-unbounded")
def refunds_are_bounded(bank: Client) -> bool:
    debtor, creditor = bank.pair()
    payment = bank.pay(debtor, creditor, 1000).json()["id"]
    assert bank.refund(payment, 400).status_code == 201
    return bank.refund(payment, 700).status_code == 422


@probes("payments.refunds-not-summed")
def refunds_are_summed(bank: Client) -> bool:
    debtor, creditor = bank.pair(3000)
    bank.pay(debtor, creditor, 1000)  # the creditor could give back more than one payment
    payment = bank.pay(debtor, creditor, 1000).json()["id"]
    assert bank.refund(payment, 400).status_code == 201
    return bank.refund(payment, 700).status_code == 422


@probes("payments.illegal-transition")
def cancelled_is_final(bank: Client) -> bool:
    payment = bank.pay(*bank.pair()).json()["id"]
    assert bank.ask("POST", f"/payments/{payment}/cancel").json()["state"] == "cancelled"
    return bank.ask("POST", f"/payments/{payment}/cancel").status_code == 409


# -- who may --------------------------------------------------------------------------------------------------------


@probes("payments.debtor-unchecked")
def only_the_owner_pays(bank: Client) -> bool:
    answer = bank.pay(bank.account("alice", 1000), bank.account("bob"), user="bob")
    return answer.status_code == 404


@probes("accounts.owner-unchecked")
def only_the_owner_reads(bank: Client) -> bool:
    return bank.ask("GET", f"/accounts/{bank.account('alice')}", "bob").status_code == 404


@probes("admin.role-unchecked")
def roles_are_checked(bank: Client) -> bool:
    return bank.ask("GET", "/supervisor/statistics", "alice").status_code == 403


@probes("accounts.existence-leaked")
def strangers_learn_nothing(bank: Client) -> bool:
    foreign = bank.ask("GET", f"/accounts/{bank.account('alice')}", "bob")
    absent = bank.ask("GET", "/accounts/acc-0000000000000000", "bob")
    return (foreign.status_code, foreign.text) == (absent.status_code, absent.text)


@probes("accounts.mass-assignment")
def members_are_not_assigned(bank: Client) -> bool:
    body = {"owner": "alice", "currency": "CNY", "balance": 0, "status": "vip", "role": "admin"}
    return bank.ask("POST", "/accounts", json=body).status_code == 400


@probes("payments.created-assigned")
def nobody_says_when_a_payment_was_made(bank: Client) -> bool:
    members = {"amount": 1, "currency": "CNY", "created": "2001-01-01T00:00:00Z"}
    debtor, creditor = bank.pair()
    sent = {"debtor": debtor, "creditor": creditor, **members}
    return bank.pay_bytes(json.dumps(sent).encode()).status_code == 400


@probes("routes.statement-open")
def statements_need_a_caller(bank: Client) -> bool:
    return bank.ask("GET", f"/accounts/{bank.account()}/statement", None).status_code == 401


@probes("consents.scope-unchecked")
def consents_are_narrow(bank: Client) -> bool:
    account = bank.account()
    return through_consent(bank, account, "accounts.balance", f"/accounts/{account}/statement").status_code == 403


@probes("consents.transfer-unchecked")
def consents_to_read_do_not_pay(bank: Client) -> bool:
    account, creditor = bank.account(balance=1000), bank.account("bob")
    body = {"account": account, "permissions": ["accounts.balance"], "expires_in": 60}
    held = bank.ask("POST", "/consents", json=body).json()["id"]
    headers = {"Idempotency-Key": bank.unique(), "Consent-Id": held}
    order = bank.order(account, creditor)
    return bank.ask("POST", "/payments", "bob", json=order, headers=headers).status_code == 403


@probes("consents.full-object")
def consents_show_little(bank: Client) -> bool:
    account = bank.account()
    shown = through_consent(bank, account, "accounts.read", f"/accounts/{account}").json()
    return set(shown) == {"id", "currency", "status"}


@probes("consents.revocation-cached")
def revoked_consents_end(bank: Client) -> bool:
    account = bank.account()
    answer = through_consent(bank, account, "accounts.balance", f"/accounts/{account}/balance", revoked=True)
    return answer.status_code == 403


@probes("factors.unbound")
def factors_are_used_up(bank: Client) -> bool:
    amount = 5_000_000
    debtor, creditor = bank.pair(10 * amount)
    begun = bank.ask("POST", "/factors", json={"amount": amount, "currency": "CNY", "creditor": creditor}).json()
    assert bank.ask("POST", f"/factors/{begun['id']}/confirm", json={"code": begun["code"]}).status_code == 200
    assert bank.pay(debtor, creditor, amount, factor=begun["id"]).status_code == 201
    return bank.pay(debtor, creditor, amount, factor=begun["id"]).status_code == 403


@probes("factors.owner-unchecked")
def factors_are_their_owners(bank: Client) -> bool:
    debtor, creditor = bank.pair(FACTORED)
    factor, code = begun(bank, creditor, user="bob")
    assert confirmed(bank, factor, code, user="bob") == 200
    return bank.pay(debtor, creditor, FACTORED, factor=factor).status_code == 403


@probes("factors.amount-at-most")
def factors_fit_one_amount(bank: Client) -> bool:
    debtor, creditor = bank.pair(FACTORED)
    factor, code = begun(bank, creditor, FACTORED + 1)
    assert confirmed(bank, factor, code) == 200
    return bank.pay(debtor, creditor, FACTORED, factor=factor).status_code == 403


@probes("factors.unconfirmed")
def factors_must_be_confirmed(bank: Client) -> bool:
    debtor, creditor = bank.pair(FACTORED)
    return bank.pay(debtor, creditor, FACTORED, factor=begun(bank, creditor)[0]).status_code == 403


@probes("factors.any-code")
def wrong_codes_are_refused(bank: Client) -> bool:
    factor, code = begun(bank, bank.account())
    return confirmed(bank, factor, "000000" if code != "000000" else "111111") == 403


@probes("factors.wrong-code-kept")
def wrong_codes_confirm_nothing(bank: Client) -> bool:
    debtor, creditor = bank.pair(FACTORED)
    factor, code = begun(bank, creditor)
    assert confirmed(bank, factor, "000000" if code != "000000" else "111111") == 403
    return bank.pay(debtor, creditor, FACTORED, factor=factor).status_code == 403


def begun(bank: Client, creditor: str, amount: int = FACTORED, user: str = "alice") -> tuple[str, str]:
    body = {"amount": amount, "currency": "CNY", "creditor": creditor}
    answer = bank.ask("POST", "/factors", user, json=body).json()
    return answer["id"], answer["code"]


def confirmed(bank: Client, factor: str, code: str, user: str = "alice") -> int:
    return bank.ask("POST", f"/factors/{factor}/confirm", user, json={"code": code}).status_code


# -- tokens ---------------------------------------------------------------------------------------------------------


@probes("tokens.none-accepted")
def unsigned_tokens_fail(bank: Client) -> bool:
    header, claims, _ = bank.token("alice").split(".")
    none = encoded({**decoded(header), "alg": "None"})
    return {bank.bearing(f"{none}.{claims}."), bank.bearing(f"{header}.{claims}.")} == {401}


@probes("tokens.algorithm-confused")
def public_keys_are_no_secrets(bank: Client) -> bool:
    header, claims, _ = bank.token("alice").split(".")
    signed = f"{encoded({**decoded(header), 'alg': 'HS256'})}.{claims}"
    value = hmac.digest(bank_pem(bank), signed.encode(), "sha256")
    return bank.bearing(f"{signed}.{text64(value)}") == 401


@probes("tokens.expiry-unchecked")
def tokens_end(bank: Client) -> bool:
    return bank.bearing(bank.forged(claims={"exp": 1_600_000_000})) == 401


@probes("tokens.audience-unchecked")
def tokens_have_an_audience(bank: Client) -> bool:
    foreign = bank.grant("alice", resource="https://reports.example.com").json()["access_token"]
    return bank.bearing(foreign) == 401


@probes("tokens.revocation-ignored")
def revoked_tokens_end(bank: Client) -> bool:
    token = bank.grant().json()["access_token"]
    form = {"token": token, "client_id": "alice", "client_secret": bank.secret("alice")}
    assert bank.raw("POST", "/token/revoke", data=form).status_code == 200
    return bank.bearing(token) == 401


@probes("tokens.query-accepted")
def tokens_stay_out_of_urls(bank: Client) -> bool:
    return bank.raw("GET", f"/accounts?access_token={bank.token('alice')}").status_code == 401


@probes("keys.private-published")
def published_keys_are_public(bank: Client) -> bool:
    return "d" not in bank.raw("GET", "/jwks").json()["keys"][0]


# -- signatures -----------------------------------------------------------------------------------------------------


@probes("signature.skipped")
def signatures_are_required(bank: Client) -> bool:
    return bank.ask("GET", "/accounts", "signer").status_code == 401


@probes("signature.digest-unchecked")
def digests_are_recomputed(bank: Client) -> bool:
    body = {"owner": "signer", "currency": "CNY", "balance": 1}
    changed = json.dumps({**body, "balance": 2}).encode()
    return bank.signed("POST", "/accounts", body, send={"body": changed}).status_code == 401


@probes("signature.digest-uncovered")
def digests_are_signed(bank: Client) -> bool:
    from content_digest import digest

    body = {"owner": "signer", "currency": "CNY", "balance": 1}
    changed = json.dumps({**body, "balance": 2}).encode()
    send = {"body": changed, "headers": {"content-digest": digest(changed)}}
    return bank.signed("POST", "/accounts", body, send=send).status_code == 401


@probes("signature.component-uncovered")
def queries_are_signed(bank: Client) -> bool:
    return bank.signed("GET", "/accounts", send={"path": "/accounts?limit=5"}).status_code == 401


@probes("signature.keyid-unbound")
def keys_belong_to_clients(bank: Client) -> bool:
    pem = bank.secret("bob", "ED25519_KEY")
    return bank.signed("GET", "/accounts", key="bob-ed25519", pem=pem).status_code == 401


@probes("signature.nonce-off")
def nonces_are_used_once(bank: Client) -> bool:
    nonce = bank.unique("once")
    assert bank.signed("GET", "/accounts", nonce=nonce).status_code == 200
    return bank.signed("GET", "/accounts", nonce=nonce).status_code == 401


@probes("signature.window-day")
def signatures_age(bank: Client) -> bool:
    bank.process.hook("clock", offset_s=3600)
    try:
        token = bank.grant("signer").json()["access_token"]
        answer = bank.signed("GET", "/accounts", bearer=token)
    finally:
        bank.process.hook("clock", offset_s=0)
    return answer.status_code == 401


# -- transport, headers, input --------------------------------------------------------------------------------------


@probes("tls.legacy-protocol")
def old_protocols_are_refused(bank: Client) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(bank.session.verify))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    address = urlsplit(bank.process.base_url)
    try:
        with socket.create_connection((address.hostname or "", address.port or 0), 5) as plain:
            with context.wrap_socket(plain, server_hostname=address.hostname):
                return False
    except (ssl.SSLError, ConnectionResetError):
        return True


@probes("headers.hsts-missing")
def transport_security_is_announced(bank: Client) -> bool:
    return "max-age=31536000" in bank.raw("GET", "/jwks").headers.get("strict-transport-security", "")


@probes("headers.cacheable")
def nothing_is_cached(bank: Client) -> bool:
    return bank.ask("GET", "/accounts").headers["cache-control"] == "no-store"


@probes("cors.origin-reflected")
def origins_are_not_reflected(bank: Client) -> bool:
    answer = bank.ask("GET", "/accounts", headers={"Origin": "https://evil.example"})
    return "access-control-allow-origin" not in answer.headers


@probes("input.deep-json-crash")
def deep_json_is_refused(bank: Client) -> bool:
    return bank.pay_bytes(b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}").status_code == 400


@probes("input.duplicate-keys")
def names_come_once(bank: Client) -> bool:
    debtor, creditor = bank.pair()
    members = f'"debtor":"{debtor}","creditor":"{creditor}","currency":"CNY"'
    return bank.pay_bytes(f'{{{members},"amount":1,"amount":999}}'.encode()).status_code == 400


@probes("input.invalid-utf8")
def bytes_are_utf8(bank: Client) -> bool:
    debtor, creditor = bank.pair()
    body = json.dumps(bank.order(debtor, creditor, reference="here")).encode().replace(b"here", b"\xff")
    return bank.pay_bytes(body).status_code == 400


@probes("input.content-type-sniffed")
def media_types_matter(bank: Client) -> bool:
    body = json.dumps(bank.order(*bank.pair())).encode()
    return bank.pay_bytes(body, Content_Type="text/plain").status_code == 415


@probes("input.method-override")
def methods_are_not_overridden(bank: Client) -> bool:
    headers = {"X-HTTP-Method-Override": "DELETE"}
    return bank.ask("GET", f"/accounts/{bank.account()}", headers=headers).status_code == 200


@probes("input.method-override-post")
def methods_of_posts_are_not_overridden(bank: Client) -> bool:
    headers = {"X-HTTP-Method-Override": "GET"}
    path = f"/accounts/{bank.account()}"
    assert bank.ask("GET", path, headers={"X-HTTP-Method-Override": "DELETE"}).status_code == 200
    return bank.ask("POST", path, headers=headers).status_code == 405


@probes("input.page-size-unbounded")
def pages_are_bounded(bank: Client) -> bool:
    answers = [bank.ask("GET", f"/accounts/{bank.account()}/statement?limit={n}") for n in (0, -1)]
    return all(answer.status_code == 400 for answer in answers)


@probes("ssrf.callback-unchecked")
def inner_addresses_are_refused(bank: Client) -> bool:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        url = f"http://2130706433:{listener.getsockname()[1]}/"
        refused = bank.ask("POST", "/notices", json={"url": url}).status_code == 422
        called = True
        try:
            listener.accept()[0].close()
        except TimeoutError:
            called = False
    assert refused != called
    return refused


# -- data, evidence, abuse ------------------------------------------------------------------------------------------


@probes("errors.debug")
def errors_are_silent(bank: Client) -> bool:
    return "Traceback" not in bank.pay_bytes(b"{").text


@probes("errors.statement-shown")
def amounts_are_refused_in_words_of_our_own(bank: Client) -> bool:
    body = {"debtor": bank.account(), "creditor": bank.account(), "amount": 10**19, "currency": "CNY"}
    return "SQL" not in bank.pay_bytes(json.dumps(body).encode()).text


@probes("data.pan-unmasked")
def card_numbers_are_masked(bank: Client) -> bool:
    shown = bank.ask("GET", f"/accounts/{bank.account()}/card").json()["pan"]
    return shown[6:-4] == "******" and len(shown) == 16


@probes("data.cvv-returned")
def codes_are_not_returned(bank: Client) -> bool:
    return "cvv" not in bank.ask("GET", f"/accounts/{bank.account()}/card").json()


@probes("audit.unchained")
def tampering_shows(bank: Client) -> bool:
    bank.account()
    assert bank.ask("GET", "/audit/verify", "auditor").json()["valid"] is True
    bank.process.hook("inject", kind="audit-tamper", seq=1, action="alter")
    try:
        return not bank.ask("GET", "/audit/verify", "auditor").json()["valid"]
    finally:
        bank.process.reset(bank.process.faults)


@probes("login.unlimited")
def guessing_is_stopped(bank: Client) -> bool:
    wrong = {"username": "shop", "password": "not the password"}
    codes = [bank.raw("POST", "/login", json=wrong).json()["code"] for _ in range(11)]
    return codes[:10] == ["invalid-login"] * 10 and codes[10] == "locked"


@probes("limiter.off")
def bursts_are_limited(bank: Client) -> bool:
    answers = [bank.ask("GET", "/limits/ping") for _ in range(21)]
    return answers[-1].status_code == 429 and int(answers[-1].headers["retry-after"]) >= 1


@probes("routes.debug-open")
def debug_pages_are_closed(bank: Client) -> bool:
    return {bank.raw("GET", path).status_code for path in ("/debug", "/metrics")} == {404}


@probes("routes.map-open")
def maps_are_closed(bank: Client) -> bool:
    return bank.raw("GET", "/v3/api-docs").status_code == 404


@probes("cookies.insecure")
def cookies_are_guarded(bank: Client) -> bool:
    answer = bank.raw("POST", "/login", json={"username": "alice", "password": bank.secret("alice", "PASSWORD")})
    cookie = answer.headers["set-cookie"]
    bank.session.cookies.clear()
    return all(flag in cookie for flag in ("Secure", "HttpOnly", "SameSite=Strict"))


# -- the tests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", sorted(PROBES))
def test_fault_makes_the_sound_bank_faulty(bank: Client, fault: str) -> None:
    assert PROBES[fault](bank), "the bank must be sound when no fault is on"
    bank.process.reset([fault])
    assert not PROBES[fault](bank), "the fault must change what the bank does"
    bank.process.reset()
    assert PROBES[fault](bank), "the bank must be sound again when the fault is off"


@pytest.mark.parametrize(
    ("fault", "entries", "moved"),
    [("load.lost", 19, 19), ("load.doubled", 21, 21), ("load.ghost", 21, 21), ("load.wrong-amount", 20, 21)],
)
def test_load_faults_strike_every_tenth_payment(bank: Client, fault: str, entries: int, moved: int) -> None:
    """Of nineteen payments that count the tenth is struck, and of those that do not count none."""
    bank.process.reset([fault])
    debtor, creditor = bank.pair(10_000)
    answers = [bank.pay(debtor, creditor, 1, reference=f"load-{n}") for n in range(19)]
    answers += [bank.pay(debtor, creditor, 1, reference="other")]
    assert {answer.status_code for answer in answers} == {201}
    items = bank.ask("GET", f"/accounts/{creditor}/statement").json()["items"]
    assert bank.process.hits() == {fault: 1}
    assert (len(items), bank.balance(creditor)) == (entries, moved)


def test_rejected_but_booked_payments_are_counted(bank: Client) -> None:
    bank.process.reset(["load.rejected-booked"])
    debtor, creditor = bank.pair(10_000)
    codes = [bank.pay(debtor, creditor, 1, reference=f"load-{n}").status_code for n in range(10)]
    assert codes == [201] * 9 + [422]
    assert bank.balance(creditor) == 10


# -- helpers --------------------------------------------------------------------------------------------------------


def at_once(call: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(8) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(8)]]


def through_consent(bank: Client, account: str, permission: str, path: str, revoked: bool = False) -> Any:
    body = {"account": account, "permissions": [permission], "expires_in": 60}
    consent = bank.ask("POST", "/consents", json=body).json()["id"]
    if revoked:
        assert bank.ask("DELETE", f"/consents/{consent}").json()["state"] == "revoked"
    return bank.ask("GET", path, "bob", headers={"Consent-Id": consent})


def decoded(part: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value


def text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(value: dict[str, Any]) -> str:
    return text64(json.dumps(value).encode())


def bank_pem(bank: Client) -> bytes:
    key = bank.raw("GET", "/jwks").json()["keys"][0]
    x, y = (int.from_bytes(base64.urlsafe_b64decode(key[name] + "="), "big") for name in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
