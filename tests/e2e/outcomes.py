"""Expected outcomes of real products, strict both ways: a new failure and a missing one are both errors.

``CONFORMANCE_EXPECTED=write`` writes the file anew from what was found; review the difference before committing it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stranger import ROOT

from conformance.engine.profiles import find_profile

HERE = Path(__file__).parent
PROFILES = ROOT / "profiles" / "conformance_profiles"

#: Whatever differs from run to run: ids, amounts, ports, times.
_CHANGING = re.compile(r"[\w.:-]*\d[\w.:-]*")


def uncalibrated(folder: Path, name: str = "payment-product") -> Path:
    """Write a built-in profile without its demand for calibration, which every edit of a check sets back."""
    assert find_profile(name, None).id == name
    text = next(PROFILES.rglob(f"{name}.toml")).read_text("utf-8")
    path = folder / f"{name}.toml"
    path.write_text(text.replace("calibration_required = true", "calibration_required = false"), encoding="utf-8")
    return path


def found(predicate: Mapping[str, Any], suites: Iterable[str]) -> dict[str, str]:
    """Return ``outcome`` or ``outcome: reason`` for each check, with what changes from run to run left out."""
    kept = {}
    for item in predicate["outcomes"]:
        if item["suite"] in suites:
            shown = item["outcome"] in ("failed", "warned", "inconclusive")
            kept[item["check"]] = item["outcome"] + (f": {_stable(item['reason'])}" if shown else "")
    return dict(sorted(kept.items()))


def must_be_as_expected(name: str, outcomes: Mapping[str, str]) -> None:
    """Compare with ``expected_<name>.json`` check by check, or write it where the environment says so."""
    path = HERE / f"expected_{name}.json"
    if os.environ.get("CONFORMANCE_EXPECTED") == "write":
        path.write_text(json.dumps(outcomes, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return
    expected = json.loads(path.read_text("utf-8"))
    differing = {
        check: {"expected": expected.get(check, "nothing"), "found": outcomes.get(check, "nothing")}
        for check in sorted({*expected, *outcomes})
        if expected.get(check) != outcomes.get(check)
    }
    assert differing == {}, json.dumps(differing, ensure_ascii=False, indent=1)


def _stable(reason: str) -> str:
    return _CHANGING.sub("#", reason)[:160]
