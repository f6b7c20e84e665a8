"""Reading the documentation: pages, links, fenced blocks, inline code and command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"

#: Written by docs/build.py; links to them are looked at only when they are there.
GENERATED = (DOCS / "reference" / "cli.md", DOCS / "reference" / "requirements", DOCS / "reference" / "schemas")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```", re.S | re.M)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_COMMAND = re.compile(r"^\s*(?:[-#$]\s+)*(?:run:\s+)?(conformance [a-z].*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its info string, its text without the indentation of a list, and where it stands."""

    page: Path
    line: int
    kind: str
    text: str

    @property
    def name(self) -> str:
        """Return where it stands, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def is_generated(path: Path) -> bool:
    """Tell whether a page is written by docs/build.py."""
    return any(path == item or item in path.parents for item in GENERATED)


def pages() -> list[Path]:
    """Return every page that people write."""
    others = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("examples/*/README.md"))]
    return [page for page in [*sorted(DOCS.rglob("*.md")), *others] if page.exists() and not is_generated(page)]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["kind"].strip(), _undented(found))
        for found in _FENCE.finditer(text)
    ]


def _undented(found: re.Match[str]) -> str:
    return "\n".join(line.removeprefix(found["indent"]) for line in found["body"].splitlines()) + "\n"


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return the targets of a page's relative links, with their anchors."""
    return [target for target in _LINK.findall(prose(page)) if "://" not in target and not target.startswith("mailto:")]


def inline_code(page: Path) -> list[str]:
    """Return the inline code of a page, each on one line."""
    return [" ".join(found.split()) for found in _CODE.findall(prose(page))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as hosting sites make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of every command line that a page quotes, without the program's name."""
    texts = [code for code in inline_code(page) if code.startswith("conformance ")]
    for block in blocks(page):
        joined = block.text.replace("\\\n", " ")
        texts += [found[1] for line in joined.splitlines() if (found := _COMMAND.match(line))]
    for text in texts:
        yield words_of(text)


def commands_in_comments(path: Path) -> Iterator[list[str]]:
    """Yield the command lines in a file's comments."""
    for line in path.read_text(encoding="utf-8").splitlines():
        found = _COMMAND.match(line) if line.startswith("#") else None
        if found:
            yield words_of(found[1])


def words_of(text: str) -> list[str]:
    """Return the words of one command, up to what the shell would take for another."""
    words = shlex.split(text, comments=True)
    end = next((index for index, word in enumerate(words) if word in ("&&", ";", "|", "||")), len(words))
    return words[1:end]
