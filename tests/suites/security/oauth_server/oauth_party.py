"""An honest client of the reference authorization server, written apart from the suite's own attacker library."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from conformance.reference.process import ReferenceProcess

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: Stands for a member that is left out.
GONE = object()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sha(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest())


def merged(first: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**first, **changes}.items() if value is not GONE}


def jwk_of(key: Any) -> dict[str, str]:
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw())}
    numbers = public.public_numbers()
    if isinstance(public, rsa.RSAPublicKey):
        return {"kty": "RSA", "n": b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")), "e": "AQAB"}
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(numbers.x.to_bytes(32, "big")),
        "y": b64(numbers.y.to_bytes(32, "big")),
    }


def algorithm_of(key: Any) -> str:
    kinds = {ec.EllipticCurvePrivateKey: "ES256", ed25519.Ed25519PrivateKey: "EdDSA", rsa.RSAPrivateKey: "PS256"}
    return next(name for kind, name in kinds.items() if isinstance(key, kind))


def signature(key: Any, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return bytes(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def jwt(key: Any, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    parts = (json.dumps(dict(part)).encode() for part in ({"alg": algorithm_of(key), **header}, claims))
    signed = ".".join(b64(part) for part in parts)
    unsigned = str(header.get("alg", "")).lower() == "none"
    return f"{signed}.{'' if unsigned else b64(signature(key, signed.encode()))}"


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return value


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Party:
    """One registered client, with a key for proofs of its own. ``ahead``: seconds that the server's clock is ahead."""

    process: ReferenceProcess
    name: str
    session: requests.Session
    dpop_key: Any = field(default_factory=new_key)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    ahead: int = 0

    @property
    def base(self) -> str:
        return self.process.base_url

    @property
    def client_id(self) -> str:
        return f"client-{self.name}"

    @property
    def redirect_uri(self) -> str:
        return f"https://client.example.com/{self.name}/cb"

    @property
    def key(self) -> Any:
        pem = self.process.environment[f"CONFORMANCE_DEMO_OAUTH_{self.name.upper()}_KEY"]
        return load_pem_private_key(pem.encode(), None)

    @property
    def mutual(self) -> bool:
        return self.name == "mtls"

    def url(self, path: str) -> str:
        return (self.mutual_base() if self.mutual else self.base) + path

    def mutual_base(self) -> str:
        metadata = self.session.get(f"{self.base}/.well-known/oauth-authorization-server", timeout=10).json()
        return str(metadata["mtls_endpoint_aliases"]["token_endpoint"]).removesuffix("/oauth/token")

    def certificate(self, name: str = "first") -> str:
        return str(self.process.candidate_path.parent / f"client-{name}.pem")

    def now(self) -> int:
        return int(time.time()) + self.ahead

    # -- what is signed -----------------------------------------------------------------------------------

    def assertion(self, *, key: Any = None, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        now = self.now()
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.base, "iat": now, "exp": now + 60}
        claims["jti"] = secrets.token_urlsafe(12)
        head = {"kid": f"{self.client_id}-1", **(header or {})}
        return jwt(key or self.key, head, merged(claims, changes))

    def credentials(self, assertion: str | None = None) -> dict[str, str]:
        if self.mutual:
            return {"client_id": self.client_id}
        return {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(),
        }

    def proof(
        self,
        method: str,
        path: str,
        token: str = "",
        *,
        key: Any = None,
        header: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        key = key or self.dpop_key
        claims = {"jti": secrets.token_urlsafe(12), "htm": method, "htu": self.base + path, "iat": self.now()}
        if token:
            claims["ath"] = sha(token)
        head = merged({"typ": "dpop+jwt", "jwk": jwk_of(key)}, header or {})
        return jwt(key, head, merged(claims, changes))

    def request(self, **changes: Any) -> dict[str, str]:
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid accounts",
            "state": "state-1",
            "nonce": "nonce-1",
            "code_challenge": sha(self.verifier),
            "code_challenge_method": "S256",
        }
        return merged(parameters, changes)

    def request_object(
        self, parameters: Mapping[str, Any] | None = None, *, header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        now = self.now()
        bounds = {"iss": self.client_id, "aud": self.base, "iat": now, "nbf": now, "exp": now + 300}
        claims = merged({**(parameters or self.request()), **bounds}, changes)
        return jwt(self.key, {"typ": "oauth-authz-req+jwt", "kid": f"{self.client_id}-1", **(header or {})}, claims)

    # -- what is sent -------------------------------------------------------------------------------------

    def post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> requests.Response:
        certificate = self.certificate() if self.mutual else None
        return self.session.post(
            self.url(path), data=dict(form), headers=dict(headers or {}), cert=certificate, timeout=10
        )

    def push(self, form: Mapping[str, str] | None = None, **changes: Any) -> requests.Response:
        """Push ``form``, or the honest parameters, authenticated."""
        chosen = self.request() if form is None else dict(form)
        return self.post("/oauth/par", merged({**chosen, **self.credentials()}, changes))

    def pushed(self, **changes: Any) -> str:
        answer = self.push(self.request(**changes))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["request_uri"])

    def visit(self, **query: str) -> requests.Response:
        return self.session.get(f"{self.base}/oauth/authorize", params=query, allow_redirects=False, timeout=10)

    def authorized(self, **changes: Any) -> dict[str, str]:
        """Push, authorize, and return what the browser brings back."""
        answer = self.visit(client_id=self.client_id, request_uri=self.pushed(**changes))
        assert answer.status_code == 303, answer.text
        return brought(answer.headers["Location"])

    def redeem(
        self, code: str, /, *, proof: str | None = "", assertion: str | None = None, **changes: Any
    ) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        form |= {"code_verifier": self.verifier, **self.credentials(assertion)}
        return self.ask_token(merged(form, changes), proof)

    def ask_token(self, form: Mapping[str, str], proof: str | None = "") -> requests.Response:
        made = self.proof("POST", "/oauth/token") if proof == "" else proof
        return self.post("/oauth/token", form, {} if self.mutual or made is None else {"DPoP": made})

    def grant(self, **changes: Any) -> dict[str, Any]:
        answer = self.redeem(self.authorized(**changes)["code"])
        assert answer.status_code == 200, answer.text
        value: dict[str, Any] = answer.json()
        return value

    def read(self, token: str, *, proof: str | None = "", scheme: str = "") -> requests.Response:
        made = self.proof("GET", "/oauth/resource", token) if proof == "" and not self.mutual else proof
        headers = {"Authorization": f"{scheme or ('Bearer' if self.mutual else 'DPoP')} {token}"}
        if made:
            headers["DPoP"] = made
        certificate = self.certificate() if self.mutual else None
        return self.session.get(self.url("/oauth/resource"), headers=headers, cert=certificate, timeout=10)


def brought(location: str) -> dict[str, str]:
    """Return the parameters of query and fragment."""
    parts = urlsplit(location)
    return {name: values[0] for text in (parts.query, parts.fragment) for name, values in parse_qs(text).items()}


def error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("error"))


def filled(party: Party, value: Any) -> Any:
    """Put the issuer in, and make numbers of seconds from now."""
    if isinstance(value, int) and value != 7:
        return party.now() + value
    if isinstance(value, list):
        return [filled(party, item) for item in value]
    return value.format(base=party.base) if isinstance(value, str) else value


def thumbprint(key: Any) -> str:
    jwk = jwk_of(key)
    return sha("{" + ",".join(f'"{name}":"{jwk[name]}"' for name in ("crv", "kty", "x", "y")) + "}")
