"""Whether all counts agree, run after run: the generators', Locust's master's, the product's and the journals'.

    python benchmarks/load_counts.py [RUNS]

Half of the runs (default: 20) press payments from two worker processes at a bank that counts its requests; the other
half kills the reference candidate with ``kill -9`` in the middle of the load and starts it again. In the first half,
four numbers must be the same: requests that the bank was asked, that Locust's master was told of, that the workers
sent, and that the journals and their repetitions make. In the second half every payment that the product's statement
shows must be one that the journal knows as confirmed, and the other way round. Exit code 1 when one run disagrees.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.engine.checks_pass import Workplace
from conformance.engine.load import LoadSpec, run_scenario
from conformance.reference.process import ReferenceProcess
from conformance_load.parameters import DEFAULTS
from conformance_load.recipes import scenario

BANK = Path(__file__).parents[1] / "tests" / "suites" / "load"
CREW: Mapping[str, Any] = {
    "rate_per_s": 300, "duration_s": 3, "warmup_s": 1, "connections": 16, "accounts": 6, "workers": "2", "cut_every": 0,
}  # fmt: skip
KILLED: Mapping[str, Any] = {"rate_per_s": 100, "duration_s": 6, "disturb_at_s": 2, "disturb_s": 1}
WRONG = ("lost", "doubled", "ghost", "rejectedBooked", "wrongAmount", "halfBooked", "accountsOff", "totalDrift")


def by_crew(folder: Path) -> tuple[bool, str]:
    """Press from two workers at the counting bank; return whether all counts agree, and the counts."""
    sys.path.insert(0, str(BANK))
    import load_bank

    with load_bank.Server() as server:
        order = {"url": server.url, "directory": str(folder), "parameters": dict(CREW)}
        (folder / "specs.json").write_text(json.dumps([order]))
        command = [sys.executable, str(BANK / "load_bank.py"), str(folder / "specs.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
        asked = server.bank.payments
    found = json.loads(done.stdout)["measurement"]
    books, generator = found["reconciliation"], found["generator"]
    # Warm-up included, as the bank and Locust count it; probes before and after go to the bank alone.
    pressed = generator["told"]
    repeated = sum(found[name]["made"] for name in ("replays", "altered", "twins"))
    probes = books["sent"] - (pressed - repeated)
    master_agrees = not any("the master counted" in reason for reason in found["reasons"])
    right = master_agrees and asked == pressed + probes and books["balanced"] and not any(books[n] for n in WRONG)
    return right, f"bank {asked} = pressed {pressed} + probes {probes}; master agrees: {master_agrees}; {_books(books)}"


def killed(reference: ReferenceProcess, folder: Path) -> tuple[bool, str]:
    """Kill the reference candidate under load; return whether its statement and the journal agree, and the counts."""
    reference.reset()
    name = "payments-killed"
    parameters = {**DEFAULTS, **scenario(name).parameters, **KILLED}
    output = folder / "measurement.json"
    spec = LoadSpec(
        run=folder.name, scenario=name, module="conformance_load.scenario", candidate=str(reference.candidate_path),
        parameters=parameters, directory=str(folder), output=str(output), keep="", seed=1,
    )  # fmt: skip
    place = Workplace(folder, folder / "log.txt", reference.environment)
    if not run_scenario(spec, place, lambda event: None):
        return False, (folder / "log.txt").read_text()[-500:]
    found = json.loads(output.read_text())
    books = found["reconciliation"]
    same = books["acknowledged"] == books["booked"] and not any(books[name] for name in WRONG)
    decided = found["decisions"]["undecided"] == 0
    return (
        same and decided,
        f"{found['decisions']['unknown']} open after the kill, all decided: {decided}; {_books(books)}",
    )


def _books(books: Mapping[str, Any]) -> str:
    wrong = f"lost {books['lost']}, doubled {books['doubled']}"
    return f"acknowledged {books['acknowledged']} = booked {books['booked']}, {wrong}"


def main() -> None:
    """Run and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    wrong = 0
    with tempfile.TemporaryDirectory() as place, ReferenceProcess(Path(place) / "reference") as reference:
        for number in range(runs):
            folder = Path(place) / f"run-{number}"
            folder.mkdir()
            right, counts = killed(reference, folder) if number % 2 else by_crew(folder)
            wrong += not right
            print(f"{'kill' if number % 2 else 'crew'} {'agrees  ' if right else 'DISAGREES'} {counts}", flush=True)
    print(f"{runs - wrong} of {runs} runs agree")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
