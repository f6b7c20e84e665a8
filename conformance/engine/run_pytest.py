"""Running pytest so that nothing of the vendor's configuration or of other plugins can change a verdict."""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import io
import os
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conformance.engine.spec import CheckSpec
from conformance.errors import HarnessError


def run_pytest(spec: CheckSpec, plugin: Any) -> None:
    """Collect the suites' check modules and run the planned checks with ``plugin``.

    Raises HarnessError when pytest could not collect, with what it printed; KeyboardInterrupt when it was stopped.
    """
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    modules = list(dict.fromkeys(item["module"] for item in spec.checks))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = pytest.main(_arguments(spec, modules), plugins=[plugin])
    if code == pytest.ExitCode.INTERRUPTED:
        _raise_collection_error(printed.getvalue())
        raise KeyboardInterrupt
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise HarnessError(f"pytest ended with {pytest.ExitCode(code).name}: {_tail(printed.getvalue())}")


def _arguments(spec: CheckSpec, modules: list[str]) -> list[str]:
    root = spec.rootdir or str(Path.cwd())
    return [
        "-c", os.devnull,
        "--rootdir", root,
        "--import-mode=importlib",
        "-p", "no:cacheprovider",
        "-p", "no:terminal" if not os.environ.get("CONFORMANCE_DEBUG") else "terminal",
        "-p", "no:faulthandler",
        "-p", "no:unraisableexception",
        "-p", "no:threadexception",
        "-p", "no:logging",
        "--capture=sys",  # by descriptor costs two system calls a phase; what programs print goes to log.txt
        "-o", f"python_files={_only(modules)}",
        "-o", "python_functions=__none__",
        "-o", "python_classes=__none__",
        "--noconftest",
        "--pyargs", *_places(modules),
    ]  # fmt: skip


def _places(modules: list[str]) -> list[str]:
    """Return what to collect: modules, or the package that several of them lie in, which is then read once.

    Of a package only the modules named by ``python_files`` are taken.
    """
    together = Counter(module.rpartition(".")[0] for module in modules)
    parents = {name for name, count in together.items() if name and count > 1 and _is_plain_package(name)}
    return list(dict.fromkeys(p if (p := module.rpartition(".")[0]) in parents else module for module in modules))


def _is_plain_package(name: str) -> bool:
    spec = importlib.util.find_spec(name)
    return spec is not None and Path(spec.origin or "").name == "__init__.py"


def _only(modules: list[str]) -> str:
    """Return the files of check modules as patterns: pytest rewrites the asserts of every module that matches.

    Anything wider would compile each library that a check imports anew.
    """
    origins = [spec.origin for module in modules if (spec := importlib.util.find_spec(module)) and spec.origin]
    return " ".join(shlex.quote(glob.escape(origin)) for origin in origins)


def _raise_collection_error(text: str) -> None:
    if "error" in text.lower() and "KeyboardInterrupt" not in text:
        raise HarnessError(f"pytest could not collect the checks: {_tail(text)}")


def _tail(text: str) -> str:
    return " | ".join(line for line in text.strip().splitlines()[-5:])
