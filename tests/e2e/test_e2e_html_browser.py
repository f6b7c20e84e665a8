"""The HTML report in a real browser: filters, languages, appearance, paper, and silence towards the network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance_reports import html

pytestmark = pytest.mark.e2e

GOLDEN = Path(__file__).parents[1] / "golden" / "reports"
SCRIPT = Path(__file__).with_name("html_browser.mjs")
PLAYWRIGHT = "playwright-core@1.65.1"
INSTALL = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]


def chromium() -> str:
    """Return the browser; on CI it is installed if need be, elsewhere its absence is said."""
    names = (os.environ.get("CONFORMANCE_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if not found and os.environ.get("CI") and shutil.which("apt-get"):
        subprocess.run(INSTALL, capture_output=True, check=False, timeout=300)
        found = shutil.which("chromium")
    if not found:
        pytest.skip(f"NO BROWSER: the HTML report was not tried in one. Run `{' '.join(INSTALL)}`.")
    return found


def playwright() -> Path:
    """Return the folder whose node_modules holds the browser's remote control, installed on first use."""
    default = Path.home() / ".cache" / "conformance-e2e"
    folder = Path(os.environ.get("CONFORMANCE_E2E_CACHE") or default)
    if (folder / "node_modules" / "playwright-core").is_dir():
        return folder
    if not shutil.which("npm"):
        pytest.skip("NO NODE: the HTML report was not tried in a browser. Install Node.js with npm.")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", PLAYWRIGHT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    if done.returncode:
        pytest.skip(f"NO PLAYWRIGHT: the HTML report was not tried in a browser: {done.stderr[-300:]}")
    return folder


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    records = json.loads((GOLDEN / "exchanges.json").read_text(encoding="utf-8"))
    statement = json.loads((GOLDEN / "statement.json").read_text(encoding="utf-8"))
    [page] = html.render(statement, tmp_path_factory.mktemp("page"), lambda number: records.get(str(number)))
    command = ["node", str(SCRIPT), str(playwright()), chromium(), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_nothing_is_fetched_and_nothing_goes_wrong(seen):
    assert seen["requests"] == []
    assert seen["console"] == []
    assert seen["errors"] == []


def test_markup_of_the_product_is_shown_and_never_acts(seen):
    assert seen["attacked"] == {"pwned": None, "shown": True}


def test_filters_include_then_exclude_then_clear(seen):
    filters = seen["filters"]
    assert filters["failed"] == ["SEC-V06", "SEC-D04", "LOAD-02"]
    assert filters["findings"] == 3
    assert filters["note"] is True
    assert set(filters["notFailed"]) == set(filters["all"]) - set(filters["failed"])
    assert filters["pressed"] == "mixed"
    assert filters["cleared"] == len(filters["all"]) == 13


def test_filters_live_in_the_address(seen):
    filters = seen["filters"]
    assert filters["failedFragment"] == "#outcome=failed"
    assert filters["notFailedFragment"] == "#outcome=-failed"
    assert filters["combinedFragment"] == "#outcome=-failed&suite=security&q=tls"
    assert filters["reopened"] == filters["combined"] == ["SEC-T01"]
    assert filters["reopenedText"] == "tls"
    assert filters["clearedFragment"] == ""


def test_a_word_with_a_minus_leaves_out(seen):
    assert seen["filters"]["text"] == []


def test_the_counts_lead_to_their_rows_and_links_reach_hidden_ones(seen):
    assert seen["filters"]["tally"] == ["SEC-Q01", "LED-07"]
    assert "SEC-V06" in seen["filters"]["revealed"]


def test_language_and_appearance_switch_and_are_kept(seen):
    switches = seen["switches"]
    assert (switches["english"], switches["chinese"], switches["language"]) == ("Not conformant", "不符合", "zh-CN")
    assert switches["dark"] != switches["light"]
    assert switches["fragment"] == "#lang=zh-CN&theme=dark"
    assert switches["reopened"] == ["不符合", switches["dark"]]
    assert switches["followsSystem"] == switches["dark"]


def test_a_command_can_be_copied(seen):
    assert seen["copying"] == {"curl": True}


def test_without_scripts_everything_is_readable_and_the_language_still_switches(seen):
    assert seen["withoutScripts"] == {"english": "Not conformant", "filters": False, "chinese": "不符合", "rows": 13}


def test_a_telephone_shows_it_without_scrolling_sideways(seen):
    assert seen["sizes"]["overflow"] <= 0


def test_paper_is_light_shows_the_exchanges_and_hides_the_controls(seen):
    assert seen["sizes"]["print"] == {"exchange": True, "bar": False, "ink": "rgb(29, 35, 43)", "pdf": "%PDF-"}
