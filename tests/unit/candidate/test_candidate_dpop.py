"""Proofs of possession (RFC 9449), checked by a small server that accepts nothing less."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from candidate_product import Product, Request
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from conformance.errors import ConfigError, FileProblems
from conformance.sdk import Accepted, Candidate, Refused

TOKEN = "bound-token-0123456789"


def part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(part(text), "big")


def require_signed(head: dict[str, Any], signed: bytes, value: bytes) -> None:
    jwk = head["jwk"]
    match head["alg"]:
        case "ES256":
            key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()).public_key()
            r, s = int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big")
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        case "EdDSA":
            ed25519.Ed25519PublicKey.from_public_bytes(part(jwk["x"])).verify(value, signed)
        case "PS256":
            public = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
            public.verify(value, signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        case other:
            raise AssertionError(other)


class Guard:
    """The product's answers: a token for a proof, and data for a proof by the same key over that token."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.key: dict[str, str] | None = None
        self.seen: set[str] = set()
        self.nonces: dict[str, str] = {}
        self.claims: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> Any:
        claims = self.proof(request)
        self.claims.append(claims)
        token = request.path == "/token"
        wanted = self.nonces.get(request.path, "")
        if claims.get("nonce", "") != wanted:
            if token:
                return 400, {"DPoP-Nonce": wanted}, {"error": "use_dpop_nonce"}
            return 401, {"DPoP-Nonce": wanted, "WWW-Authenticate": 'DPoP error="use_dpop_nonce"'}, {"code": "nonce"}
        if token:
            assert "ath" not in claims
            return {"access_token": TOKEN, "token_type": "DPoP", "expires_in": 600}
        assert request.headers["Authorization"] == f"DPoP {TOKEN}"
        assert part(claims["ath"]) == hashlib.sha256(TOKEN.encode()).digest()
        return {"items": []}

    def proof(self, request: Request) -> dict[str, Any]:
        protected, payload, value = request.headers["DPoP"].split(".")
        head, claims = json.loads(part(protected)), json.loads(part(payload))
        assert head["typ"] == "dpop+jwt"
        assert not {"d", "p", "q"} & set(head["jwk"])
        assert self.key in (None, head["jwk"])
        self.key = head["jwk"]
        require_signed(head, f"{protected}.{payload}".encode(), part(value))
        assert (claims["htm"], claims["htu"]) == (request.method, self.product.url + request.path.partition("?")[0])
        assert abs(claims["iat"] - time.time()) < 60
        assert claims["jti"] not in self.seen
        self.seen.add(claims["jti"])
        return dict(claims)


def pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


def client(dpop: Any) -> dict[str, Any]:
    return {"scheme": "oauth2", "client_id": "alice", "client_secret": "a-long-secret", "dpop": dpop}


def bind(bound: Callable[..., Candidate], dpop: Any) -> Candidate:
    return bound(supports=("payments", "auth"), users={"alice": client(dpop)})


@pytest.fixture
def guard(product: Product) -> Guard:
    guard = Guard(product)
    product.answer = guard
    return guard


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
        (rsa.generate_private_key(65537, 2048), "PS256"),
    ],
)
def test_every_request_carries_a_proof(
    bound: Callable[..., Candidate], guard: Guard, monkeypatch: pytest.MonkeyPatch, key: Any, algorithm: str
) -> None:
    monkeypatch.setenv("PROOF_KEY", pem(key))
    candidate = bind(bound, {"key": {"env": "PROOF_KEY"}, "algorithm": algorithm})
    for _ in range(2):
        assert isinstance(candidate.call("payments.list", limit=3), Accepted)
    assert [request.path for request in guard.product.requests] == ["/token", "/payments?limit=3", "/payments?limit=3"]


def test_without_a_key_one_is_made(bound: Callable[..., Candidate], guard: Guard) -> None:
    assert isinstance(bind(bound, {}).call("payments.list"), Accepted)
    assert guard.key is not None
    assert guard.key["crv"] == "P-256"


def test_a_nonce_that_is_asked_for_is_used_from_then_on(bound: Callable[..., Candidate], guard: Guard) -> None:
    guard.nonces = {"/token": "n-1", "/payments": "n-1"}
    candidate = bind(bound, {})
    assert isinstance(candidate.call("payments.list"), Accepted)
    assert [claims.get("nonce") for claims in guard.claims] == [None, "n-1", "n-1"]
    guard.nonces["/payments"] = "n-2"
    assert isinstance(candidate.call("payments.list"), Accepted)
    assert [claims.get("nonce") for claims in guard.claims[3:]] == ["n-1", "n-2"]


def test_a_server_that_keeps_asking_is_asked_twice_and_no_more(
    bound: Callable[..., Candidate], product: Product
) -> None:
    def asking(request: Request) -> Any:
        if request.path == "/token":
            return {"access_token": TOKEN, "token_type": "DPoP", "expires_in": 600}
        nonce = str(len(product.requests))
        return 401, {"DPoP-Nonce": nonce, "WWW-Authenticate": 'DPoP error="use_dpop_nonce"'}, {"code": "nonce"}

    product.answer = asking
    assert isinstance(bind(bound, {}).call("payments.list"), Refused)
    assert len(product.requests) == 3


def test_what_a_check_says_of_the_proof_holds(bound: Callable[..., Candidate], product: Product) -> None:
    product.answer = lambda request: (
        {"access_token": TOKEN} if request.path == "/token" else (401, {"DPoP-Nonce": "n"}, {"error": "use_dpop_nonce"})
    )
    read = bind(bound, {}).prepare("payments.list")
    assert isinstance(read.with_header("DPoP", "forged").send(), Refused)
    assert isinstance(read.without_header("DPoP").send(), Refused)
    _, forged, dropped = product.requests
    assert forged.headers["DPoP"] == "forged"
    assert "DPoP" not in dropped.headers
    read.with_header("Authorization", "DPoP another").send()
    claims = json.loads(part(product.requests[-1].headers["DPoP"].split(".")[1]))
    assert part(claims["ath"]) == hashlib.sha256(b"another").digest()


def test_without_dpop_a_token_is_a_bearer_token(bound: Callable[..., Candidate], product: Product) -> None:
    items: dict[str, Any] = {"items": []}
    product.answer = lambda request: {"access_token": TOKEN} if request.path == "/token" else items
    bind(bound, False).call("payments.list")
    assert [request.headers.get("Authorization") for request in product.requests] == [None, f"Bearer {TOKEN}"]
    assert all("DPoP" not in request.headers for request in product.requests)


def test_mistakes_are_named(bound: Callable[..., Candidate], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileProblems, match="an unknown key"):
        bind(bound, {"alg": "ES256"})
    monkeypatch.setenv("PROOF_KEY", pem(ed25519.Ed25519PrivateKey.generate()))
    candidate = bind(bound, {"key": {"env": "PROOF_KEY"}, "algorithm": "ES256"})
    with pytest.raises(ConfigError, match="the key cannot be used"):
        candidate.call("payments.list")
