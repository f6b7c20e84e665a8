"""The report as one HTML file: nothing is fetched, it works from a disk and on paper, and with scripts off.

Text of the product is hostile. Every value is escaped by the template engine, hidden characters are made visible, and
a content security policy names the one style and the one script by their hashes; nothing else can act.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from conformance.model.text import Text
from conformance_reports import EvidenceReader, Statement, charts, load_cards, loads, page
from conformance_reports.cautions import cautions
from conformance_reports.files import write_text
from conformance_reports.reading import Report, clause_url, exchange_ranges
from conformance_reports.reasons import reason
from conformance_reports.visible import visible
from conformance_reports.words import outcome_text, scale_text, word

NAME = "html"
FILES = ("report.html",)


def render(statement: Statement, directory: Path, evidence: EvidenceReader | None = None) -> list[Path]:
    """Write ``report.html``; with ``evidence`` the findings show the exchanges they cite."""
    return [write_text(directory / FILES[0], document(statement, evidence))]


def document(statement: Statement, evidence: EvidenceReader | None = None) -> str:
    """Return the page."""
    report = Report.of(statement)
    style = _template("style.css").render(footer=_footer(report))
    script = _source("report.js")
    return _template("report.html.j2").render(
        **_content(report, evidence),
        style=Markup(style),  # noqa: S704 - our own stylesheet; the one value in it is reduced to safe letters
        script=Markup(script),  # noqa: S704 - our own script, taken as it is
        policy=_policy(style, script),
    )


def _content(report: Report, evidence: EvidenceReader | None) -> dict[str, Any]:
    return {
        "report": report,
        "p": report.predicate,
        "cautions": cautions(report),
        "tallies": page.tallies(report),
        "cards": page.finding_cards(report, evidence),
        "groups": page.groups(report),
        "facets": page.facets(report),
        "settled": loads.SETTLED,
        "wrongs": loads.WRONGS,
        "loads": load_cards.load_cards(report),
        "rule": page.decision_rule(report),
        "reasons": [reason(item) for item in report.predicate["verdict"]["reasons"]],
        "parameters": page.flat_parameters(report.predicate["profile"]["parameters"]),
        "digest": f"sha256:{report.digest()}",
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    environment.globals |= {"word": word, "marks": page.MARKS, "clause_url": clause_url}
    environment.filters |= {
        "text": Text.parse,
        "outcome": outcome_text,
        "scale": scale_text,
        "ranges": exchange_ranges,
        "anchor": page.anchor,
        "moment": page.moment,
        "fingerprint": page.fingerprint,
        "duration": charts.duration,
        "percentile": charts.percentile_name,
        "prose": _prose,
        "thousands": lambda value: f"{value:,}" if isinstance(value, int) else value,
        "proofs": loads.proofs,
        "proof": lambda name: loads.word_or("proof", name),
        "number_word": lambda name: loads.word_or("number", name),
        "single": lambda row: "–" not in exchange_ranges(row) and "," not in exchange_ranges(row),
        "slug": lambda value: str(value).replace(" ", "-"),
    }
    return environment


def _template(name: str) -> Template:
    return _environment().get_template(name)


def _source(name: str) -> str:
    return files("conformance_reports").joinpath("templates", name).read_text(encoding="utf-8")


def _finalize(value: Any) -> Any:
    """Make hidden characters visible in everything that is printed, except markup of our own."""
    return value if isinstance(value, Markup) else visible("" if value is None else value)


def _prose(text: object) -> Markup:
    """Escape ``text``, then set what stands between backticks as code."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(visible(text)))))  # noqa: S704 - escaped


def _footer(report: Report) -> str:
    """Return the line at the foot of each printed page, safe inside a CSS string."""
    identity = re.sub(r"[^A-Za-z0-9._-]", "", str(report.predicate["id"]))[:60]
    return f"{identity} · sha256:{report.digest()[:16]}"


def _policy(style: str, script: str) -> str:
    parts = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
    )
    return "; ".join(parts)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
