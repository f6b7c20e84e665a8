"""npm oidc-provider as a process of its own, with the candidate file that binds it: a real server we did not write."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from conformance_security.oauth.keys import SigningKey

VERSION = "9.13.3"
SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
REDIRECT = "https://client.example.com/cb"

#: Configuration faults that the server can be started with.
FAULTS = ("replay", "fapi-off", "mtls-unbound", "certificate-header", "code-ttl")

#: Clients with the algorithm of their keys.
CLIENTS = {"first": "PS256", "second": "ES256", "jar": "PS256", "mtls": "ES256"}


def installed() -> Path:
    """Return the package, installed once into the cache of the end-to-end tests."""
    cache = Path(os.environ.get("CONFORMANCE_E2E_CACHE") or Path.home() / ".cache" / "conformance-e2e")
    home = cache / f"oidc-provider-{VERSION}"
    marker = home / "complete"
    if not marker.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", f"oidc-provider@{VERSION}"]
        subprocess.run(install, cwd=home, check=True, timeout=300)
        marker.touch()
    return home / "node_modules" / "oidc-provider"


@dataclass
class OidcProvider:
    """A running server; ``directory`` receives certificates and ``candidate.toml``.

    ``nonces``: whether it asks for its own nonces in DPoP proofs. ``environment`` holds the keys of the clients under
    the names that the candidate file gives them.
    """

    directory: Path
    faults: Iterable[str] = ()
    nonces: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    issuer: str = ""
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        keys = {name: SigningKey.read(_pem(_client_key(name)), kid=f"{name}-1") for name in CLIENTS}
        for name, key in keys.items():
            self.environment[_variable(name)] = _pem(key.private)
        certificates = {name: _certificate(self.directory / f"client-{name}.pem", name) for name in ("first", "mtls")}
        cert, tls_key = _server_identity(self.directory)
        settings = {
            "package": str(installed()),
            "key": tls_key,
            "cert": cert,
            "clients": [_registration(name, keys[name], certificates.get(name, "")) for name in CLIENTS],
            "signingKeys": [_server_key()],
            "faults": sorted(self.faults),
            "nonces": self.nonces,
        }
        self._process = subprocess.Popen(
            ["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        ready = self._process.stdout.readline()
        if not ready:
            raise RuntimeError("oidc-provider did not start")
        self.issuer = json.loads(ready)["issuer"]
        self._write_candidate()
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        process.stdout.close()

    @property
    def candidate(self) -> Path:
        """The candidate file."""
        return self.directory / "candidate.toml"

    def _write_candidate(self) -> None:
        clients = "".join(_client_section(name) for name in CLIENTS)
        text = _CANDIDATE.format(version=VERSION, issuer=self.issuer, clients=clients)
        self.candidate.write_text(text, encoding="utf-8")


_CANDIDATE = """name = "oidc-provider"
version = "{version}"
driver = "oauth"
base_url = "{issuer}"
supports = ["oauth"]

[tls]
ca = "ca.pem"

[limits]
requests_per_second_max = 1000
timeout_s = 10

[endpoints]
mtls = "{issuer}"

[users.oauth-first]
scheme = "none"
client_cert = "client-first.pem"

[users.oauth-mtls]
scheme = "none"
client_cert = "client-mtls.pem"

[declared.security.tls]
mtls = false
plain = false

[declared.security.oauth]
issuer = "{issuer}"
scope = "openid accounts"
mtls_endpoint = "mtls"
parameters = {{ login_hint = "alice" }}
decliner = "nobody"
{clients}"""


def _client_section(name: str) -> str:
    binding = "mtls" if name == "mtls" else "dpop"
    user = f'user = "oauth-{name}"\n' if name in ("first", "mtls") else ""
    return f"""
[declared.security.oauth.clients.{name}]
client_id = "{name}"
{user}redirect_uri = "{REDIRECT}"
method = "private_key_jwt"
algorithm = "{CLIENTS[name]}"
key = {{ env = "{_variable(name)}" }}
kid = "{name}-1"
binding = "{binding}"
registered_scope = "openid accounts"
"""


def _registration(name: str, key: SigningKey, certificate: str) -> dict[str, Any]:
    jwk: dict[str, Any] = {**key.public_jwk(), "kid": key.kid, "use": "sig", "alg": key.algorithm}
    if certificate:
        jwk["x5c"] = [certificate]
    return {
        "client_id": name,
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": key.algorithm,
        "scope": "openid accounts",
        "jwks": {"keys": [jwk if not certificate else {k: v for k, v in jwk.items() if k != "x5c"}]},
        "dpop_bound_access_tokens": name != "mtls",
        "tls_client_certificate_bound_access_tokens": name == "mtls",
        "require_signed_request_object": name == "jar",
    }


def _variable(name: str) -> str:
    return f"OIDC_PROVIDER_{name.upper()}_KEY"


def _client_key(name: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048) if CLIENTS[name] == "PS256" else _key()


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: Any) -> str:
    return key.private_bytes(  # type: ignore[no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def _server_key() -> dict[str, str]:
    return {**SigningKey.made().private_jwk(), "kid": "server-1", "use": "sig", "alg": "ES256"}


def _certificate(path: Path, name: str) -> str:
    """Write a self-signed client certificate with its key, and return its DER in base64."""
    key = _key()
    certificate = _signed(f"{name}.client.example.com", key, None, ExtendedKeyUsageOID.CLIENT_AUTH)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
    path.write_text(pem + _pem(key), encoding="ascii")
    return "".join(pem.splitlines()[1:-1])


def _server_identity(directory: Path) -> tuple[str, str]:
    """Write the root into ``ca.pem`` and return certificate and key of the server."""
    root_key, key = _key(), _key()
    root = _signed("Test root", root_key, None, None)
    leaf = _signed("127.0.0.1", key, (root, root_key), ExtendedKeyUsageOID.SERVER_AUTH)
    (directory / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    return leaf.public_bytes(serialization.Encoding.PEM).decode("ascii"), _pem(key)


def _signed(
    common_name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    usage: x509.ObjectIdentifier | None,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[0].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if issuer:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        builder = builder.add_extension(authority, critical=False)
    with suppress(ValueError):
        address = x509.IPAddress(ipaddress.ip_address(common_name))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())
