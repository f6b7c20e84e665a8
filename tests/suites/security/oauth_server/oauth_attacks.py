"""Attacks on the reference authorization server, one for each seeded fault, and what honest clients may write."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from oauth_party import GONE, Party, b64, brought, jwk_of, new_key, sha

from conformance.reference.process import ReferenceProcess

Parties = Callable[[str], Party]
#: An attack; its answer shows whether it worked: 4xx means refused.
Attack = Callable[[ReferenceProcess, Parties], requests.Response]


def got_code(answer: requests.Response) -> bool:
    return answer.status_code == 303 and {"code", "access_token"} & set(brought(answer.headers["Location"])) != set()


# -- the resource ---------------------------------------------------------------------------------------------------


def id_token(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.read(first.grant()["id_token"])


def bearer_downgrade(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.read(first.grant()["access_token"], proof=None, scheme="Bearer")


def missing_proof(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.read(first.grant()["access_token"], proof=None)


def other_key(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    token = first.grant()["access_token"]
    return first.read(token, proof=first.proof("GET", "/oauth/resource", token, key=new_key()))


def replayed_proof(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    token = first.grant()["access_token"]
    proof = first.proof("GET", "/oauth/resource", token)
    assert first.read(token, proof=proof).status_code == 200
    return first.read(token, proof=proof)


def wrong_proof(**changes: str | int) -> Attack:
    def attack(bank: ReferenceProcess, party: Parties) -> requests.Response:
        first = party("first")
        token = first.grant()["access_token"]
        made = {name: first.now() + value if isinstance(value, int) else value for name, value in changes.items()}
        return first.read(token, proof=first.proof("GET", "/oauth/resource", token, **made))

    return attack


def other_certificate(bank: ReferenceProcess, party: Parties) -> requests.Response:
    client = party("mtls")
    headers = {"Authorization": f"Bearer {client.grant()['access_token']}"}
    second = client.certificate("second")
    return client.session.get(client.url("/oauth/resource"), headers=headers, cert=second, timeout=10)


def retired_key(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    token = first.grant()["access_token"]
    bank.hook("rotate_keys")
    return first.read(token)


# -- pushing --------------------------------------------------------------------------------------------------------


def unproved_push(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.post("/oauth/par", first.request())


def pushed_with(**changes: object) -> Attack:
    return lambda bank, party: party("first").push(party("first").request(**changes))


def plain_challenge(bank: ReferenceProcess, party: Parties) -> requests.Response:
    """Push a plain challenge and go on to the token, if it is taken."""
    first = party("first")
    answer = first.push(first.request(code_challenge=first.verifier, code_challenge_method="plain"))
    if answer.status_code != 201:
        return answer
    back = first.visit(client_id=first.client_id, request_uri=answer.json()["request_uri"])
    return first.redeem(brought(back.headers["Location"])["code"])


def signed_with(header: Mapping[str, object] | None = None, **changes: object) -> Attack:
    def attack(bank: ReferenceProcess, party: Parties) -> requests.Response:
        client = party("jar")
        made = client.request_object(header=header, **changes)
        return client.push({"client_id": client.client_id, "request": made})

    return attack


def far_bounds(bank: ReferenceProcess, party: Parties) -> requests.Response:
    return signed_with(exp=party("jar").now() + 7 * 24 * 3600)(bank, party)


# -- authorization --------------------------------------------------------------------------------------------------


def unpushed(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.visit(**first.request())


def another_clients_request(bank: ReferenceProcess, party: Parties) -> requests.Response:
    return party("second").visit(client_id="client-second", request_uri=party("first").pushed())


def implicit(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    answer = first.push(first.request(response_type="token"))
    if answer.status_code != 201:
        return answer
    return first.visit(client_id=first.client_id, request_uri=answer.json()["request_uri"])


# -- codes ----------------------------------------------------------------------------------------------------------


def code_again(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    code = first.authorized()["code"]
    assert first.redeem(code).status_code == 200
    return first.redeem(code)


def stolen_code(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first, second = party("first"), party("second")
    code = first.authorized()["code"]
    return second.redeem(code, redirect_uri=first.redirect_uri, code_verifier=first.verifier)


def wrong_verifier(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.redeem(first.authorized()["code"], code_verifier=secrets.token_urlsafe(32))


def no_verifier(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.redeem(first.authorized()["code"], code_verifier=GONE)


def refresh_of(client: Party, refresh: str, proof: str | None = "") -> requests.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh, **client.credentials()}
    return client.ask_token(form, proof)


def stolen_refresh_token(bank: ReferenceProcess, party: Parties) -> requests.Response:
    return refresh_of(party("second"), party("first").grant()["refresh_token"])


def code_for_another_key(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    code = first.authorized(dpop_jkt=sha("another key"))["code"]
    return first.redeem(code)


def forged_proof(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    token = first.grant()["access_token"]
    return first.read(token, proof=first.proof("GET", "/oauth/resource", token)[:-4] + "AAAA")


def made_up_nonce(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    token = first.grant()["access_token"]
    bank.hook("dpop_nonce", required=True)
    answer = first.read(token, proof=first.proof("GET", "/oauth/resource", token, nonce="made up"))
    bank.hook("dpop_nonce", required=False)
    return answer


def declined(bank: ReferenceProcess, party: Parties) -> requests.Response:
    """Return a refusal where the browser comes back with an error."""
    first = party("first")
    back = first.visit(client_id=first.client_id, request_uri=first.pushed(login_hint="decliner"))
    if brought(back.headers["Location"]).get("error") == "access_denied":
        back.status_code, back._content = 403, b'{"error":"access_denied"}'
    return back


def old_code(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    code = first.authorized()["code"]
    bank.hook("clock", offset_s=300)
    first.ahead = 300
    answer = first.redeem(code)
    bank.hook("clock", offset_s=0)
    return answer


def password(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    form = {
        "grant_type": "password",
        "username": "alice",
        "password": bank.environment["CONFORMANCE_DEMO_ALICE_PASSWORD"],
    }
    return first.ask_token({**form, **first.credentials()})


# -- assertions -----------------------------------------------------------------------------------------------------


def asserted(**changes: object) -> Attack:
    def attack(bank: ReferenceProcess, party: Parties) -> requests.Response:
        first = party("first")
        made = {name: value(first) if callable(value) else value for name, value in changes.items()}
        return first.push(client_assertion=first.assertion(**made))  # type: ignore[arg-type]

    return attack


def replayed_assertion(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    made = first.assertion()
    assert first.push(client_assertion=made).status_code == 201
    return first.push(client_assertion=made)


def anothers_assertion(bank: ReferenceProcess, party: Parties) -> requests.Response:
    return asserted(sub="client-second")(bank, party)


def nested_push(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.push(first.request(request_uri=first.pushed()))


def expired_request(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    uri = first.pushed()
    bank.hook("clock", offset_s=300)
    answer = first.visit(client_id=first.client_id, request_uri=uri)
    bank.hook("clock", offset_s=0)
    return answer


def used_request(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    uri = first.pushed()
    assert got_code(first.visit(client_id=first.client_id, request_uri=uri))
    return first.visit(client_id=first.client_id, request_uri=uri)


def certificate_in_a_header(bank: ReferenceProcess, party: Parties) -> requests.Response:
    client = party("mtls")
    shown = x509.load_pem_x509_certificate(Path(client.certificate("first")).read_bytes())
    pem = quote(shown.public_bytes(Encoding.PEM), safe="")
    headers = {"Authorization": f"Bearer {client.grant()['access_token']}", "X-Client-Cert": pem}
    return client.session.get(f"{client.base}/oauth/resource", headers=headers, timeout=10)


def token_without_a_certificate(bank: ReferenceProcess, party: Parties) -> requests.Response:
    client = party("mtls")
    code = client.authorized()["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri}
    form |= {"code_verifier": client.verifier, "client_id": client.client_id}
    return client.session.post(f"{client.base}/oauth/token", data=form, timeout=10)


def outdated_proof(bank: ReferenceProcess, party: Parties) -> requests.Response:
    """Ask for a token with a proof that an RSA key made in the old way."""
    first = party("first")
    key = rsa.generate_private_key(65537, 2048)
    head = {"alg": "RS256", "typ": "dpop+jwt", "jwk": jwk_of(key)}
    claims = {"jti": secrets.token_urlsafe(12), "htm": "POST", "htu": f"{first.base}/oauth/token", "iat": first.now()}
    signed = ".".join(b64(json.dumps(part).encode()) for part in (head, claims))
    proof = f"{signed}.{b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    return first.redeem(first.authorized()["code"], proof=proof)


def token_of_a_code_that_came_again(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    code = first.authorized()["code"]
    token = first.redeem(code).json()["access_token"]
    assert first.redeem(code).status_code == 400
    return first.read(token)


ATTACKS: tuple[tuple[str, Attack], ...] = (
    ("oauth.id-token-accepted", id_token),
    ("oauth.dpop-binding-off", bearer_downgrade),
    ("oauth.dpop-binding-off", missing_proof),
    ("oauth.dpop-binding-off", other_key),
    ("oauth.dpop-replay", replayed_proof),
    ("oauth.dpop-rs256", outdated_proof),
    ("oauth.code-reuse-unpunished", token_of_a_code_that_came_again),
    ("oauth.dpop-htu-unchecked", wrong_proof(htu="https://other.example.com/oauth/resource")),
    ("oauth.dpop-htm-unchecked", wrong_proof(htm="POST")),
    ("oauth.dpop-ath-unchecked", wrong_proof(ath=sha("another token"))),
    ("oauth.dpop-iat-unchecked", wrong_proof(iat=-3600)),
    ("oauth.dpop-iat-unchecked", wrong_proof(iat=3600)),
    ("oauth.mtls-binding-off", other_certificate),
    ("oauth.par-unauthenticated", unproved_push),
    ("oauth.pkce-optional", pushed_with(code_challenge=GONE, code_challenge_method=GONE)),
    ("oauth.pkce-plain", plain_challenge),
    ("oauth.redirect-optional", pushed_with(redirect_uri=GONE)),
    ("oauth.redirect-unregistered", pushed_with(redirect_uri="https://attacker.example.com/cb")),
    ("oauth.scope-escalation", pushed_with(scope="openid payments")),
    ("oauth.implicit", implicit),
    ("oauth.par-optional", unpushed),
    ("oauth.request-uri-unbound", another_clients_request),
    ("oauth.code-reusable", code_again),
    ("oauth.code-client-unbound", stolen_code),
    ("oauth.verifier-unchecked", wrong_verifier),
    ("oauth.verifier-unchecked", no_verifier),
    ("oauth.code-long-lived", old_code),
    ("oauth.password-grant", password),
    ("oauth.assertion-aud-loose", asserted(aud=lambda party: [party.base, "https://other.example.com"])),
    ("oauth.assertion-aud-loose", asserted(aud=lambda party: f"{party.base}/oauth/token")),
    ("oauth.assertion-key-unchecked", asserted(key=lambda party: new_key())),
    ("oauth.assertion-replay", replayed_assertion),
    ("oauth.assertion-iat-unchecked", asserted(iat=lambda party: party.now() + 90)),
    ("oauth.jar-unbounded", signed_with(exp=GONE)),
    ("oauth.jar-unbounded", signed_with(nbf=GONE)),
    ("oauth.jar-unbounded", far_bounds),
    ("oauth.jar-none", signed_with(header={"alg": "none"})),
    ("oauth.jar-aud-unchecked", signed_with(aud="https://other.example.com")),
    ("oauth.jar-optional", lambda bank, party: party("jar").push()),
    ("oauth.refresh-client-unbound", stolen_refresh_token),
    ("oauth.dpop-jkt-unchecked", code_for_another_key),
    ("oauth.dpop-signature-unchecked", forged_proof),
    ("oauth.dpop-nonce-unchecked", made_up_nonce),
    ("oauth.refusal-ignored", declined),
    ("keys.rotation-ignored", retired_key),
    ("oauth.certificate-header-trusted", certificate_in_a_header),
    ("oauth.certificate-optional", token_without_a_certificate),
    ("oauth.assertion-sub-unchecked", anothers_assertion),
    ("oauth.request-uri-nested", nested_push),
    ("oauth.request-uri-unexpiring", expired_request),
    ("oauth.request-uri-reusable", used_request),
)


def lower_case_scheme(bank: ReferenceProcess, party: Parties) -> requests.Response:
    first = party("first")
    return first.read(first.grant()["access_token"], scheme="dpop")


#: What honest clients may write: accepted, and then not.
VARIATIONS: tuple[tuple[str, Attack], ...] = (
    ("oauth.dpop-claims-refused", wrong_proof(further="claim")),
    (
        "oauth.dpop-htu-query",
        lambda bank, party: wrong_proof(htu=f"{bank.base_url}/oauth/resource?page=1")(bank, party),
    ),
    ("oauth.dpop-htu-literal", lambda bank, party: wrong_proof(htu=shouted(bank.base_url))(bank, party)),
    ("oauth.scheme-case", lower_case_scheme),
)


def shouted(base: str) -> str:
    return f"{base.replace('https', 'HTTPS')}/oauth/resource"
