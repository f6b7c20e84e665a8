"""``conformance explain ID``: what a requirement asks, why, how a faulty product behaves, how to fix it."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conformance.engine.world import SuiteContents, World
    from conformance.model.requirement import Clause, Requirement

_WORDS = {
    "en": {
        "why": "Why", "faulty": "A faulty product", "fix": "How to fix it", "clauses": "Source",
        "checks": "Decided by", "faults": "Proven by the seeded faults", 
        "not_tested": "Not tested", "none": "no check yet",
        "secondary": " (clause unverified: known from a digest)", "unverified": " (clause unverified)",
    },
    "zh-CN": {
        "why": "为什么", "faulty": "有缺陷的产品会怎样", "fix": "如何整改", "clauses": "出处",
        "checks": "判定的检查", "faults": "以植入缺陷证明", "not_tested": "未检测", "none": "尚无检查",
        "secondary": "（条款号未核实：据二手摘要）", "unverified": "（条款号未核实）",
    },
}  # fmt: skip

#: Levels, severities and methods in Chinese; in English they are their own names.
_SCALES = {
    "must": "应", "should": "宜", "may": "可",
    "critical": "致命", "high": "高", "medium": "中", "low": "低",
    "test": "测试", "document": "文件审查", "inspection": "现场检查",
}  # fmt: skip


@click.command()
@click.argument("identifier")
@click.option("--lang", type=click.Choice(["en", "zh-CN"]), default="en")
@click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions.")
def command(identifier: str, lang: str, only_plugins: tuple[str, ...]) -> None:
    """Explain a requirement or check by its id, for example SEC-V06."""
    from conformance.engine.world import load_world
    from conformance.errors import ConfigError

    world = load_world(only_plugins or None)
    found = world.find(identifier.upper()) or world.find(identifier)
    if found is None:
        raise ConfigError(
            f"no requirement or check {identifier!r}{_suggestion(world, identifier)}",
            remedy="See `conformance list requirements`.",
        )
    click.echo(_text(*found, lang))


def _suggestion(world: World, identifier: str) -> str:
    known = [item.id for contents in world.suites for item in contents.catalogue.requirements]
    close = difflib.get_close_matches(identifier.upper(), known, 3)
    return f"; did you mean {', '.join(close)}?" if close else ""


def _text(contents: SuiteContents, requirement: Requirement, lang: str) -> str:
    words = _WORDS[lang]
    lines = [
        f"{requirement.id}  {requirement.title.in_language(lang)}",
        _scales(requirement, lang),
        "",
        *_section(words["why"], requirement.why.in_language(lang)),
        *_section(words["faulty"], requirement.faulty.in_language(lang)),
        *_section(words["fix"], requirement.fix.in_language(lang)),
        *_section(words["clauses"], _sources(requirement.clauses, words)),
    ]
    if requirement.not_tested:
        lines += _section(words["not_tested"], requirement.not_tested.in_language(lang))
    checks = contents.checks_of(requirement.id)
    lines += _section(words["checks"], ", ".join(item.id for item in checks) or words["none"])
    for item in checks:
        own = [f"{item.id}:"] if len(checks) > 1 else []
        lines += ["", *own, inspect.cleandoc(item.doc)]
    names = {item.id for item in checks}
    faults = [fault.id for fault in contents.loaded.faults() if any(trip.check in names for trip in fault.trips)]
    return "\n".join([*lines, "", *_section(words["faults"], ", ".join(faults) or "—")])


def _sources(clauses: Sequence[Clause], words: Mapping[str, str]) -> str:
    """Return the citations, each once; a number whose text was not seen is never printed as fact."""
    cited = (
        clause.printed() if clause.certainty.value == "seen" else clause.standard.name + words[clause.certainty.value]
        for clause in clauses
    )
    return "; ".join(dict.fromkeys(cited)) or "—"


def _scales(requirement: Requirement, lang: str) -> str:
    values = (requirement.level.value, requirement.severity.value, requirement.method.value)
    return "、".join(_SCALES.get(value, value) for value in values) if lang == "zh-CN" else ", ".join(values)


def _section(title: str, text: str) -> list[str]:
    colon = "" if title.isascii() else "："
    return [f"{title}{colon or ': '}{text}"]
