"""Locust's page as a live view: shown on the loopback interface, and deaf to everything that would steer."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from conformance_load.ui import page_of

SCRIPT = Path(__file__).with_name("load_page.py")


@pytest.fixture(scope="module")
def found():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_page_and_its_numbers_are_shown(found):
    assert found["address"].startswith("http://127.0.0.1:")
    assert found["page"][0] == 200
    assert "<html" in found["page"][1]
    assert found["numbers"][0] == 200
    assert json.loads(found["numbers"][1])["state"] == "running"


@pytest.mark.parametrize("name", ["start", "stop", "reset", "user"])
def test_nothing_steers_the_run(found, name):
    status, body = found[name]
    assert (status, "only shows it" in body) == (403, True)
    assert (found["state"], found["users"]) == ("ready", 0)


@pytest.mark.parametrize("name", ["rebound name", "other site"])
def test_other_sites_see_nothing(found, name):
    assert found[name] == [403, "This page is for this machine only.\n"]


def test_a_port_that_is_taken_is_said_with_what_to_do(found):
    assert "cannot be used for the live view" in found["taken"]
    assert "Choose another port" in found["taken"]
    assert found["told"] == 1


def test_it_is_gone_afterwards(found):
    assert found["closed"]


@pytest.mark.parametrize("parameters", [{}, {"ui_port": 0}])
def test_nothing_is_shown_where_nobody_asked(parameters):
    assert page_of(SimpleNamespace(parameters=parameters)) is None
    assert "locust" not in sys.modules
