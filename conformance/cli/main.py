"""The command ``conformance``: finds verbs lazily, and turns every error into a message and an exit code."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Abort

from conformance import __version__, exits
from conformance.errors import ConformanceError

#: Verb → module and one line of help; a verb's module is imported only when it is used.
VERBS: dict[str, str] = {
    "run": "Test a candidate and leave a signed report.",
    "load": "Put a candidate under load, account for every payment, and leave a signed report.",
    "init": "Write a commented candidate.toml, and a pipeline file if wanted.",
    "doctor": "Say what is wrong or unreachable before anything runs.",
    "list": "List suites, requirements, checks, faults, profiles or drivers.",
    "explain": "Explain a requirement: what, why, how it fails, how to fix it.",
    "calibrate": "Prove every check against the sound reference and each seeded fault.",
    "verify": "Verify a signed report and its evidence offline.",
    "report": "Render a finished run again, in any format.",
    "runs": "List the runs in this directory and what became of them.",
    "keys": "Make signing keys and decide whose reports to trust.",
    "reference": "Serve the reference candidate alone, sound or with faults.",
    "worker": "Generate load for a master on another machine.",
    "schemas": "Write the JSON Schemas of all files that people write.",
}


class LazyGroup(click.RichGroup):
    """A group that knows its verbs by name and imports one only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which a newcomer needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a light stand-in with a verb's one line, which is all that the list of verbs needs."""
        return click.Command(cmd_name, short_help=VERBS[cmd_name]) if cmd_name in VERBS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Import the verb that the command line names."""
        if args and args[0] in VERBS:
            module = importlib.import_module(f"conformance.cli.verb_{args[0]}")
            return args[0], module.command, args[1:]
        if args and (close := difflib.get_close_matches(args[0], VERBS, 3)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {', '.join(close)}?")
        return super().resolve_command(ctx, args)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="conformance")
def cli() -> None:
    """Certification and conformance tests for fintech products.

    Start with `conformance run --demo`. Exit codes: 0 conformant, 1 not conformant, 2 usage or file error,
    3 inconclusive, 4 signature invalid or untrusted, 5 nothing selected, 70 our fault, 130 interrupted.
    """


def main() -> None:
    """Run the command line and exit with one of the documented codes."""
    try:
        code = cli.main(standalone_mode=False, prog_name="conformance")
        sys.exit(code if isinstance(code, int) else exits.CONFORMANT)
    except Abort:
        _say("interrupted")
        sys.exit(exits.INTERRUPTED)
    except KeyboardInterrupt:
        _say("interrupted")
        sys.exit(exits.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(exits.USAGE)
    except ConformanceError as error:
        _say(error.diagnostics())
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(exits.HARNESS)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        _say(_internal(error))
        sys.exit(exits.HARNESS)


def _internal(error: Exception) -> str:
    """Keep the traceback in a file and say where it is."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="conformance-error-", suffix=".txt", delete=False) as stream:
        traceback.print_exception(error, file=stream)
    where = Path(stream.name)
    return (
        f"HARNESS: internal error: {type(error).__name__}: {error}\n"
        f"  → This is a defect of the harness, not of the product. Details are in {where}; please report them."
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - the one place where errors are printed


def describe_verbs() -> dict[str, Any]:
    """Return verbs and their one-line help, for the documentation's tests."""
    return dict(VERBS)


if __name__ == "__main__":
    main()
