"""What servers show is read from every kind of server, and nothing is said to them beyond the handshake."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.files.candidate_file import read_candidate
from conformance.reference.inspected import make_variants
from conformance.reference.issuing import SERVER, Authority, Order, pem
from conformance.sdk import Candidate, Evidence, Finding, Inconclusive, NotApplicable, Params, Sighting
from conformance_security.checks import certificates
from conformance_security.tls import inspection
from conformance_security.tls.inspection import inspect
from conformance_security.tls.target import tls_target

ROOT = Authority("Root")
NAMES = ("localhost", "127.0.0.1")


class Recording:
    def __init__(self) -> None:
        self.check, self.run = "SEC-T07", "unit"
        self.sightings: list[Sighting] = []

    def record(self, sighting: Sighting) -> int:
        self.sightings.append(sighting)
        return len(self.sightings)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``root.pem``, ``sound.pem`` and one certificate for every defect."""
    directory = tmp_path_factory.mktemp("inspection")
    make_variants(directory, ROOT, NAMES)
    (directory / "root.pem").write_bytes(pem(ROOT.certificate))
    return directory


@pytest.fixture
def recording() -> Recording:
    return Recording()


@contextmanager
def listening(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """Serve one connection in a thread and give the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                try:
                    serve(connection)
                except OSError:
                    return  # the client did not like what it saw

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def tls_server(path: Path, heard: list[bytes], **options: Any) -> Callable[[socket.socket], None]:
    """A TLS server that notes what it hears after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(path)
    for name, value in options.items():
        setattr(context, name, value)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            heard.append(secured.recv(4096))

    return serve


def bound(port: int, files: Path, recording: Recording, name: str = "127.0.0.1") -> Candidate:
    file = files / f"{port}.toml"
    head = f'name = "x"\nversion = "1"\nbase_url = "https://{name}:{port}"\n'
    file.write_text(head + '[users.anybody]\nscheme = "none"\n[tls]\nca = "root.pem"\n')
    return bind(read_candidate(file), recording, {"http": DRIVER})


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_chain_is_read_in_every_version_and_nothing_is_sent_after_it(
    files: Path, recording: Recording, version: ssl.TLSVersion
) -> None:
    heard: list[bytes] = []
    with listening(tls_server(files / "sound.pem", heard, minimum_version=version, maximum_version=version)) as port:
        shown = inspect(tls_target(bound(port, files, recording)))
    assert [item.subject.rfc4514_string() for item in shown.chain] == ["CN=localhost", "CN=Reference Bank Issuing"]
    assert shown.staple == b""
    assert heard == [b""]
    (sighting,) = recording.sightings
    assert sighting.kind == "raw"
    assert sighting.request.body.startswith(b"\x16\x03")


def test_old_versions_and_weak_certificates_can_be_read(files: Path, recording: Recording) -> None:
    options = {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1}
    with listening(tls_server(files / "rsa-1024.pem", [], **options)) as port:
        shown = inspect(tls_target(bound(port, files, recording)))
    assert shown.leaf.public_key().key_size == 1024  # type: ignore[union-attr]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_demands_a_client_certificate_is_read_all_the_same(
    files: Path, recording: Recording, version: ssl.TLSVersion
) -> None:
    context: dict[str, Any] = {"minimum_version": version, "maximum_version": version}
    with listening(tls_server(files / "sound.pem", [], verify_mode=ssl.CERT_REQUIRED, **context)) as port:
        assert len(inspect(tls_target(bound(port, files, recording))).chain) == 2


def test_the_host_is_named_to_servers_that_have_several(files: Path, recording: Recording) -> None:
    asked: list[str | None] = []

    def note(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        asked.append(name)

    for name in ("localhost", "127.0.0.1"):
        with listening(tls_server(files / "sound.pem", [], sni_callback=note)) as port:
            inspect(tls_target(bound(port, files, recording, name)))
    assert asked == ["localhost", None]


@pytest.mark.parametrize(
    "serve",
    [
        lambda connection: connection.recv(100),
        lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        lambda connection: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28"),
    ],
    ids=["hangs up", "plain HTTP", "alert"],
)
def test_without_a_certificate_nothing_is_decided(
    files: Path, recording: Recording, serve: Callable[[socket.socket], object]
) -> None:
    with listening(serve) as port, pytest.raises(Inconclusive, match="showed no certificate"):
        inspect(tls_target(bound(port, files, recording)))
    assert len(recording.sightings) == 1


def test_a_handshake_that_drips_has_an_end(files: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "_HANDSHAKE_S", 0.05)
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not done.wait(0.02):
            connection.sendall(b"\x00")

    with listening(drip) as port:
        with pytest.raises(Inconclusive, match="not over after"):
            inspect(tls_target(bound(port, files, recording)))
        done.set()


# -- the checks, each against each defect -----------------------------------------------------------------------------

CHECKS: dict[str, Callable[[Candidate], None]] = {
    "SEC-T07": lambda it: certificates.the_chain_leads_to_the_given_root(it, Evidence("r", "c")),
    "SEC-T08": lambda it: certificates.the_certificate_names_the_host(it, Evidence("r", "c")),
    "SEC-T09": lambda it: certificates.the_certificates_are_valid_now(it, Evidence("r", "c")),
    "SEC-T10": lambda it: certificates.the_certificate_is_strong_and_for_servers(it, Evidence("r", "c")),
    "SEC-T19": lambda it: certificates.the_certificate_is_renewed_in_time(
        it, Evidence("r", "c"), Params({"certificate_days_min": 30})
    ),
}


@pytest.mark.parametrize(
    ("variant", "found"),
    [
        ("sound", {}),
        ("self-signed", {"SEC-T07": "self-signed certificate"}),
        ("intermediate-missing", {"SEC-T07": "unable to get local issuer certificate"}),
        ("other-host", {"SEC-T08": "must name 127.0.0.1"}),
        ("common-name-only", {"SEC-T08": "must name 127.0.0.1"}),
        ("expired", {"SEC-T09": "has expired", "SEC-T19": "inconclusive"}),
        ("future", {"SEC-T09": "is not valid yet"}),
        ("nearly-expired", {"SEC-T19": "about to expire"}),
        ("client-purpose", {"SEC-T10": "serverAuth"}),
        ("rsa-1024", {"SEC-T10": "an RSA key of 1024 bits"}),
        ("sha1", {"SEC-T10": "a signature with SHA1"}),
    ],
)
def test_each_check_finds_its_own_defect_and_no_other(
    files: Path, recording: Recording, variant: str, found: dict[str, str]
) -> None:
    for identifier, run in CHECKS.items():
        with listening(tls_server(files / f"{variant}.pem", [])) as port:
            candidate = bound(port, files, recording)
            if identifier not in found:
                run(candidate)
            elif found[identifier] == "inconclusive":
                with pytest.raises(Inconclusive, match="SEC-T09"):
                    run(candidate)
            else:
                with pytest.raises(Finding, match=found[identifier]):
                    run(candidate)


def test_a_certificate_that_lives_ten_days_is_due_in_the_last_third(files: Path, recording: Recording) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    for age, due in ((2, False), (7, True)):
        order = Order("localhost", SERVER, NAMES, now - timedelta(days=age), now + timedelta(days=10 - age))
        (files / "short.pem").write_bytes(ROOT.issue(order).pem())
        with listening(tls_server(files / "short.pem", [])) as port:
            candidate = bound(port, files, recording)
            if due:
                with pytest.raises(Finding, match="about to expire"):
                    CHECKS["SEC-T19"](candidate)
            else:
                CHECKS["SEC-T19"](candidate)


def test_no_staple_is_not_applicable(files: Path, recording: Recording) -> None:
    with listening(tls_server(files / "sound.pem", [])) as port:
        candidate = bound(port, files, recording)
        with pytest.raises(NotApplicable, match="staples no OCSP response"):
            certificates.a_stapled_response_is_good(candidate, Evidence("r", "c"))
