"""Other people's tools, as processes: requests and CPU time of wrk, and what some say of a rate that they keep."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from load_parts.servers import pinned

#: A core, and whether to run before all others; see :func:`load_parts.servers.pinned`.
Place = tuple[int, bool]
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000}
_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{body}'
"""


def wrk(url: str, body: bytes, *, connections: int, seconds: float, place: Place) -> dict[str, Any]:
    """Return what wrk measured, closed loop; its CPU time includes its start, which is some milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(_SCRIPT.format(body=body.decode()))
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "--latency",
            "-s",
            str(script),
            url,
        ]
        text, cpu_s = run(command, place)
    requests = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    if requests is None:
        raise RuntimeError(f"wrk said: {text}")
    latencies = dict(re.findall(r"^\s+(\d+)%\s+([\d.]+\w+)$", text, re.MULTILINE))
    return {
        "requests": int(requests[1]),
        "wall_s": float(requests[2]),
        "cpu_s": cpu_s,
        "us": {f"p{share}": _us(said) for share, said in latencies.items() if share in ("50", "99")},
    }


def hey(url: str, body: bytes, *, connections: int, seconds: float, rate: int, place: Place) -> dict[str, Any] | None:
    """Return what hey says of a rate that its workers share, or None where it is not installed."""
    if shutil.which("hey") is None:
        return None
    paced = ["-c", str(connections), "-q", str(rate / connections), "-z", f"{round(seconds)}s"]
    text, _ = run(["hey", *paced, "-m", "POST", "-T", "application/json", "-d", body.decode(), url], place)
    found = dict(re.findall(r"(\d+)% in ([\d.]+) secs", text))
    return {"us": {f"p{share}": int(float(said) * 1_000_000) for share, said in found.items()}}


def ab(url: str, body: bytes, *, connections: int, requests: int, place: Place) -> dict[str, Any] | None:
    """Return what ab says, closed loop, or None where it is not installed."""
    if shutil.which("ab") is None:
        return None
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        text, _ = run(["ab", "-k", "-q", "-c", str(connections), "-n", str(requests), "-p", file.name, url], place)
    found = dict(re.findall(r"^\s+(\d+)%\s+(\d+)", text, re.MULTILINE))
    return {"us": {f"p{share}": int(said) * 1000 for share, said in found.items()}}


def run(command: list[str], place: Place) -> tuple[str, float]:
    """Run a command at a place; return what it printed and its CPU seconds."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=pinned(*place))
    text = process.stdout.read().decode() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {text[-500:]}")
    return text, used.ru_utime + used.ru_stime


def _us(text: str) -> int:
    found = re.fullmatch(r"([\d.]+)(us|ms|s)", text)
    return int(float(found[1]) * _UNITS[found[2]]) if found else 0
