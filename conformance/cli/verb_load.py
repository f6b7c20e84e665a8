"""``conformance load``: the load suite alone, with the options that load needs."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import rich_click as click

from conformance.cli.run_options import check_option, run_options, subject_options
from conformance.errors import ConfigError

DEFAULT_PROFILE = "core-payment-load-ci"

_SETTING = re.compile(r"(?:(?P<scenario>[a-z0-9-]+)\.)?(?P<name>[a-z0-9_]+)=(?P<value>.*)")


@click.command()
@subject_options("Load", DEFAULT_PROFILE)
@check_option("LOAD-S*")
@click.option("--scale", default="1", show_default=True, help="Multiply all rates and lengths by this, e.g. 1/100.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="[SCENARIO.]NAME=VALUE",
    help="Set a parameter, of one scenario or of all: rate_per_s=50, payments-burst.burst_s=3 (repeatable).",
)
@click.option(
    "--workers",
    default="0",
    show_default=True,
    metavar="N|NAMES",
    help="Generate from N local processes, or from the named workers elsewhere (see `conformance worker`).",
)
@click.option("--crew", default="", metavar="FILE", help="The secret that master and workers share; made at first use.")
@click.option("--bind", default="127.0.0.1:0", show_default=True, help="Where the master listens for workers.")
@click.option("--ui", "ui_port", type=click.IntRange(1, 65535), help="Show Locust's live page on this loopback port.")
@run_options
def command(
    scale: str, settings: tuple[str, ...], workers: str, crew: str, bind: str, ui_port: int | None, **values: Any
) -> int:
    """Put a candidate under load, account for every payment, and sign what was found.

    The offered rate is held whatever the candidate does; times count from when a request was meant to start. Where the
    generator itself was the limit, the measurement is invalid and decides nothing. Exit code: 0 conformant, 1 not
    conformant, 3 inconclusive.
    """
    from conformance.cli.verb_run import Options, perform
    from conformance.files.crew_file import VARIABLE, crew_secret

    permille = _permille(scale)
    overrides: dict[str, Any] = {"workers": workers, "crew": crew, "bind": bind, "ui_port": ui_port or 0}
    overrides |= _given(settings)
    overrides |= {"scale_permille": permille} if permille != 1000 else {}
    words = [("--scale", scale)] * (permille != 1000) + [("--set", text) for text in settings]
    words += [("--workers", workers)] * (workers != "0") + [("--bind", bind)] * (workers != "0")
    words += [("--crew", crew)] * bool(crew)
    words += [("--ui", str(ui_port))] * (ui_port is not None)
    options = Options(
        **values,
        suites=("load",),
        verb="load",
        words=tuple(words),
        overrides=overrides,
        limitations=_limitations(permille, scale, settings),
        environment={VARIABLE: crew_secret(Path(crew), make=True)} if crew else {},
    )
    return perform(options)


def _permille(scale: str) -> int:
    try:
        permille = round(Fraction(scale) * 1000)
    except (ValueError, ZeroDivisionError):
        permille = 0
    if not 1 <= permille <= 1000:
        raise ConfigError(
            f"{scale!r} is not a factor from 1/1000 to 1", where="--scale", remedy="Give for example 1/100 or 0.25."
        )
    return permille


def _given(settings: tuple[str, ...]) -> dict[str, Any]:
    """Return ``--set`` options as parameters; what belongs to one scenario stands under ``scenarios``."""
    made: dict[str, Any] = {}
    for text in settings:
        found = _SETTING.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"{text!r} is not of the form [SCENARIO.]NAME=VALUE",
                where="--set",
                remedy="Give for example --set rate_per_s=50 or --set payments-burst.burst_s=3.",
            )
        value = int(found["value"]) if re.fullmatch(r"-?\d+", found["value"], re.ASCII) else found["value"]
        place = made.setdefault("scenarios", {}).setdefault(found["scenario"], {}) if found["scenario"] else made
        place[found["name"]] = value
    return made


def _limitations(permille: int, scale: str, settings: tuple[str, ...]) -> tuple[str, ...]:
    said = []
    if permille != 1000:
        said.append(
            f"Rates and lengths of all load scenarios were multiplied by {scale}; the full ones were not tried."
        )
    if settings:
        said.append(f"Parameters were set on the command line: {', '.join(settings)}.")
    return tuple(said)
