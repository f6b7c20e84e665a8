"""The reference bank as a command: ``python -m conformance.reference.serve --directory DIR [--fault F]…``.

Prints one JSON line when it is ready. Ends when its standard input, if a pipe, is closed: it dies with its parent.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance.reference.minder import Minder


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="conformance.reference.serve", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where database, certificates and log live")
    parser.add_argument("--fault", action="append", default=[], help="a fault to switch on (repeatable)")
    parser.add_argument("--only-plugins", type=_names, default=None, help="names of suites, separated by commas")
    parser.add_argument("--callback-port", type=int, default=0, help="the loopback port that may be called back")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def main() -> int:
    """Run the bank and its minder."""
    options = parse(sys.argv[1:])
    directory: Path = options.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    minder = Minder(directory, tuple(options.fault), options.only_plugins, options.callback_port)
    return minder.run()


if __name__ == "__main__":
    sys.exit(main())
