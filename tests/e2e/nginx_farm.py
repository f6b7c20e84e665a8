"""Many nginx servers in one process, each sound but for one thing, for the checks of transport to find.

The servers differ in their configuration, their certificate, or the OCSP response stapled to it; the rest is nginx as
Debian packages it. Everything listens on the loopback address at ports chosen by the system, without root, below one
directory.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp

from conformance.reference.issuing import CLIENT, SERVER, Authority, Holder, Order, pem, self_signed

HOST = "127.0.0.1"
NAMES = ("localhost", HOST)
SOUND_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Server:
    """One server. ``certificate`` and ``staple`` name files of the farm; ``further`` are lines of its configuration.

    ``strict``: it demands HTTPS for a year. No server can be made to accept an expired client certificate: nginx
    refuses one even where it takes certificates of any authority, so that case is only seen to be refused here.
    """

    certificate: str = "sound"
    staple: str = "sound"
    protocols: str = "TLSv1.2 TLSv1.3"
    suites: str = SOUND_SUITES
    strict: bool = True
    further: tuple[str, ...] = ()
    #: What decides whether a client is known; "SUCCESS" is.
    known: str = "$ssl_client_verify"


#: Asks for a client certificate of the farm's authority that is not revoked.
MUTUAL = ("ssl_verify_client on;", "ssl_client_certificate root.pem;", "ssl_crl clients.crl;")


def _weak(suites: str) -> Server:
    return Server(certificate="rsa", staple="", suites=f"{SOUND_SUITES}:{suites}:@SECLEVEL=0")


def _mutual(first: str, *further: str, known: str = "$ssl_client_verify") -> Server:
    return Server(further=(first, "ssl_client_certificate root.pem;", *further), known=known)


#: Every server by name. Those whose name begins with "mtls" are asked at the endpoint for client certificates.
SERVERS: dict[str, Server] = {
    "sound": Server(),
    "sound-without-staple": Server(staple=""),
    "protocol-tls10-too": Server(
        certificate="rsa", staple="", protocols="TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
        suites=f"{SOUND_SUITES}:ECDHE-RSA-AES128-SHA:@SECLEVEL=0",
    ),
    "protocol-tls10-only": Server(
        certificate="rsa", staple="", protocols="TLSv1", suites="ECDHE-RSA-AES128-SHA:@SECLEVEL=0"
    ),
    "protocol-tls12-only": Server(protocols="TLSv1.2"),
    "suites-null": _weak("eNULL"),
    "suites-anonymous": _weak("ADH:AECDH"),
    "suites-static-rsa": _weak("AES128-GCM-SHA256"),
    "suites-cbc": _weak("ECDHE-RSA-AES128-SHA"),
    "group-1024": Server(
        certificate="rsa", staple="", suites=f"{SOUND_SUITES}:DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0",
        further=("ssl_dhparam dh1024.pem;",),
    ),
    "certificate-self-signed": Server(certificate="self-signed", staple=""),
    "certificate-intermediate-missing": Server(certificate="intermediate-missing"),
    "certificate-other-host": Server(certificate="other-host", staple=""),
    "certificate-common-name-only": Server(certificate="common-name-only", staple=""),
    "certificate-expired": Server(certificate="expired", staple=""),
    "certificate-future": Server(certificate="future", staple=""),
    "certificate-nearly-expired": Server(certificate="nearly-expired", staple=""),
    "certificate-client-purpose": Server(certificate="client-purpose", staple=""),
    "certificate-rsa-1024": Server(certificate="rsa-1024", staple=""),
    "staple-revoked": Server(staple="revoked"),
    "staple-stale": Server(staple="stale"),
    "staple-forged": Server(staple="forged"),
    "hsts-missing": Server(strict=False),
    "early-data": Server(further=("ssl_early_data on;",)),
    "mtls-sound": Server(further=MUTUAL),
    "mtls-certificate-optional": _mutual("ssl_verify_client optional;", "ssl_crl clients.crl;", known="SUCCESS"),
    # With a revocation list nginx would refuse strangers after all, for want of a list of their authority.
    "mtls-any-authority": _mutual("ssl_verify_client optional_no_ca;", known="$any_certificate"),
    "mtls-without-list": _mutual("ssl_verify_client on;"),
    "mtls-header-trusted": _mutual("ssl_verify_client optional;", "ssl_crl clients.crl;", known="$claimed_or_verified"),
}  # fmt: skip

_HEAD = """
daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 512; }
http {
  access_log off;
  default_type application/json;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ssl_session_cache shared:farm:1m;
  map $ssl_client_verify $any_certificate { NONE NONE; default SUCCESS; }
  map $http_x_client_cert $claimed_or_verified { "" $ssl_client_verify; default SUCCESS; }
"""

#: Debian's defaults forbid what some servers are to do.
_OPENSSL = """
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
MinProtocol = None
CipherString = DEFAULT:@SECLEVEL=0
"""


class Farm:
    """The running servers: ``url`` of each by name, and the directory with ``root.pem`` and ``client-*.pem``."""

    def __init__(self, directory: Path, ports: Mapping[str, int]) -> None:
        self.directory = directory
        self._ports = ports

    def url(self, name: str) -> str:
        """Return the base URL of a server."""
        return f"https://{HOST}:{self._ports[name]}"


@contextmanager
def running(nginx: Path, directory: Path) -> Iterator[Farm]:
    """Start all servers in one process and stop it by its process id."""
    _write_material(directory)
    ports = _free_ports(list(SERVERS))
    blocks = "\n".join(_block(server, ports[name]) for name, server in SERVERS.items())
    (directory / "nginx.conf").write_text(f"{_HEAD}{blocks}\n}}\n")
    (directory / "openssl.cnf").write_text(_OPENSSL)
    command = [str(nginx), "-p", str(directory), "-c", "nginx.conf", "-e", "error.log"]
    environment = {**os.environ, "OPENSSL_CONF": str(directory / "openssl.cnf")}
    with (directory / "output.log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        _await(process, directory, ports["sound"])
        yield Farm(directory, ports)
    finally:
        process.terminate()
        process.wait(10)


def installed(cache: Path) -> Path:
    """Return nginx: the machine's own, or Debian's package unpacked into a cache; raises CalledProcessError."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found:
        return Path(found)
    home = cache / "nginx-debian"
    binary = home / "usr" / "sbin" / "nginx"
    if not binary.exists():
        home.mkdir(parents=True, exist_ok=True)
        # Unpacked, not installed: the package would start a server on port 80 of every address.
        fetch = ["apt-get", "download", "-qq", "nginx"]
        if subprocess.run(fetch, cwd=home, capture_output=True, timeout=120, check=False).returncode:
            subprocess.run(["apt-get", "update", "-qq"], capture_output=True, timeout=300, check=True)
            subprocess.run(fetch, cwd=home, capture_output=True, timeout=120, check=True)
        (package,) = home.glob("nginx_*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(home)], check=True, timeout=60)
    subprocess.run([str(binary), "-v"], check=True, capture_output=True, timeout=10)
    return binary


def _block(server: Server, port: int) -> str:
    lines = [
        f"listen {HOST}:{port} ssl;",
        f"ssl_certificate {server.certificate}.pem;",
        f"ssl_certificate_key {server.certificate}.pem;",
        f"ssl_protocols {server.protocols};",
        f"ssl_ciphers {server.suites};",
        "ssl_prefer_server_ciphers on;",
        *server.further,
    ]
    if server.staple:
        lines += ["ssl_stapling on;", f"ssl_stapling_file {server.staple}.ocsp;"]
    if server.strict:
        lines.append('add_header Strict-Transport-Security "max-age=31536000" always;')
    return "  server {\n    " + "\n    ".join([*lines, f"set $known {server.known};", _PRODUCT]) + "\n  }"


#: What every server does for the product it plays: it lists nothing, pays everything, and knows clients by certificate.
_PRODUCT = """
    location = /accounts {
      if ($request_method = POST) { return 201 '{"id":"account","currency":"CNY"}'; }
      return 200 '{"items":[],"next":null}';
    }
    location = /accounts/account/balance { return 200 '{"account":"account","available":100000,"currency":"CNY"}'; }
    location = /payments { return 201 '{"id":"payment","state":"confirmed","amount":1237,"currency":"CNY"}'; }
    location = /mtls/whoami {
      if ($known != SUCCESS) { return 401 '{"code":"certificate-missing"}'; }
      return 200 '{"subject":"known","thumbprint":""}';
    }
"""


def _write_material(directory: Path) -> None:
    root = Authority("Farm Root")
    issuer, impostor = (Authority("Farm Issuing", path_length=0, parent=root), Authority("Farm Issuing"))
    (directory / "root.pem").write_bytes(pem(root.certificate))
    holders = _holders(issuer)
    for name, holder in holders.items():
        (directory / f"{name}.pem").write_bytes(holder.pem())
    leaf = holders["sound"].certificate
    (directory / "sound.ocsp").write_bytes(_response(issuer, leaf))
    (directory / "revoked.ocsp").write_bytes(_response(issuer, leaf, revoked=True))
    (directory / "stale.ocsp").write_bytes(_response(issuer, leaf, age=10 * DAY))
    (directory / "forged.ocsp").write_bytes(_response(issuer, leaf, signer=impostor))
    (directory / "dh1024.pem").write_bytes(_group_1024())
    _write_clients(directory, root)


def _holders(issuer: Authority) -> dict[str, Holder]:
    """Return every certificate of the farm's servers, with what is sent along."""
    now = datetime.now(UTC)
    sound = Order("localhost", SERVER, NAMES)
    orders = {
        "sound": sound,
        "other-host": Order("localhost", SERVER, ("other.example",)),
        "common-name-only": Order(HOST, SERVER),
        "expired": Order("localhost", SERVER, NAMES, now - 90 * DAY, now - DAY),
        "future": Order("localhost", SERVER, NAMES, now + DAY),
        "nearly-expired": Order("localhost", SERVER, NAMES, now - 335 * DAY, now + 20 * DAY),
        "client-purpose": Order("localhost", CLIENT, NAMES),
    }
    holders = {name: issuer.issue(order) for name, order in orders.items()}
    holders["intermediate-missing"] = Holder(holders["sound"].certificate, holders["sound"].key)
    holders["self-signed"] = self_signed(sound)
    holders["rsa"] = issuer.issue(sound, rsa.generate_private_key(65537, 2048))
    holders["rsa-1024"] = issuer.issue(sound, rsa.generate_private_key(65537, 1024))
    return holders


def _write_clients(directory: Path, root: Authority) -> None:
    now = datetime.now(UTC)
    good, revoked = (root.issue(Order(f"client-{name}", CLIENT)) for name in ("good", "revoked"))
    clients = {
        "good": good,
        "revoked": revoked,
        "expired": root.issue(Order("client-expired", CLIENT, (), now - 60 * DAY, now - 30 * DAY)),
        "stranger": Authority("Somebody Else's Root").issue(Order("client-stranger", CLIENT)),
    }
    for name, holder in clients.items():
        (directory / f"client-{name}.pem").write_bytes(holder.pem())
    (directory / "clients.crl").write_bytes(root.revocations([revoked.certificate]))


def _response(
    issuer: Authority,
    leaf: x509.Certificate,
    *,
    revoked: bool = False,
    age: timedelta = timedelta(hours=1),
    signer: Authority | None = None,
) -> bytes:
    begins, responder = datetime.now(UTC) - age, signer or issuer
    builder = ocsp.OCSPResponseBuilder().add_response(
        leaf,
        issuer.certificate,
        hashes.SHA1(),
        ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
        begins,
        begins + 7 * DAY,
        begins if revoked else None,
        x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, responder.certificate)
    return builder.sign(responder.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _group_1024() -> bytes:
    """Return the second Oakley group (RFC 2409 6.2), 1024 bits, as PEM: SEQUENCE of prime and generator."""
    prime = bytes.fromhex(
        "00FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD"
        "3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F"
        "24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
    )
    content = b"\x02\x81" + bytes([len(prime)]) + prime + b"\x02\x01\x02"
    der = b"\x30\x81" + bytes([len(content)]) + content
    return b"-----BEGIN DH PARAMETERS-----\n" + base64.encodebytes(der) + b"-----END DH PARAMETERS-----\n"


def _free_ports(names: list[str]) -> dict[str, int]:
    """Return a different loopback port for each name; all are held until all are chosen."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in names]
        for item in sockets:
            item.bind((HOST, 0))
        return {name: int(item.getsockname()[1]) for name, item in zip(names, sockets, strict=True)}


def _await(process: subprocess.Popen[bytes], directory: Path, port: int, deadline_s: float = 20) -> None:
    limit = time.monotonic() + deadline_s
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise AssertionError(f"nginx ended: {(directory / 'output.log').read_text()}")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nginx did not listen within {deadline_s} s")
