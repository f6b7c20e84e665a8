"""A TLCP server that knows nothing of us: GmSSL's, sound and with one thing wrong at a time."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from stranger import no_traceback, only_run, statement_of

pytestmark = pytest.mark.e2e

VERSION = "2.0.1"
ROOM = Path(__file__).parent / "tlcp_room.py"
PASSWORD = "a test's key"
CHECKS = ("SEC-T17.version", "SEC-T17.certificates", "SEC-T17.chain", "SEC-T17.proof")
PASSED = dict.fromkeys(CHECKS, "passed")

CANDIDATE = """
name = "GmSSL tlcp_server"
version = "3.1.1"
base_url = "https://127.0.0.1:{port}"

[endpoints]
tlcp = "https://127.0.0.1:{port}"

[declared.security.tls]
tlcp = "tlcp"
tlcp_ca = "{root}"
"""

PROFILE = """
id = "tlcp"
version = "1.0.0"
title = { en = "TLCP alone", zh-CN = "仅 TLCP" }

[select]
security = ["SEC-T17"]

[verdict]
fail_at = "medium"
inconclusive_max = 0
not_tested_max = 0
calibration_required = false
"""


@dataclass(frozen=True)
class GmSsl:
    """An installed GmSSL: the tool, and the environment that finds its library."""

    tool: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.tool), *arguments], env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def gmssl() -> GmSsl:
    """GmSSL 3.1.1, which the package builds from its sources with cmake into its HOME; kept for the next time."""
    cache = Path(os.environ.get("CONFORMANCE_E2E_CACHE") or Path.home() / ".cache" / "conformance-e2e")
    home = cache / f"easy-gmssl-{VERSION}"
    install = home / ".gmssl_3.1.1_install"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", str(home / "venv")], check=True, timeout=120)
            command = [str(home / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            # The build writes below HOME; it needs cmake, make and a C++ compiler.
            subprocess.run(
                [*command, "--no-cache-dir", f"easy_gmssl=={VERSION}"],
                env={**os.environ, "HOME": str(home)},
                check=True,
                timeout=600,
            )
            (home / "complete").touch()
    return GmSsl(install / "bin" / "gmssl", {**os.environ, "LD_LIBRARY_PATH": str(install / "lib")})


class Authority:
    """A root made with GmSSL's tools, and what it issues."""

    def __init__(self, gmssl: GmSsl, directory: Path, name: str) -> None:
        self._gmssl = gmssl
        self._directory = directory
        self._key = self.key(f"{name}-root")
        self.root = directory / f"{name}-root.pem"
        usage = ("-key_usage", "keyCertSign", "-key_usage", "cRLSign")
        gmssl(
            "certgen", "-CN", "The Root", "-serial_len", "12", "-days", "30", "-key", str(self._key), "-pass", PASSWORD,
            *usage, "-ca", "-path_len_constraint", "3", "-out", str(self.root),
        )  # fmt: skip

    def key(self, name: str) -> Path:
        path = self._directory / f"{name}.key"
        public = str(self._directory / f"{name}.pub")
        self._gmssl("sm2keygen", "-pass", PASSWORD, "-out", str(path), "-pubout", public)
        return path

    def issue(self, name: str, key: Path, usage: str) -> Path:
        request, path = self._directory / f"{name}.csr", self._directory / f"{name}.pem"
        secret = ("-pass", PASSWORD)
        self._gmssl("reqgen", "-CN", "localhost", "-key", str(key), *secret, "-out", str(request))
        self._gmssl(
            "reqsign", "-in", str(request), "-serial_len", "12", "-days", "30", "-cacert", str(self.root),
            "-key", str(self._key), *secret, "-key_usage", usage, "-out", str(path),
        )  # fmt: skip
        return path


@dataclass(frozen=True)
class Server:
    """What a server is started with."""

    chain: tuple[Path, ...]
    signing: Path
    encrypting: Path
    root: Path


@pytest.fixture(scope="module")
def servers(gmssl: GmSsl, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Server]:
    """One sound server, and others with one thing wrong."""
    directory = tmp_path_factory.mktemp("tlcp")
    ours, theirs = (Authority(gmssl, directory, name) for name in ("ours", "theirs"))
    signing, encrypting = ours.key("signing"), ours.key("encrypting")
    sound = (
        ours.issue("sign", signing, "digitalSignature"),
        ours.issue("encrypt", encrypting, "keyEncipherment"),
        ours.root,
    )
    swapped = (
        ours.issue("swapped-sign", signing, "keyEncipherment"),
        ours.issue("swapped-encrypt", encrypting, "digitalSignature"),
        ours.root,
    )
    foreign = (sound[0], theirs.issue("foreign-encrypt", encrypting, "keyEncipherment"), ours.root)
    one_key = (sound[0], ours.issue("same-key", signing, "keyEncipherment"), ours.root)
    return {
        "sound": Server(sound, signing, encrypting, ours.root),
        "usages swapped": Server(swapped, signing, encrypting, ours.root),
        "issued by a stranger": Server(foreign, signing, encrypting, ours.root),
        "another root": Server(sound, signing, encrypting, theirs.root),
        "one key in both": Server(one_key, signing, signing, ours.root),
    }


def unshared() -> list[str]:
    """Return the words that run a command in a network namespace of its own; skips where none may be made."""
    words = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    done = subprocess.run([*words, "true"], capture_output=True, text=True, timeout=30)
    if done.returncode:
        pytest.skip(f"NOT RUN: the server binds every interface and no network namespace may be made: {done.stderr}")
    return words


@contextmanager
def room(gmssl: GmSsl, server: Server, chain: Path) -> Iterator[tuple[int, list[str]]]:
    """Serve in a network namespace; give the port and the words that run a command in there."""
    chain.write_bytes(b"".join(path.read_bytes() for path in server.chain))
    serve = [
        str(gmssl.tool), "tlcp_server", "-port", "PORT", "-cert", str(chain), "-key", str(server.signing),
        "-pass", PASSWORD, "-ex_key", str(server.encrypting), "-ex_pass", PASSWORD,
    ]  # fmt: skip
    with subprocess.Popen(
        [*unshared(), sys.executable, str(ROOM), *serve],
        env=gmssl.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            enter = ["nsenter", "--target", str(process.pid), "--net"]
            yield port, enter if os.geteuid() == 0 else [*enter, "--user", "--preserve-credentials"]
        finally:
            process.kill()


def outcomes_of(
    gmssl: GmSsl, server: Server, environment: dict[str, str], directory: Path
) -> dict[str, tuple[str, str]]:
    """Run the suite's TLCP checks on a server and return outcome and reason by check."""
    file, profile, runs = directory / "candidate.toml", directory / "profile.toml", directory / "runs"
    with room(gmssl, server, directory / "chain.pem") as (port, enter):
        file.write_text(CANDIDATE.format(port=port, root=server.root), encoding="utf-8")
        profile.write_text(PROFILE, encoding="utf-8")
        words = ["run", "-c", str(file), "--profile", str(profile), "--runs", str(runs), "--quiet"]
        done = subprocess.run(
            [*enter, sys.executable, "-m", "conformance.cli.main", *words],
            env=environment,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=120,
        )
    no_traceback(done)
    assert list(runs.iterdir()), done.stdout + done.stderr
    outcomes = statement_of(only_run(runs))["outcomes"]
    return {item["check"]: (item["outcome"], item["reason"]) for item in outcomes if item["check"] in CHECKS}


@pytest.mark.parametrize(
    ("kind", "expected", "says"),
    [
        ("sound", PASSED, ""),
        ("usages swapped", PASSED | {"SEC-T17.certificates": "failed"}, "the first certificate must be for signatures"),
        ("issued by a stranger", PASSED | {"SEC-T17.chain": "failed"}, "verify by SM2 up to the declared root"),
        ("another root", PASSED | {"SEC-T17.chain": "failed"}, "verify by SM2 up to the declared root"),
        ("one key in both", PASSED | {"SEC-T17.certificates": "failed"}, "must hold two keys"),
    ],
)
def test_a_server_that_speaks_tlcp(
    kind: str,
    expected: dict[str, str],
    says: str,
    gmssl: GmSsl,
    servers: dict[str, Server],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    found = outcomes_of(gmssl, servers[kind], environment, tmp_path)
    assert {check: outcome for check, (outcome, _) in found.items()} == expected, json.dumps(found, indent=1)
    failed = [reason for outcome, reason in found.values() if outcome == "failed"]
    assert all(says in reason for reason in failed), failed
