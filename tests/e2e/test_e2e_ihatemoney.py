"""An expense service that knows nothing of us: one credential a project, decimals as numbers, no API document."""

import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from outcomes import found, must_be_as_expected, uncalibrated
from stranger import Run, no_traceback, only_run, statement_of

pytestmark = pytest.mark.e2e

VERSION = "7.2.1"
FILE = Path(__file__).parents[2] / "examples" / "candidates" / "ihatemoney.toml"
PASSWORDS = {"EXPENSES_HOUSEHOLD": "household-password-1", "EXPENSES_HOLIDAY": "holiday-password-2"}
#: What decides how requests are read, beside the product itself.
PINNED = (f"ihatemoney=={VERSION}", "Flask==3.1.3", "Werkzeug==3.1.9", "flask-cors==6.0.5")

#: The product hashes the password anew for each request; at full strength that is most of what a run waits for.
LAUNCHER = """
import sys
import werkzeug.security
strong = werkzeug.security.generate_password_hash
werkzeug.security.generate_password_hash = lambda password, *rest, **more: strong(password, "pbkdf2:sha256:1000")
from ihatemoney.run import create_app
from werkzeug.serving import make_server
make_server("127.0.0.1", int(sys.argv[1]), create_app(), threaded=True).serve_forever()
"""

SETTINGS = """
SQLALCHEMY_DATABASE_URI = "sqlite:///{path}"
SECRET_KEY = "made for a test"
ACTIVATE_DEMO_PROJECT = False
MAIL_SUPPRESS_SEND = True
"""


def installed() -> Path:
    """Return the interpreter of a cached environment that holds the product, and nothing of ours."""
    cache = Path(os.environ.get("CONFORMANCE_E2E_CACHE") or Path.home() / ".cache" / "conformance-e2e")
    home = cache / f"ihatemoney-{VERSION}"
    python, marker = home / "bin" / "python", home / "complete"
    if not marker.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=120)
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *PINNED], capture_output=True, text=True, timeout=300
        )
        if done.returncode != 0:
            pytest.skip(f"NOT RUN: ihatemoney cannot be installed: {done.stderr[-300:]}")
        marker.touch()
    return python


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes], deadline_s: float = 60) -> None:
    limit = time.monotonic() + deadline_s
    while time.monotonic() < limit:
        assert process.poll() is None, "ihatemoney ended before it listened"
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"ihatemoney did not listen within {deadline_s} s")


def found_project(base: str, name: str, password: str) -> None:
    form = {"name": name, "id": name, "password": password, "contact_email": f"{name}@example.com"}
    data = urllib.parse.urlencode({**form, "default_currency": "EUR"}).encode()
    with urllib.request.urlopen(f"{base}/api/projects", data, timeout=30) as answer:  # our own address
        assert answer.status == 201


@pytest.fixture(scope="module")
def ihatemoney(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the product on a loopback port, with a project for each user, and return its base URL."""
    home, port = tmp_path_factory.mktemp("ihatemoney"), free_port()
    settings = home / "settings.cfg"
    settings.write_text(SETTINGS.format(path=home / "expenses.db"), encoding="utf-8")
    process = subprocess.Popen(
        [str(installed()), "-c", LAUNCHER, str(port)],
        cwd=home,
        env={**os.environ, "IHATEMONEY_SETTINGS_FILE_PATH": str(settings)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_port(port, process)
        base = f"http://127.0.0.1:{port}"
        for variable, password in PASSWORDS.items():
            found_project(base, variable.removeprefix("EXPENSES_").lower(), password)
        yield base
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def file(ihatemoney: str, environment: dict[str, str], tmp_path: Path) -> Path:
    environment.update(PASSWORDS)
    file = tmp_path / "candidate.toml"
    file.write_text(FILE.read_text("utf-8").replace("http://127.0.0.1:5066", ihatemoney), encoding="utf-8")
    return file


def test_the_doctor_proves_the_money(conformance: Run, file: Path) -> None:
    done = conformance("doctor", "-c", str(file), "--write")

    no_traceback(done)
    assert "✗" not in done.stdout, done.stdout
    for operation in ("payments.create", "payments.read", "payments.list", "accounts.balance", "accounts.read"):
        assert f"✓ {operation}: accepted" in done.stdout, done.stdout
    assert "available=-101" in done.stdout, "the payment of 1.01 must show in the debtor's balance"


def test_a_whole_run_finds_what_is_wrong_with_it_and_no_more(conformance: Run, file: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    arguments = ["-p", str(uncalibrated(tmp_path)), "--suite", "security", "--runs", str(runs), "--quiet"]
    done = conformance("run", "-c", str(file), *arguments)

    no_traceback(done)
    assert done.returncode == 1, done.stdout + done.stderr
    predicate = statement_of(only_run(runs))
    must_be_as_expected("ihatemoney", found(predicate, ["security"]))
    assert [item["reason"] for item in predicate["outcomes"] if item["blame"] == "HARNESS"] == []
    assert conformance("verify", str(only_run(runs))).returncode == 0
