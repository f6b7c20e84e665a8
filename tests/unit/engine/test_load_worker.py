"""Workers wait for their masters in turns, each in a process of its own, and no turn is too long for its channel."""

import json
from pathlib import Path

import pytest

from conformance.engine import load_worker
from conformance.engine.load_worker import Service, serve
from conformance.errors import ConfigError


class Turns:
    """Stands for the processes: each takes its whole turn on a clock of ours, or serves after a part of it."""

    def __init__(self, monkeypatch, *served_in):
        self.now, self.idle, self.served_in = 1000.0, [], set(served_in)
        monkeypatch.setattr(load_worker, "worker_module", lambda only: "module")
        monkeypatch.setattr(load_worker, "_run", self.run)
        monkeypatch.setattr(load_worker.time, "monotonic", lambda: self.now)

    def run(self, order, environment):
        spec = json.loads(Path(order).read_text())
        self.idle.append(spec["parameters"]["idle_s"])
        served = len(self.idle) in self.served_in
        self.now += 100 if served else spec["parameters"]["idle_s"]
        Path(spec["output"]).write_text(json.dumps({"served": int(served)}))
        return 0


def service(idle_s):
    return Service(Path("candidate.toml"), "192.0.2.1:5557", "alpha", idle_s)


def test_a_long_wait_is_made_of_turns_and_lasts_as_long_as_was_asked_for(monkeypatch):
    turns, told = Turns(monkeypatch), []
    assert serve(service(1000), {}, told.append) == 0
    assert turns.idle == [240, 240, 240, 240, 40]
    assert told == ["worker alpha waits for the master at 192.0.2.1:5557"]


def test_each_scenario_that_was_served_starts_the_wait_anew(monkeypatch):
    turns, told = Turns(monkeypatch, 2, 4), []
    assert serve(service(300), {}, told.append) == 2
    assert turns.idle == [240, 60, 240, 60, 240, 60]
    assert told[1:] == [
        "worker alpha has served 1 scenario, and waits for the next",
        "worker alpha has served 2 scenarios, and waits for the next",
    ]


def test_a_process_that_fails_is_a_mistake_of_the_configuration(monkeypatch):
    Turns(monkeypatch)
    monkeypatch.setattr(load_worker, "_run", lambda order, environment: 2)
    with pytest.raises(ConfigError, match="code 2"):
        serve(service(300), {}, lambda text: None)
