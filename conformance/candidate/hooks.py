"""Hooks of the test environment: commands and URLs that its owner supplied.

[hooks.restart]
command = ["systemctl", "restart", "acme-{node}"]     # {…}: the hook's arguments
timeout_s = 60

[hooks.clock]
url = "http://127.0.0.1:9000/hooks/clock"             # loopback, or in scope; arguments are sent as JSON
method = "POST"
token = { env = "CONTROL_TOKEN" }
"""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from conformance.candidate.scope import Boundary
from conformance.candidate.secrets import Secrets
from conformance.candidate.session import TLS_PATHS, Session
from conformance.model.candidate import CandidateFile
from conformance.sdk.answers import Broken
from conformance.sdk.drivers import Recorder
from conformance.sdk.findings import Inconclusive, NotTested
from conformance.sdk.load import WireRequest

DEFAULT_TIMEOUT_S = 60.0
#: Of what a command prints, this much is read.
OUTPUT_MAX = 1024 * 1024


class CommandHooks:
    """Runs the hooks of one candidate file. A hook that fails makes the check inconclusive, never failed."""

    def __init__(self, candidate: CandidateFile, recorder: Recorder) -> None:
        self._file = candidate
        self._recorder = recorder
        self._secrets = Secrets.of(candidate, recorder)
        self._sessions: dict[tuple[str, int], Session] = {}

    def __call__(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a hook and return the JSON object it answered or printed; other output is under "output"."""
        hook = self._file.hooks[name]
        if "url" in hook:
            return self._call(name, hook, arguments)
        if "command" in hook:
            return self._execute(name, hook, arguments)
        raise NotTested(f"[hooks.{name}] has neither url nor command", blame="CONFIG")

    def secrets(self) -> frozenset[str]:
        """Return the secret texts used so far."""
        return self._secrets.values()

    def _call(self, name: str, hook: Mapping[str, Any], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        headers = [("Content-Type", "application/json")]
        if hook.get("token"):
            headers.append(("Authorization", "Bearer " + self._secrets.reveal(hook["token"], f"[hooks.{name}] token")))
        url = _filled(str(hook["url"]), arguments)
        request = WireRequest(
            str(hook.get("method", "POST")), url, tuple(headers), json.dumps(dict(arguments)).encode()
        )
        answer = self._session(url).send(request, timeout_s=_timeout(hook))
        if isinstance(answer, Broken):
            raise Inconclusive(f"hook {name!r}: {answer.kind} ({answer.detail})", blame="CONFIG")
        if not 200 <= answer.status < 300:
            raise Inconclusive(f"hook {name!r} answered HTTP {answer.status}", blame="CONFIG")
        return _result(answer.body)

    def _session(self, url: str) -> Session:
        """Return a session for a hook's address: loopback by nature, anything else by the candidate's scope."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        if (host, port) not in self._sessions:
            boundary = Boundary([(host, port)]) if _loopback(host) else Boundary.of(self._file)
            tls = {
                key: self._secrets.path(value) for key, value in self._file.tls.items() if key in TLS_PATHS and value
            }
            session = Session(self._recorder, boundary, self._secrets, self._file.limits, tls)
            self._sessions[(host, port)] = session
        return self._sessions[(host, port)]

    def _execute(self, name: str, hook: Mapping[str, Any], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        command = [_filled(str(word), arguments) for word in hook["command"]]
        where = self._file.path.parent if self._file.path else None
        try:
            done = subprocess.run(command, cwd=where, capture_output=True, timeout=_timeout(hook), check=False)
        except subprocess.TimeoutExpired as error:
            raise Inconclusive(f"hook {name!r} did not end within {_timeout(hook):g} s", blame="CONFIG") from error
        except OSError as error:
            raise Inconclusive(f"hook {name!r} cannot be started: {error}", blame="CONFIG") from error
        if done.returncode:
            said = done.stderr[-400:].decode("utf-8", "replace").strip()
            raise Inconclusive(f"hook {name!r} ended with status {done.returncode}: {said}", blame="CONFIG")
        return _result(done.stdout[:OUTPUT_MAX])


def _filled(text: str, arguments: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(arguments.get(found[1], found[0])), text)


def _timeout(hook: Mapping[str, Any]) -> float:
    return float(hook.get("timeout_s", DEFAULT_TIMEOUT_S))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _result(output: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(output)
    except ValueError:
        return {"output": output.decode("utf-8", "replace")}
    return value if isinstance(value, dict) else {"output": value}
