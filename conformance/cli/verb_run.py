"""``conformance run``: test a candidate and leave a signed report."""

from __future__ import annotations

import contextlib
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from conformance import exits
from conformance.cli.run_options import check_option, run_options, subject_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.engine.run import RunRequest, RunResult
    from conformance.engine.rundir import RunDirectory

_CODES = {
    "conformant": exits.CONFORMANT,
    "not conformant": exits.NOT_CONFORMANT,
    "inconclusive": exits.INCONCLUSIVE,
}


DEFAULT_PROFILE = "payment-product"
#: Scripts of failures named at the end of a run; all of them lie in one directory.
_SCRIPTS_NAMED = 3
#: What to try after the demo, by verb.
_NEXT = {
    "run": (
        ("conformance run --demo --fault payments.replay-accepted", "# watch the verdict turn"),
        ("conformance explain SEC-V06", "# what a rule is and how to fix it"),
    ),
    "load": (
        ("conformance load --demo --fault load.lost-on-crash", "# watch the verdict turn, every lost payment counted"),
        ("conformance explain LOAD-F01", "# what a rule is and how to fix it"),
    ),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; defaults are those of its options.

    ``verb`` and ``words`` are how the command was called, as far as a resumed run must be called so again;
    ``overrides`` stand above all parameters, ``limitations`` go into the report, and ``environment`` holds secrets for
    the processes of the run.
    """

    candidate: Path | None
    profile: str
    demo: bool
    faults: tuple[str, ...]
    suites: tuple[str, ...]
    checks: tuple[str, ...]
    waivers: Path | None
    only_plugins: tuple[str, ...]
    resume: Path | None
    runs: Path | None
    key: Path | None
    audit: bool
    issuer: str
    reports: tuple[str, ...]
    form: str
    lang: str
    quiet: bool
    verb: str = "run"
    words: tuple[tuple[str, str], ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    limitations: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@click.command()
@subject_options("Test", DEFAULT_PROFILE)
@click.option("--suite", "suites", multiple=True, help="Run only this suite; the verdict is then inconclusive at best.")
@check_option("SEC-V*")
@run_options
def command(**values: Any) -> int:
    """Run the suites that a profile selects against a candidate, and sign what was found.

    Results go to standard output, progress to standard error. Exit code: 0 conformant, 1 not conformant,
    3 inconclusive.
    """
    return perform(Options(**values))


def perform(options: Options) -> int:
    """Run as the options say, tell of it, and return the exit code; raises ConformanceError."""
    _validate(options)
    from conformance.engine.rundir import discard_unplanned, new_run, open_run
    from conformance.errors import ConformanceError

    run = open_run(options.resume) if options.resume else new_run(options.runs)
    try:
        with _request(options, run) as request:
            result = _execute(options, request, run)
    except ConformanceError:
        discard_unplanned(run)
        raise
    except KeyboardInterrupt:
        where = f" --resume {_short(run.root)}"
        print(f"\ninterrupted; go on with `conformance {options.verb}{_shaping(options)}{where}`", file=sys.stderr)  # noqa: T201
        if note := _open_payments(run):
            print(note, file=sys.stderr)  # noqa: T201
        return exits.INTERRUPTED
    return _finish(options, result)


def _open_payments(run: RunDirectory) -> str:
    """Return what is known of the payments of the load scenario that was under way, "" where none was."""
    from conformance.engine.rundir import read_events

    word = ""
    for event in read_events(run.events):
        if event["event"] == "scenario-started":
            word = f"{event['scenario']}: what became of its payments is not known"
        elif event["event"] == "scenario-interrupted" and event.get("note"):
            word = f"{event['scenario']}: {event['note']}"
        elif event["event"] in ("scenario-finished", "scenario-failed", "scenario-interrupted"):
            word = ""
    return f"{word}; a resumed run accounts for all of them" if word else ""


def _shaping(options: Options) -> str:
    """Return the options without which a run cannot be resumed: they shape its plan or its report."""
    import shlex

    given = [("--fault", name) for name in options.faults] + list(options.words)
    given += [("--suite", name) for name in options.suites] if options.verb == "run" else []
    given += [("--check", name) for name in options.checks] + [
        ("--only-plugins", name) for name in options.only_plugins
    ]
    given += [("-p", options.profile)] if options.profile != DEFAULT_PROFILE else []
    given += [("--waivers", str(options.waivers))] if options.waivers else []
    given += [("--key", str(options.key))] if options.key else []
    given += [("--issuer", options.issuer)] if options.issuer else []
    flags = [" --demo"] * options.demo + [" --audit"] * options.audit
    return "".join([*flags, *(f" {name} {shlex.quote(value)}" for name, value in given)])


def _validate(options: Options) -> None:
    from conformance.engine.render import require_formats
    from conformance.errors import ConfigError

    require_formats(options.reports, options.only_plugins or None)
    if options.faults and not options.demo:
        raise ConfigError("--fault works on the reference candidate only", remedy="Add --demo.")
    if options.demo and options.candidate:
        raise ConfigError("--demo and --candidate exclude each other", remedy="Give one of them.")
    if options.audit and not options.key:
        raise ConfigError("an audit is signed with the auditor's key", remedy="Name it with --key FILE.")


# -- what is tested ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _request(options: Options, run: RunDirectory) -> Iterator[RunRequest]:
    from conformance.engine.plan import Selection
    from conformance.engine.profiles import find_profile
    from conformance.engine.run import RunRequest, today
    from conformance.files.candidate_file import find_candidate
    from conformance.files.waiver_file import read_waivers

    only = options.only_plugins or None
    common: dict[str, Any] = {
        "profile": find_profile(options.profile, only),
        "selection": Selection(options.suites, options.checks),
        "waivers": read_waivers(options.waivers, today()) if options.waivers else (),
        "only_plugins": only,
        "mode": "audit" if options.audit else "self-test",
        "issuer": options.issuer,
        "overrides": options.overrides,
    }
    if not options.demo:
        found = find_candidate(options.candidate or _remembered(run))
        yield RunRequest(candidate=found, limitations=options.limitations, environment=options.environment, **common)
        return
    with _reference(options, run) as reference:
        note = (
            f"Faults were switched on in the reference candidate: {', '.join(options.faults)}."
            if options.faults
            else ""
        )
        yield RunRequest(
            candidate=reference.candidate_path,
            environment={**reference.environment, **options.environment},
            subject_digest=_subject(options),
            limitations=(*options.limitations, *((note,) if note else ())),
            **common,
        )


def _remembered(run: RunDirectory) -> Path | None:
    """Return the candidate file that an interrupted run was started with."""
    import json

    path = run.root / "command.json"
    return Path(json.loads(path.read_text())["candidate"]) if path.exists() else None


@contextlib.contextmanager
def _reference(options: Options, run: RunDirectory) -> Iterator[Any]:
    from conformance.errors import ConfigError
    from conformance.plugins import load_suites
    from conformance.reference.process import ReferenceProcess

    known = {fault.id for loaded in load_suites(options.only_plugins or None) for fault in loaded.faults()}
    unknown = sorted(set(options.faults) - known)
    if unknown:
        import difflib

        close = difflib.get_close_matches(unknown[0], known, 3)
        hint = f"Did you mean {', '.join(close)}? " if close else ""
        raise ConfigError(f"no fault {unknown[0]!r}", where="--fault", remedy=f"{hint}See `conformance list faults`.")
    with tempfile.TemporaryDirectory(prefix="conformance-reference-") as folder:
        only = options.only_plugins or None
        with ReferenceProcess(Path(folder), faults=options.faults, only_plugins=only) as reference:
            (run.root / "candidate.toml").write_bytes(reference.candidate_path.read_bytes())
            yield reference


def _subject(options: Options) -> str:
    """Return the digest of what the demo tests: the reference candidate's code and its faults, not its ports."""
    import hashlib
    from importlib.resources import files

    import conformance
    from conformance.plugins import load_suites, tree_digest

    parts = [tree_digest(Path(str(files(conformance))) / "reference")]
    parts += [loaded.source.digest for loaded in load_suites(options.only_plugins or None)]
    return "sha256:" + hashlib.sha256("\n".join([*parts, *sorted(options.faults)]).encode()).hexdigest()


# -- running and telling ----------------------------------------------------------------------------------


def _execute(options: Options, request: RunRequest, run: RunDirectory) -> RunResult:
    import json

    from conformance.cli.progress import make_listener
    from conformance.cli.signing import signing_key
    from conformance.engine.run import execute

    signer = signing_key(options.key)
    if not options.demo:
        run.write(run.root / "command.json", json.dumps({"candidate": str(request.candidate.resolve())}).encode())
    listener = make_listener(options.quiet)
    try:
        return execute(request, run, signer, (listener,))
    finally:
        listener.close()


def _finish(options: Options, result: RunResult) -> int:
    import json

    from conformance.cli.signing import self_check
    from conformance.engine.render import render_all

    written = render_all(result.run, result.statement, names=options.reports, only=options.only_plugins or None)
    predicate = result.statement["predicate"]
    verified = self_check(result.run, predicate["issuer"]["keyid"])
    if options.form == "json":
        summary = {
            "run": _short(result.run.root),
            "verdict": predicate["verdict"],
            "counts": predicate["counts"],
            "report": _short(result.run.envelope),
            "files": {name: _place(paths) for name, paths in written.items() if paths},
            "verified": verified,
        }
        click.echo(json.dumps(summary, ensure_ascii=False, indent=2))
    else:
        _tell(options, result, written, verified)
    return _CODES[predicate["verdict"]["value"]]


def _tell(options: Options, result: RunResult, written: dict[str, list[Path]], verified: str) -> None:
    import os
    import shutil

    from conformance.plugins import load_modules

    terminal = load_modules("report", options.only_plugins or None).get("terminal")
    if terminal:
        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        width = shutil.get_terminal_size((100, 24)).columns
        root = Path(_short(result.run.root))
        click.echo(terminal[0].render_text(result.statement, width, color, options.lang, root), color=color)
    others = [_place(paths) for paths in written.values() if paths]
    shown = [path for path in others if not path.endswith((".html", ".txt"))]
    click.echo(f"also: {', '.join(shown)}" if shown else "")
    click.echo(f"verified: {verified}")
    click.echo("\nnext:")
    click.echo(f"  conformance verify {_short(result.run.envelope)}")
    # The embedded product has ended by now: nobody would answer.
    for script in [] if options.demo else _scripts(written)[:_SCRIPTS_NAMED]:
        click.echo(f"  bash {shlex.quote(_short(script))}   # make the requests of this failure again")
    if options.demo and not options.faults:
        for command, what in _NEXT.get(options.verb, _NEXT["run"]):
            click.echo(f"  {command:<57} {what}".rstrip())
        click.echo("  conformance init                                          # bind your own product")


def _scripts(written: dict[str, list[Path]]) -> list[Path]:
    return [path for paths in written.values() for path in paths if path.suffix == ".sh"]


def _place(paths: list[Path]) -> str:
    """Return the one file that a format wrote, or the directory of its many."""
    return _short(paths[0].parent if len(paths) > 1 else paths[0])


def _short(path: Path) -> str:
    """Return a path relative to the working directory where that is shorter."""
    with contextlib.suppress(ValueError):
        return str(path.resolve().relative_to(Path.cwd()))
    return str(path)
