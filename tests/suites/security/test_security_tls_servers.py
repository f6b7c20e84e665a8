"""What a real TLS stack chooses is read as what it is: suites, groups, chain, renegotiation, version."""

from __future__ import annotations

import base64
import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tls_listener import one_connection

from conformance_security.tls.codepoints import (
    BROKEN_CLASSES,
    CBC_SUITES,
    DHE_SUITES,
    STATIC_CLASSES,
    TLS12_SUITES,
    TLS13_SUITES,
)
from conformance_security.tls.flight import Flight, read_flight
from conformance_security.tls.hello import RENEGOTIATION_INFO, Version, client_hello
from conformance_security.tls.keyexchange import finite_field_bits

#: The groups of RFC 2409 6.2 (1024 bits) and RFC 3526 3 (2048 bits) differ in their middle alone.
GROUPS = {
    1024: "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD"
    "3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C"
    "4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    2048: "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD"
    "3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C"
    "4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED5290770"
    "96966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695"
    "5817183995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed RSA certificate with its key, for suites that ECDSA cannot speak."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "servers.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    path = tmp_path_factory.mktemp("servers") / "chain.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def context_of(chain: Path, ciphers: str, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.maximum_version = newest
    return context


def ask(context: ssl.SSLContext, hello: bytes) -> Flight:
    with one_connection(context) as port, socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(hello)
        return read_flight(lambda: raw.recv(700))


@pytest.mark.parametrize(
    ("ciphers", "suites", "chosen"),
    [
        ("AES128-GCM-SHA256", STATIC_CLASSES["static RSA"], 0x009C),
        ("ECDHE-RSA-AES128-SHA", CBC_SUITES, 0xC013),
        ("AECDH-AES128-SHA", BROKEN_CLASSES["anonymous"], 0xC018),
        ("ECDHE-RSA-NULL-SHA", BROKEN_CLASSES["NULL"], 0xC010),
        ("NULL-SHA256", BROKEN_CLASSES["NULL"], 0x003B),
    ],
)
def test_a_bad_server_is_seen_to_choose(chain: Path, ciphers: str, suites: tuple[int, ...], chosen: int) -> None:
    flight = ask(context_of(chain, ciphers), client_hello(Version.TLS12, suites))
    assert (flight.reply.kind, flight.reply.suite, flight.done) == ("hello", chosen, True)


def test_a_sound_server_refuses_every_bad_class(chain: Path) -> None:
    context = context_of(chain, "ECDHE+AESGCM")
    for suites in (*BROKEN_CLASSES.values(), *STATIC_CLASSES.values(), CBC_SUITES, DHE_SUITES):
        flight = ask(context, client_hello(Version.TLS12, suites))
        assert flight.reply.refuses, str(flight.reply)


def group_file(prime: bytes) -> bytes:
    """A file of PKCS #3: the sequence of the prime and the generator 2."""
    number = b"\x02\x82" + (len(prime) + 1).to_bytes(2, "big") + b"\x00" + prime
    der = b"\x30\x82" + (len(number) + 3).to_bytes(2, "big") + number + b"\x02\x01\x02"
    return b"-----BEGIN DH PARAMETERS-----\n" + base64.encodebytes(der) + b"-----END DH PARAMETERS-----\n"


@pytest.mark.parametrize("bits", [1024, 2048])
def test_the_bits_of_a_group_are_read(chain: Path, tmp_path: Path, bits: int) -> None:
    path = tmp_path / "dh.pem"
    path.write_bytes(group_file(bytes.fromhex(GROUPS[bits])))
    context = context_of(chain, "DHE-RSA-AES128-GCM-SHA256")
    context.load_dh_params(str(path))

    flight = ask(context, client_hello(Version.TLS12, DHE_SUITES))

    assert flight.reply.suite == 0x009E
    assert finite_field_bits(flight.key_exchange) == bits


def test_the_chain_is_what_the_server_was_given(chain: Path) -> None:
    flight = ask(context_of(chain, "ECDHE+AESGCM"), client_hello(Version.TLS12, TLS12_SUITES))
    (certificate,) = x509.load_pem_x509_certificates(chain.read_bytes())
    assert flight.chain == (certificate.public_bytes(serialization.Encoding.DER),)
    assert flight.staple == b""


def test_renegotiation_and_compression_are_read(chain: Path) -> None:
    hello = client_hello(Version.TLS12, TLS12_SUITES, compressions=b"\x01\x00")
    answer = ask(context_of(chain, "ECDHE+AESGCM"), hello).reply.hello
    assert answer is not None
    assert answer.extensions[RENEGOTIATION_INFO] == b"\x00"
    assert answer.compression == 0


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_which_of_two_versions_is_chosen(chain: Path, newest: ssl.TLSVersion) -> None:
    hello = client_hello(Version.TLS13, (*TLS13_SUITES, *TLS12_SUITES), also=(Version.TLS12,))
    assert ask(context_of(chain, "ECDHE+AESGCM", newest), hello).reply.version == newest
