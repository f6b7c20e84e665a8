"""What the verifier needs: little, and nothing that reaches for the network, the engine or a suite."""

import subprocess
import sys

import jsonschema

from conformance.attest.statement import report_schema

ALLOWED = {"conformance", "conformance.errors", "conformance.exits"}
ROOMS = ("conformance.attest", "conformance.evidence", "conformance.model")


def test_the_verifier_imports_only_its_own_rooms() -> None:
    script = "import sys, conformance.attest.verify; print(*sorted(sys.modules))"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    modules = set(output.stdout.split())
    ours = {name for name in modules if name.split(".")[0] == "conformance"}
    assert not {name for name in ours if not name.startswith(ROOMS)} - ALLOWED
    assert not modules & {"requests", "locust", "pytest", "gevent", "starlette", "jinja2", "jsonschema"}


def test_the_report_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(report_schema())
