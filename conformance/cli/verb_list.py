"""``conformance list``: what is installed."""

from __future__ import annotations

import json
from typing import Any

import rich_click as click

KINDS = ("suites", "requirements", "checks", "faults", "profiles", "drivers", "reports")


@click.command(name="list")
@click.argument("kind", type=click.Choice(KINDS), default="suites")
@click.option("--suite", "suites", multiple=True, help="Only this suite (repeatable).")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--lang", type=click.Choice(["en", "zh-CN"]), default="en", help="Language of titles.")
@click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions.")
def command(kind: str, suites: tuple[str, ...], form: str, lang: str, only_plugins: tuple[str, ...]) -> None:
    """List suites, requirements, checks, faults, profiles, drivers or report formats."""
    rows = _rows(kind, suites, lang, only_plugins or None)
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not rows:
        click.echo("nothing installed matches")
        return
    from conformance.cli.tables import print_table

    print_table(rows)


def _rows(kind: str, suites: tuple[str, ...], lang: str, only: tuple[str, ...] | None) -> list[dict[str, Any]]:
    from conformance.engine.world import load_world

    if kind in ("profiles", "drivers", "reports"):
        return _plugin_rows(kind, lang, only)
    world = load_world(only, suites or None)
    found: list[dict[str, Any]] = []
    for contents in world.suites:
        suite = contents.loaded.suite
        if kind == "suites":
            found.append(
                {
                    "suite": suite.id,
                    "version": suite.version,
                    "requirements": len(contents.catalogue.requirements),
                    "checks": len(contents.checks),
                    "faults": len(contents.loaded.faults()),
                    "title": suite.title.in_language(lang),
                }
            )
        elif kind == "requirements":
            found += [
                {"id": r.id, "severity": r.severity.value, "method": r.method.value, "title": r.title.in_language(lang)}
                for r in contents.catalogue.requirements
            ]
        elif kind == "checks":
            found += [
                {"id": c.id, "requirement": c.requirement, "effects": c.effects.value, "needs": " ".join(c.needs)}
                for c in contents.checks
            ]
        else:
            found += [
                {"fault": f.id, "trips": " ".join(t.check for t in f.trips), "title": f.title.in_language(lang)}
                for f in contents.loaded.faults()
            ]
    return found


def _plugin_rows(kind: str, lang: str, only: tuple[str, ...] | None) -> list[dict[str, Any]]:
    from conformance.engine.profiles import all_profiles
    from conformance.plugins import load_drivers, load_modules

    if kind == "profiles":
        return [{"profile": p.id, "version": p.version, "title": p.title.in_language(lang)} for p in all_profiles(only)]
    sources = (
        [source for _, source in load_drivers(only).values()]
        if kind == "drivers"
        else [source for _, source in load_modules("report", only).values()]
    )
    return [{"name": s.name, "distribution": s.distribution, "version": s.version, "digest": s.digest} for s in sources]
