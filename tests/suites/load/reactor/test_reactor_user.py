"""Locust itself, with users in the reactor: alone, with workers, with its web page, and stopped at any moment.

Locust patches a whole process when it is imported, so it runs in processes of its own here. The server counts in this
one: whatever Locust says must be what the server saw.
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

import pytest
import tls_files
from scripted import OK, Server

LOCUSTFILE = """
from conformance_load.reactor.user import ReactorUser

class Payer(ReactorUser):
    name = "/pay"

    def on_start(self):
        self.bytes = self.compose("POST", "/pay")

    def request(self):
        return self.bytes
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def start(folder, *arguments, text=LOCUSTFILE):
    (folder / "locustfile.py").write_text(text)
    command = [sys.executable, "-m", "locust", "-f", "locustfile.py", "--skip-log-setup", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )


def finish(process):
    output, errors = process.communicate(timeout=90)
    assert "Traceback" not in errors, errors
    return output


def entries(output):
    """Return Locust's own statistics by name, as it prints them at its end."""
    found, at = {}, output.find("[")
    while at >= 0:
        # With several processes of one command each of them prints; the workers have nothing left to say.
        printed, end = json.JSONDecoder().raw_decode(output[at:])
        found |= {(entry["method"], entry["name"]): entry for entry in printed if entry["num_requests"]}
        at = output.find("[", at + end)
    return found


def headless(folder, server, *arguments, seconds=2, text=LOCUSTFILE, users=8):
    common = ["--headless", "--json", "-u", users, "-r", 100, "-t", f"{seconds}s"]
    process = start(folder, *common, "-H", f"http://127.0.0.1:{server.port}", *arguments, text=text)
    return entries(finish(process))


@pytest.mark.parametrize("stopping", [["--stop-timeout", "5"], []], ids=["stop timeout", "killed"])
def test_every_request_that_the_server_saw_is_counted(tmp_path, stopping):
    with Server() as server:
        found = headless(tmp_path, server, *stopping)[("POST", "/pay")]
    assert found["num_requests"] == len(server.requests) > 100
    assert found["num_failures"] == 0
    # Locust alone would know whole milliseconds only.
    assert found["min_response_time"] % 1 > 0
    assert found["response_times"]


@pytest.mark.slow
@pytest.mark.parametrize("_run", range(3))
def test_a_masters_count_is_the_servers_count(tmp_path, _run):
    port = free_port()
    with Server() as server:
        workers = [start(tmp_path, "--worker", "--master-host", "127.0.0.1", "--master-port", port) for _ in range(2)]
        bind = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", 2]
        found = headless(tmp_path, server, *bind, "--stop-timeout", 5, seconds=4)[("POST", "/pay")]
        for worker in workers:
            finish(worker)
    assert found["num_requests"] == len(server.requests) > 100
    assert sum(found["response_times"].values()) == len(server.requests)


@pytest.mark.slow
def test_several_processes_of_one_command_count_together(tmp_path):
    with Server() as server:
        port = free_port()
        own = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
        arguments = ["--processes", 2, *own]
        found = headless(tmp_path, server, *arguments, "--stop-timeout", 5)[("POST", "/pay")]
    assert found["num_requests"] == len(server.requests) > 100


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def wait_for(url, condition):
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        try:
            if condition(found := fetch(url)):
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} did not come to say what was waited for")


def test_the_web_page_answers_under_load_and_stops_the_users(tmp_path):
    port = free_port()
    with Server() as server:
        page = f"http://127.0.0.1:{port}"
        arguments = ["--autostart", "-u", 8, "-r", 100, "--web-host", "127.0.0.1", "--web-port", port]
        process = start(tmp_path, *arguments, "--stop-timeout", 5, "-H", f"http://127.0.0.1:{server.port}")
        try:
            busy = wait_for(f"{page}/stats/requests", lambda found: found["total_rps"] > 100)
            assert (busy["state"], busy["user_count"]) == ("running", 8)
            fetch(urllib.request.Request(f"{page}/stop", method="POST"))
            done = wait_for(f"{page}/stats/requests", lambda found: found["state"] == "stopped")
            assert done["user_count"] == 0
            counted = {entry["name"]: entry["num_requests"] for entry in done["stats"]}
            assert counted["/pay"] == len(server.requests) > 100
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


FAILING = (
    LOCUSTFILE
    + """
    wait_time = __import__("locust").constant(0.01)

    def answered(self, reply, times):
        assert times.intended == times.sent <= times.done
        return "not as wished" if reply.headers.get("X-Odd") else None
"""
)


def test_failures_are_counted_by_reason(tmp_path):
    odd = b"HTTP/1.1 200 OK\r\nX-Odd: 1\r\nContent-Length: 0\r\n\r\n"
    answers = [OK, odd, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""]
    with Server(lambda number: answers[number % 4]) as server:
        found = headless(tmp_path, server, "--stop-timeout", 5, text=FAILING, users=1)
    entry = found[("POST", "/pay")]
    assert entry["num_requests"] == len(server.requests) > 20
    expected = sum(number % 4 in (1, 3) for number in range(len(server.requests)))
    assert entry["num_failures"] == expected


def test_statuses_of_errors_are_failures_without_a_hook(tmp_path):
    with Server(lambda _number: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as server:
        entry = headless(tmp_path, server, "--stop-timeout", 5, seconds=4)[("POST", "/pay")]
    assert entry["num_failures"] == entry["num_requests"] == len(server.requests)


def test_attempts_to_connect_to_nobody_are_counted_apart(tmp_path):
    with Server() as server:
        pass
    found = headless(tmp_path, server, "--stop-timeout", 5, seconds=3)
    assert list(found) == [("CONNECT", "/pay")]
    assert 0 < found[("CONNECT", "/pay")]["num_failures"] < 200


def test_a_silent_server_does_not_hold_locust_up(tmp_path):
    def silent(_number):
        time.sleep(60)

    with Server(silent) as server:
        entry = headless(tmp_path, server, "--stop-timeout", 1, seconds=4)[("POST", "/pay")]
    assert entry["num_failures"] == entry["num_requests"] == 8


MISTAKEN = LOCUSTFILE.replace("return self.bytes", "raise LookupError('a mistake of the locustfile')")


def test_a_mistake_in_the_locustfile_is_reported_as_locust_reports_it(tmp_path):
    with Server() as server:
        text = MISTAKEN + "\n    wait_time = __import__('locust').constant(0.3)\n"
        process = start(tmp_path, "--headless", "-u", 1, "-t", "4s", "-H", f"http://127.0.0.1:{server.port}", text=text)
        _output, errors = process.communicate(timeout=60)
    assert "a mistake of the locustfile" in errors + _output


SECURE = """
import ssl
from conformance_load.reactor.user import ReactorUser

class Payer(ReactorUser):
    name = "/pay"
    tls = ssl.create_default_context(cafile="ca.pem")
    tls.load_cert_chain("client.pem")

    def on_start(self):
        self.bytes = self.compose("POST", "/pay")

    def request(self):
        return self.bytes
"""


def test_a_client_certificate_is_shown_by_users_of_locust(tmp_path):
    tls_files.make(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "ca.pem")
    with Server(context=context) as server:
        arguments = ["-H", f"https://localhost:{server.port}", "--stop-timeout", 5]
        entry = headless(tmp_path, server, *arguments, text=SECURE, users=2, seconds=3)[("POST", "/pay")]
    assert entry["num_requests"] == len(server.requests) > 10
    assert entry["num_failures"] == 0


TALKATIVE = LOCUSTFILE + "    wait_time = __import__('locust').constant(0.4)\n"


def test_an_answer_too_many_is_counted_apart_and_credited_to_nobody(tmp_path):
    def late(connection):
        # Later than the user needs to read the first answer, sooner than it asks again.
        time.sleep(0.15)
        connection.sendall(OK)

    with Server(after=lambda number: late if number % 5 == 2 else None) as server:
        found = headless(tmp_path, server, "--stop-timeout", 5, text=TALKATIVE, users=1, seconds=5)
    unasked = sum(number % 5 == 2 for number in range(len(server.requests)))
    assert found[("POST", "/pay")]["num_requests"] == len(server.requests) > 5
    assert found[("POST", "/pay")]["num_failures"] == 0
    # The last one may come when the user has gone.
    assert found[("UNASKED", "/pay")]["num_failures"] in (unasked, unasked - 1)
