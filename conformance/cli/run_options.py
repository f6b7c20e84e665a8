"""The options that ``run`` and ``load`` share, in the order in which their help shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

#: What a decorator of click takes and returns: a function, or a command already.
Decorated = Callable[..., Any]
Decorator = Callable[[Decorated], Decorated]


def subject_options(does: str, profile: str) -> Decorator:
    """Add what is tested against what; ``does`` says what is done to the demo, ``profile`` is the default."""
    return _all(
        click.option(
            "-c", "--candidate", type=click.Path(path_type=Path), help="The candidate file [default: candidate.toml]."
        ),
        click.option("-p", "--profile", default=profile, show_default=True, help="Profile id, or a profile file."),
        click.option("--demo", is_flag=True, help=f"{does} the reference candidate that ships with the harness."),
        click.option("--fault", "faults", multiple=True, help="With --demo: switch a defect on (repeatable)."),
    )


def check_option(example: str) -> Decorator:
    """Add the choice of checks, explained with an example of a pattern."""
    return click.option(
        "--check", "checks", multiple=True, help=f"Run only checks like this pattern, for example '{example}'."
    )


def run_options(command: Decorated) -> Decorated:
    """Add what the run is made with and what becomes of its result."""
    return _all(
        click.option("--waivers", type=click.Path(path_type=Path), help="The certifier's waivers.toml."),
        click.option("--only-plugins", multiple=True, help="Load only these plugins or distributions."),
        click.option("--resume", type=click.Path(path_type=Path), help="Go on with an interrupted run directory."),
        click.option(
            "--runs", type=click.Path(path_type=Path), help="Where run directories go [default: .conformance/runs]."
        ),
        click.option(
            "--key", type=click.Path(path_type=Path), help="Signing key [default: a self-test key made on first use]."
        ),
        click.option(
            "--audit", is_flag=True, help="Mark the report as an audit; needs --key and a policy that trusts it."
        ),
        click.option("--issuer", default="", help="Who issues the report, printed in it."),
        click.option("--report", "reports", multiple=True, help="Write only this format (repeatable) [default: all]."),
        click.option(
            "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What standard output gets."
        ),
        click.option("--lang", type=click.Choice(["en", "zh-CN"]), default="en"),
        click.option("-q", "--quiet", is_flag=True, help="No progress on standard error."),
    )(command)


def _all(*options: Decorator) -> Decorator:
    """Return one decorator that does what these do when written one above the other."""

    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
