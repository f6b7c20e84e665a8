"""The report as one HTML file: complete, closed to the outside, deaf to the product's markup, legible."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from conformance_reports import html
from conformance_reports.words import words

VOID = {"meta", "input", "line", "rect", "circle", "path", "br"}
ATTACK = (
    "</style></script>\"'><script>window.pwned=1</script>"
    '<img src=x onerror="window.pwned=2">{{7*7}}`<b>x</b>`\u202e\x00'
)

#: Fields whose values the model fixes; everything else in a statement is free text and is attacked.
FIXED = {
    "schema", "critical", "outcome", "level", "severity", "method", "certainty", "failAt", "validity", "blame", "mode",
}  # fmt: skip
VERDICT = ("verdict", "value")


class Page(HTMLParser):
    """The elements and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.text: list[str] = []
        self.outline: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in {"h1", "h2", "h3", "tr", "summary", "caption", "li", "dt", "dd", "svg"}:
            self.outline.append(f"{tag}:")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]].append(data)
            return
        self.text.append(data)
        if data.strip() and self.outline:
            self.outline[-1] += " " + " ".join(data.split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def attacked(value, path=()):
    """Replace every free text of a statement by an attack that keeps its place recognisable."""
    if isinstance(value, dict):
        return {key: attacked(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [attacked(item, path) for item in value]
    if not isinstance(value, str) or path[-1] in FIXED or path[-2:] == VERDICT or path[-1].endswith("At"):
        return value
    return value + ATTACK


def test_the_page_is_well_formed_and_nothing_is_left_open(statement, evidence):
    assert Page(html.document(statement, evidence)).open == []


def test_outline_golden(statement, evidence, golden):
    page = Page(html.document(statement, evidence))
    golden("html-outline.txt", "\n".join(page.outline) + "\n")


def test_no_text_of_the_product_becomes_markup(statement, evidence):
    def hostile(number):
        return attacked(evidence(number), ("record",))

    # Ids tie checks, requirements and chapters together: the same attack in all of them keeps the ties.
    calm = Page(html.document(statement, evidence))
    page = Page(html.document(attacked(statement), hostile))
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert {tag for tag, _ in page.elements} - {tag for tag, _ in calm.elements} <= {"code"}
    assert not {"img", "b"} & {tag for tag, _ in page.elements}
    for _tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert "<script>window.pwned=1</script>" in "".join(page.text)
    assert "{{7*7}}" in "".join(page.text)


def test_links_lead_into_the_page_or_to_a_published_standard(statement, evidence):
    page = Page(html.document(attacked(statement), evidence))
    for attributes in page.all("a"):
        assert attributes["href"].startswith(("#", "https://www.rfc-editor.org/rfc/rfc"))
    assert not [name for _tag, attributes in page.elements for name in attributes if name in {"src", "action", "data"}]


def test_links_within_the_page_have_their_targets_and_ids_are_unique(statement, evidence):
    page = Page(html.document(statement, evidence))
    ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    inner = {item["href"][1:] for item in page.all("a") if item["href"].startswith("#") and "=" not in item["href"]}
    assert inner <= set(ids)
    named = [item["aria-labelledby"].split() for _tag, item in page.elements if item.get("aria-labelledby")]
    assert {name for names in named for name in names} <= set(ids)


def test_the_policy_admits_the_one_style_and_the_one_script(statement):
    page = Page(html.document(statement))
    [policy] = [item["content"] for item in page.all("meta") if item.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        digest = hashlib.sha256("".join(page.raw[kind]).encode("utf-8")).digest()
        assert f"{kind}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_the_policy_stands_before_everything_it_governs(statement):
    document = html.document(statement)
    assert document.index("Content-Security-Policy") < document.index("<style") < document.index("<script")


def test_style_and_script_name_nothing_to_fetch(statement):
    page = Page(html.document(statement))
    code = "".join(page.raw["style"] + page.raw["script"])
    assert not re.search(r"url\(|@import|https?:|fetch\(|XMLHttpRequest|innerHTML|document\.write|eval\(", code)


def test_everything_is_said_without_scripts(statement, evidence):
    page = Page(html.document(statement, evidence))
    text = " ".join("".join(page.text).split())
    for row in statement["predicate"]["requirements"]:
        assert row["id"] in text
        assert row["title"]["en"] in text
        assert row["title"]["zh-CN"] in text
    for words_ in (
        "SELF-DECLARED",
        "自我声明",
        "Not conformant",
        "不符合",
        "balance 8000 after the replay",
        "The books",
    ):
        assert words_ in text
    assert "POST /payments HTTP/1.1" in text


def test_a_requirement_without_a_check_is_a_row(statement):
    page = Page(html.document(statement))
    gaps = [item for item in page.all("tr") if "gap" in (item.get("class") or "").split()]
    assert [item["id"] for item in gaps] == ["requirement-SEC-Q01"]


def test_an_unverified_clause_looks_different_from_one_that_was_read(statement):
    document = html.document(statement)
    assert '<span class="clause unverified">JR/T 0185-2020 (clause unverified)</span>' in document
    assert '<span class="clause seen">FAPI 2.0 5.3.2.1</span>' in document


def test_cautions_come_before_a_pass(statement):
    predicate = statement["predicate"]
    predicate["verdict"] = {"value": "conformant", "reasons": []}
    document = html.document(statement)
    assert document.index('class="cautions"') < document.index('class="stamp conformant"')


def test_a_bare_report_renders(statement):
    predicate = statement["predicate"]
    predicate |= {"load": [], "calibration": None, "outcomes": [], "requirements": [], "limitations": [], "plugins": []}
    predicate["profile"]["parameters"] = {}
    predicate["evidence"]["segments"] = []
    page = Page(html.document(statement))
    assert "No check failed" in "".join(page.text)
    assert "No calibration was recorded." in "".join(page.text)


def test_a_bare_load_measurement_renders(statement):
    statement["predicate"]["load"] = [{"scenario": "elsewhere"}]
    text = "".join(Page(html.document(statement)).text)
    assert "elsewhere" in text
    assert "not reconciled" in text


def test_waivers_are_listed_apart_from_passes(statement):
    document = html.document(statement)
    assert "Certification office" in document
    assert re.search(r'id="requirement-BAR-41"[^>]*data-outcome="waived"', document)


def test_old_outcomes_without_notes_render(statement):
    for row in statement["predicate"]["outcomes"]:
        row.pop("notes")
    assert html.document(statement)


def palettes():
    css = files("conformance_reports").joinpath("templates", "style.css").read_text(encoding="utf-8")
    dark, light = css.split("{% endmacro %}")[0], css.split(":root {")[1].split("}")[0]
    return {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for name, block in (("light", light), ("dark", dark))
    }


def luminance(colour):
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


PAIRS = [
    *((ink, ground) for ink in ("ink", "quiet", "link", "good", "bad", "warn", "open", "blank", "none", "waive")
      for ground in ("sheet", "paper", "faint")),
    ("good", "good-bg"), ("bad", "bad-bg"), ("warn", "warn-bg"), ("open", "open-bg"), ("ink", "warn-bg"),
    ("ink", "bad-bg"), ("mark-ink", "bad"), ("sheet", "ink"),
]  # fmt: skip


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(name):
    palette = palettes()[name]
    weak = {pair: round(contrast(palette[pair[0]], palette[pair[1]]), 2) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def test_both_palettes_name_the_same_colours():
    assert set(palettes()["light"]) == set(palettes()["dark"])


def test_every_word_exists_in_both_languages():
    for key, text in words().items():
        assert text.en, key
        assert re.search("[\u4e00-\u9fff]", text.zh), key


def test_the_page_grows_with_the_report_not_faster(statement):
    small = len(html.document(statement))
    many = json.loads(json.dumps(statement))
    rows = many["predicate"]["requirements"]
    rows += [dict(rows[1], id=f"SEC-X{number}", checks=[]) for number in range(300)]
    assert len(html.document(many)) - small < 300 * 2500
