"""Values of a script: what is secret, new in each run, or given by an earlier answer becomes a variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from conformance.model.holders import names
from conformance_reports.command_words import Piece, Word, joined, replaced
from conformance_reports.script_steps import Step

#: What Evidence.unique makes: new ones are needed whenever the script runs.
_UNIQUE = re.compile(r"\b(?:[a-z]+-[0-9a-f]{20}|O[0-9A-F]{19})\b")
#: Variables that hold what the product gave at run time, and the members of answers that give it.
_FETCHED = ("_TOKEN", "ACCOUNT_KEY")
_TOKENS = ("access_token", "session", "token", "adminkey", "key")
#: What the evidence does not keep (assertions, proofs, codes), with the name of the member or header that held it.
_WITHHELD = re.compile(
    r"""([A-Za-z][\w%-]*)(["']?\s*[=:]\s*(?:["']?(?:[A-Za-z]+ )?\[redacted\]|"\[personal data\]"))"""
)
_MARKS = re.compile(r"""\[redacted\]|"\[personal data\]"$""")
#: The name of the member, in JSON or in a form, whose value begins at the end of a text.
_MEMBER = re.compile(r"""(?:^|[{,&\s"])([A-Za-z_]\w*)(?:"\s*:\s*"|=)$""")
_REDACTED = "[redacted]"
_NAME = re.compile(r"[a-z]{2,}\d{1,3}|[A-Z]{2,}\d{1,3}")
#: Values shorter than this are not followed from an answer to a later request: they would be found everywhere.
_SHORTEST = 6

_MAKE_IT = "{} as it was, or a new value where it serves once; the evidence does not keep it"
_MASKED = "{} as the mapping has it, or another test value of its kind; the evidence masks personal data"


def take_named(steps: list[Step]) -> None:
    """Take secrets that stand under a member's name from the last answer that gave one under that name.

    A code that confirms, a token that refreshes: what the harness calls them is of no help here.
    """
    givers: dict[str, Step] = {}
    for step in steps:
        for word in step.words:
            for index in range(1, len(word)):
                member = _MEMBER.search(word[index - 1].text)
                if word[index].variable and member and member[1] in givers:
                    word[index] = Piece(_captured(givers[member[1]], (member[1],)), True)
        if isinstance(step.answer, dict):
            givers |= {name: step for name, value in step.answer.items() if value == _REDACTED}


def _captured(step: Step, path: tuple[str, ...]) -> str:
    """Take a value from the answer to a request and return the variable that holds it."""
    name = re.sub(r"\W", "_", f"ANSWER_{step.shown.number}_{'_'.join(path)}".upper())
    step.captures[name] = path
    return name


def withhold(steps: list[Step]) -> dict[str, str]:
    """Make a variable of every value that the evidence does not keep; return what each one must hold."""
    places: dict[str, str] = {}
    for step in steps:
        for index, word in enumerate(step.words):
            made: Word = []
            for piece in word:
                made += [piece] if piece.variable else _parted(piece.text, step.shown.number, places)
            step.words[index] = joined(made)
    return places


def _parted(text: str, number: int, places: dict[str, str]) -> Iterator[Piece]:
    position = 0
    for found in _WITHHELD.finditer(text):
        member, before = unquote(found[1]), _MARKS.sub("", found[2])
        personal = found[2].endswith('data]"')
        name = re.sub(r"\W+", "_", member if personal else f"{member}_{number}").strip("_").upper()
        places[name] = _MASKED.format(member) if personal else _MAKE_IT.format(f"{member} of exchange {number}")
        # In JSON the mark stands in the quotes of its text; a form has none.
        quotes = '"' if personal and ":" in before else ""
        yield Piece(text[position : found.end(1)] + before + quotes)
        yield Piece(name, True)
        if quotes:
            yield Piece(quotes)
        position = found.end()
    if text[position:]:
        yield Piece(text[position:])


def renew(steps: list[Step]) -> None:
    """Put a part that is new in each run of the script into every value that had to be unique."""
    for step in steps:
        found = {text for word in step.words for piece in word for text in _UNIQUE.findall(piece.text)}
        for value in sorted(found):
            fresh = [Piece(value[:-12]), Piece("FRESH_CAPITALS" if value.isupper() else "FRESH", True)]
            step.words = [replaced(word, value, fresh) for word in step.words]


def link(steps: list[Step]) -> None:
    """Take what an earlier answer gave from the answer of the script's own request."""
    for index, step in enumerate(steps):
        for path, value in _values(step.answer):
            before = [word for earlier in steps[: index + 1] for word in earlier.words]
            if any(_holds(word, value) for word in before):
                continue
            later = [other for other in steps[index + 1 :] if any(_holds(word, value) for word in other.words)]
            if not later:
                continue
            name = _captured(step, path)
            for other in later:
                other.words = [replaced(word, value, [Piece(name, True)]) for word in other.words]


def needed_by(steps: list[Step]) -> set[str]:
    """Return the variables that stand in requests."""
    return {piece.text for step in steps for word in step.words for piece in word if piece.variable}


def fetch_tokens(steps: list[Step], needed: set[str]) -> set[str]:
    """Take tokens from the answers of the requests that fetch them; return the variables that this fills.

    An answer fills one variable: one that is needed before any answer is left for it is a secret of the caller's own.
    """
    wanted = {name: _first_use(steps, name) for name in needed if name.endswith(_FETCHED)}
    givers = {n: place for n, step in enumerate(steps) if (place := _token_place(step.answer)) is not None}
    filled = set()
    for name in sorted(wanted, key=lambda name: wanted[name]):
        left = [n for n in givers if n < wanted[name] and _may_give(steps[n], name, wanted)]
        if left:
            steps[left[-1]].captures[name] = givers.pop(left[-1])
            filled.add(name)
    return filled


def _first_use(steps: list[Step], name: str) -> int:
    return next(n for n, step in enumerate(steps) if name in needed_by([step]))


def _may_give(step: Step, name: str, wanted: Iterable[str]) -> bool:
    """Tell whether a request may have fetched a token of this name: it names its holder, or nobody whose token is."""
    named = {other for other in wanted if _names(step, other.removesuffix("_TOKEN"))}
    return name in named or not named


def _names(step: Step, holder: str) -> bool:
    return any(names(piece.text, holder) for word in step.words for piece in word)


def _token_place(answer: Any) -> tuple[str, ...] | None:
    """Return where an answer holds a token that the evidence does not show."""
    for name in _TOKENS:
        if isinstance(answer, dict) and answer.get(name) == _REDACTED:
            return (name,)
    return None


def _holds(word: Word, value: str) -> bool:
    return any(not piece.variable and value in piece.text for piece in word)


def _values(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return the texts of an answer that could be an id, with their places; nothing that was redacted."""
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from _values(inner, (*path, str(name)))
    elif isinstance(node, list):
        for number, inner in enumerate(node[:20]):
            yield from _values(inner, (*path, str(number)))
    elif isinstance(node, str) and _followed(node):
        yield path, node


def _followed(text: str) -> bool:
    """Tell whether a text may be an id: one with digits in it, but no name such as sha256 or bolt11."""
    plain = _REDACTED not in text and "~sd:" not in text and not _NAME.fullmatch(text)
    return plain and _SHORTEST <= len(text) <= 400 and any(char.isdigit() for char in text)
