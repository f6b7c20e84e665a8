"""The documentation says what is so: links lead somewhere, commands exist, files are valid, tables are in step."""

from __future__ import annotations

import datetime
import json
import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import pytest
from docs_pages import (
    DOCS,
    ROOT,
    Block,
    anchors,
    blocks,
    commands,
    commands_in_comments,
    inline_code,
    is_generated,
    links,
    pages,
    prose,
)
from operations_table import HEAD, rows

from conformance import exits
from conformance.attest.policy import DEMANDS, MODES, policy_schema, read_policy
from conformance.candidate.auth import SCHEMES
from conformance.candidate.callers import CREDENTIALS
from conformance.candidate.convert import CONVERSIONS
from conformance.candidate.mapping import _OPERATION_KEYS, MAPPING_KEYS
from conformance.cli.main import VERBS, cli
from conformance.errors import FileProblems
from conformance.files.candidate_file import DESCRIPTIONS, read_candidate
from conformance.files.catalogue_file import catalogue_schema
from conformance.files.profile_file import profile_schema, read_profiles
from conformance.files.toml import problems_of
from conformance.files.waiver_file import read_waivers, waiver_schema
from conformance.plugins import load_drivers

PAGES = pages()
BLOCKS = [block for page in PAGES for block in blocks(page)]
TOML = [block for block in BLOCKS if block.kind.split()[:1] == ["toml"]]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

#: What a part of a candidate file, or of a profile, is completed with.
CANDIDATE_HEAD = {"name": "Example Pay", "version": "1.0.0", "base_url": "https://sandbox.example.com"}
PROFILE_HEAD = (
    'id = "example"\nversion = "1.0.0"\ntitle = { en = "Example", zh-CN = "示例" }\nselect = { load = ["LOAD-*"] }\n'
    "verdict = {}\n"
)


# -- links and paths ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if is_generated(path) and not path.exists():
            continue  # written by docs/build.py, and then looked at like any other
        assert path.exists(), f"{link} leads nowhere"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{link} names no heading"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_path_named_is_there(page: Path) -> None:
    rooms = ("conformance", "suites", "profiles", "reports", "examples", "docs", "tests", "benchmarks")
    named = [code for code in inline_code(page) if re.fullmatch(rf"(?:{'|'.join(rooms)})/[\w./*-]+", code)]
    for path in named:
        if not re.search(r"[A-Z]{3}|/v\d$", path):  # a placeholder, or the name of a schema
            assert list(ROOT.glob(path.rstrip("/"))), f"{path} is not there"


def test_the_index_leads_to_every_page() -> None:
    reached = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "index.md")}
    written = {page for page in PAGES if DOCS in page.parents and page.name != "index.md"}
    assert written <= reached


# -- commands -------------------------------------------------------------------------------------------------


def understood(words: list[str]) -> None:
    """Fail unless the verb exists and knows every option; nothing is executed."""
    verb, rest = words[0], words[1:]
    if verb == "VERB" or rest[:1] == ["--help"]:
        return
    assert verb in VERBS, f"there is no verb {verb!r}"
    _, command, _ = cli.resolve_command(click.Context(cli), [verb])
    assert command is not None
    if isinstance(command, click.Group) and rest:
        assert rest[0] in command.commands, f"there is no verb {verb} {rest[0]!r}"
        command, rest = command.commands[rest[0]], rest[1:]
    if isinstance(command, click.Group):
        return
    values, left, _ = command.make_parser(click.Context(command)).parse_args(list(rest))
    assert not left, f"{left} is too much"
    for parameter in command.params:
        given = values.get(str(parameter.name))
        if isinstance(parameter.type, click.Choice) and isinstance(given, str):
            assert given in parameter.type.choices, f"{parameter.name} cannot be {given!r}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_line_exists(page: Path) -> None:
    for words in commands(page):
        try:
            understood(words)
        except click.UsageError as error:
            pytest.fail(f"conformance {' '.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/candidates/*.toml")), ids=lambda path: path.name)
def test_commands_in_example_candidates_exist(path: Path) -> None:
    for words in commands_in_comments(path):
        understood(words)


def test_a_wrong_option_and_a_wrong_verb_are_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        understood(["run", "--candidat", "x.toml"])
    with pytest.raises(AssertionError, match="no verb"):
        understood(["certify"])
    with pytest.raises(AssertionError, match="cannot be"):
        understood(["init", "--ci", "jenkins"])


def test_every_verb_is_mentioned() -> None:
    mentioned = {words[0] for page in PAGES for words in commands(page) if words}
    assert set(VERBS) <= mentioned


# -- files in the pages ---------------------------------------------------------------------------------------


def _candidate(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    candidate = read_candidate(path)
    assert load_drivers()[candidate.driver][0].problems(candidate) == []


def _part(path: Path, text: str) -> None:
    known = tomllib.loads(text)
    head = "".join(f'{name} = "{value}"\n' for name, value in CANDIDATE_HEAD.items() if name not in known)
    _candidate(path, head + text)


def _profile(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    read_profiles(path)


def _profile_part(path: Path, text: str) -> None:
    _profile(path, PROFILE_HEAD + text)


def _waivers(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    assert read_waivers(path, datetime.date(2026, 1, 1))


def _policy(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    assert read_policy(path).keys


def _catalogue(_: Path, text: str) -> None:
    assert problems_of(tomllib.loads(text), catalogue_schema()) == []


def _pyproject(_: Path, text: str) -> None:
    assert "project" in tomllib.loads(text)


KINDS: dict[str, Callable[[Path, str], None]] = {
    "candidate": _candidate,
    "part": _part,
    "profile": _profile,
    "profile-part": _profile_part,
    "waivers": _waivers,
    "policy": _policy,
    "catalogue": _catalogue,
    "pyproject": _pyproject,
}


@pytest.mark.parametrize("block", TOML, ids=lambda block: block.name)
def test_every_toml_block_says_what_it_is_and_is_valid(block: Block, tmp_path: Path) -> None:
    kind = block.kind.removeprefix("toml").strip()
    assert kind in KINDS, f"write ```toml and one of {', '.join(KINDS)}"
    KINDS[kind](tmp_path / "file.toml", block.text)


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/candidates/*.toml")), ids=lambda path: path.name)
def test_every_example_is_valid(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    check = _profile if "select" in tomllib.loads(text) else _candidate
    check(tmp_path / path.name, text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "json"], ids=lambda block: block.name)
def test_every_json_block_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_the_pipelines_shown_are_those_that_init_writes(name: str) -> None:
    template = files("conformance.cli").joinpath(f"templates/{name}.yml").read_text(encoding="utf-8")
    bare = "".join(line for line in template.splitlines(keepends=True) if not line.startswith("#"))
    assert bare in [block.text for block in blocks(DOCS / "guides" / "ci.md") if block.kind == "yaml"]
    assert "private" in bare, "what opens personal data must not be uploaded"


def test_the_candidate_file_that_init_writes_is_valid(tmp_path: Path) -> None:
    text = files("conformance.cli").joinpath("templates/candidate.toml").read_text(encoding="utf-8")
    _candidate(tmp_path / "candidate.toml", text)
    shown = next(line for line in text.splitlines() if line.startswith("[auth]"))
    assert set(re.findall(r"[a-z0-9-]+", shown.partition("#")[2])) == set(SCHEMES)


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_written_as_text_is_refused_as_the_guide_says(name: str, tmp_path: Path) -> None:
    path = tmp_path / "candidate.toml"
    head = 'name = "A"\nversion = "1"\nbase_url = "https://sandbox.example.com"\n[users.alice]\n'
    path.write_text(f'{head}{name} = "written-here"\n', encoding="utf-8")
    with pytest.raises(FileProblems, match=name):
        read_candidate(path)
    path.write_text(f'{head}{name} = {{ env = "NAMED" }}\n', encoding="utf-8")
    assert read_candidate(path).users["alice"][name] == {"env": "NAMED"}


# -- tables in step with the code -----------------------------------------------------------------------------


def test_the_table_of_operations_is_the_contract() -> None:
    text = (DOCS / "reference" / "operations.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `.*\|$", text, re.M)
    assert HEAD in text
    assert shown == list(rows().values()), "run tests/unit/docs/operations_table.py and paste what it prints"


def _members(schema: dict[str, Any]) -> list[str]:
    return list(schema["properties"])


def _report_members() -> list[str]:
    schema = json.loads(files("conformance.attest").joinpath("report.schema.json").read_text(encoding="utf-8"))
    definitions = schema["$defs"]
    tables = (schema, schema["properties"]["predicate"], definitions["requirement"], definitions["checkOutcome"])
    return [name for table in tables for name in _members(table)]


def _policy_members() -> list[str]:
    schema = policy_schema()
    tables = (schema, schema["properties"]["roles"]["items"], schema["properties"]["keys"]["items"])
    return [name for table in tables for name in _members(table)]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("guides/bind-a-product.md", [*CONVERSIONS, *SCHEMES, *_OPERATION_KEYS - {"title", "root"}, *MAPPING_KEYS]),
        ("reference/candidate-file.md", list(DESCRIPTIONS)),
        ("reference/profile-file.md", _members(profile_schema())),
        ("reference/waivers-file.md", _members(waiver_schema()["properties"]["waivers"]["items"])),
        ("reference/trust-policy.md", [*DEMANDS, *MODES, *_policy_members()]),
        ("reference/report-statement.md", _report_members()),
        ("reference/exit-codes.md", [str(code) for name, code in vars(exits).items() if name.isupper()]),
    ],
)
def test_a_reference_page_names_everything(page: str, words: list[str]) -> None:
    path = DOCS / page
    text = path.read_text(encoding="utf-8")
    missing = [word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]
    assert not missing
    assert prose(path).startswith("# ")
