"""Step 12: the evidence beside a report is the one that was signed, and every outcome cites its own part of it."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.attest.refusal import Refused, demand
from conformance.attest.statement import Statement
from conformance.evidence import merkle
from conformance.evidence.bodies import BodyStore
from conformance.evidence.errors import EvidenceDamaged
from conformance.evidence.reader import (
    file_digest,
    parse_record,
    read_leaves,
    read_lines,
    segment_number,
    segments_in,
)

#: First and last sequence number, both included, and the check that cites them.
Citation = tuple[int, int, str]


def check_citations(statement: Statement) -> list[Citation]:
    """Return what outcomes cite, in order, all of it inside the tree and nothing by two checks."""
    size = statement.evidence["size"]
    cited = sorted(
        (first, last, str(outcome["check"])) for outcome in statement.outcomes for first, last in outcome["exchanges"]
    )
    for first, last, check in cited:
        demand(1 <= first <= last <= size, "RANGE_OUTSIDE", f"{check} cites {first} to {last} of {size} exchanges")
    for (_, last, one), (first, _, other) in itertools.pairwise(cited):
        demand(last < first, "RANGE_OVERLAP", f"{one} and {other} cite the same exchange {first}")
    return cited


def check_evidence(statement: Statement, directory: Path) -> str:
    """Return what was recomputed, in words; raises :class:`Refused`. ``directory`` holds the segments."""
    cited = check_citations(statement)
    _listing(statement, directory)
    tree = merkle.Tree()
    try:
        for listed in statement.evidence["segments"]:
            _segment(statement, directory, listed, tree, cited)
    except EvidenceDamaged as damage:
        raise Refused(damage.code, str(damage)) from None
    root = statement.evidence["root"]
    demand(tree.root().hex() == root, "ROOT_MISMATCH", "the evidence does not have the signed root")
    return f"{tree.size} exchanges, root {root[:16]}… recomputed"


def _listing(statement: Statement, directory: Path) -> None:
    """Demand that exactly the signed segments are there, numbered and counted without a gap."""
    listed = statement.evidence["segments"]
    names = [item["name"] for item in listed]
    rising = sorted(set(names), key=segment_number) == names
    demand(rising, "SEGMENT_ORDER", "the segments are not listed once each and in order")
    expected = 1
    for item in listed:
        demand(item["first"] == expected, "SEGMENT_GAP", f"{item['name']} begins at {item['first']}, not {expected}")
        expected += item["size"]
    demand(expected - 1 == statement.evidence["size"], "EVIDENCE_SIZE", "the segments do not add up to the signed size")
    present = {path.name for path in segments_in(directory)}
    missing, extra = sorted(set(names) - present), sorted(present - set(names))
    demand(not missing, "SEGMENT_MISSING", f"not in {directory}: {', '.join(missing)}")
    demand(not extra, "SEGMENT_UNLISTED", f"not part of the report: {', '.join(extra)}")


def _segment(
    statement: Statement, directory: Path, listed: Mapping[str, Any], tree: merkle.Tree, cited: list[Citation]
) -> None:
    path = directory / listed["name"]
    demand(file_digest(path) == listed["sha256"], "SEGMENT_DIGEST", f"{path.name} is not the file that was signed")
    leaves = read_leaves(path)
    demand(len(leaves) == listed["size"], "LEAVES_MISMATCH", f"the leaf file of {path.name} is of another length")
    starts = [first for first, _, _ in cited]
    bodies = BodyStore(directory)
    for line, leaf in _lines(path, leaves):
        demand(merkle.leaf_hash(line) == leaf, "LEAVES_MISMATCH", f"the leaf file does not fit {path.name}")
        tree.append(leaf)
        record = parse_record(line, path)
        _record(statement, record, tree.size)
        _credited(record, tree.size, cited, starts)
        for body in _stored_bodies(record):
            bodies.get(body)


def _lines(path: Path, leaves: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    try:
        yield from zip(read_lines(path), leaves, strict=True)
    except ValueError:
        raise Refused("SEGMENT_SIZE", f"{path.name} does not hold {len(leaves)} records") from None


def _record(statement: Statement, record: Mapping[str, Any], seq: int) -> None:
    demand(record.get("seq") == seq, "SEQUENCE_BROKEN", f"exchange {seq} says it is {record.get('seq')}")
    demand(record.get("run") == statement.run, "OTHER_RUN", f"exchange {seq} is of run {record.get('run')}")
    attempts = statement.predicate["environment"]["attempts"]
    attempt = record.get("attempt")
    known = isinstance(attempt, int) and 1 <= attempt <= attempts
    demand(known, "ATTEMPT_HIDDEN", f"exchange {seq} is of attempt {attempt}, the report admits {attempts}")


def _credited(record: Mapping[str, Any], seq: int, cited: list[Citation], starts: list[int]) -> None:
    """Demand that an exchange which an outcome cites was made for that check."""
    index = bisect.bisect_right(starts, seq) - 1
    if index >= 0 and seq <= cited[index][1]:
        check = cited[index][2]
        text = f"exchange {seq}, cited by {check}, was made for {record.get('check')}"
        demand(record.get("check") == check, "OTHER_CHECK", text)


def _stored_bodies(record: Mapping[str, Any]) -> Iterator[str]:
    for side in (record.get("req"), record.get("resp")):
        body = side.get("body") if isinstance(side, dict) else None
        if isinstance(body, dict) and "stored" in body:
            yield str(body["stored"])
