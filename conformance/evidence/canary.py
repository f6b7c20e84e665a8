"""The redactor's self-test, part of every run: secrets made up for the purpose must not be found in what is written.

The values are derived from the run key, so any process of a run knows them, and no other run has the same.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from conformance.evidence.frames import frames, unpack
from conformance.evidence.personal import identity_valid, luhn_valid
from conformance.evidence.secrets import spellings
from conformance.sdk.drivers import Sighting, WireMessage

#: What planted exchanges are credited to.
CANARY_CHECK = "harness.redaction"
_CHUNK = 4 * 1024 * 1024


class PlantingRecorder(Protocol):
    """The part of the recorder that planting needs."""

    check: str

    def record(self, sighting: Sighting) -> int:
        """Append one exchange."""
        ...

    def add_secret(self, value: str) -> None:
        """Know one more secret value."""
        ...


def canaries_of(run_key: bytes) -> tuple[str, ...]:
    """Return the run's canaries: three secrets, a card number and a Chinese identity number, all made up."""
    digest = hmac.digest(run_key, b"canary", "sha256").hex()
    digits = str(int(digest, 16))
    return (
        f"canary-{digest[:24]}",
        f"canary-{digest[24:48]}",
        f"Canary/{digest[40:60]}+é",
        _card("622848" + digits[:9]),
        _identity("110101199003" + f"{int(digits[10:12]) % 28 + 1:02d}" + digits[12:15]),
    )


def plant(recorder: PlantingRecorder, run_key: bytes) -> None:
    """Record one exchange full of canaries, as careless products and clients would write them."""
    named, token, known, card, identity = canaries_of(run_key)
    recorder.add_secret(known)
    body = {"password": named, "holder": {"card": card, "identity": identity}, "echo": known}
    wrapped = base64.b64encode(f"user:{known}".encode()).decode("ascii")
    request = WireMessage(
        f"POST /self-test?access_token={token} HTTP/1.1",
        (("Authorization", f"Bearer {token}"), ("Cookie", f"sid={named}"), ("X-Api-Key", token), ("X-Note", wrapped)),
        json.dumps(body).encode(),
    )
    form = f"client_secret={named}&code={known}&pan={card}"
    response = WireMessage(
        "HTTP/1.1 200 OK",
        (("Set-Cookie", f"sid={token}; Secure"), ("Location", f"https://user:{named}@shop.example.com/?token={token}")),
        f"{form}\n<password>{named}</password>\nid {identity}\nAuthorization: Basic {wrapped}\n".encode(),
    )
    before, recorder.check = recorder.check, CANARY_CHECK
    try:
        recorder.record(Sighting("self-test", request, response, 0, 0, error=f"refused for {known}"))
    finally:
        recorder.check = before


def canary_leaks(run_dir: Path, canaries: Iterable[str]) -> tuple[str, ...]:
    """Return where canaries were found in what a run has written; empty means that redaction works.

    ``canaries`` are the run's own (see :func:`canaries_of`) and, where known, its real secrets. Every file counts;
    journals and stored bodies are searched decompressed. The words never repeat the canary. Raises
    :class:`conformance.evidence.frames.BadFrame` where a segment is damaged; close the journal first.
    """
    needles = [(number, _needles(canary)) for number, canary in enumerate(canaries, 1)]
    found: list[str] = []
    for path in sorted(item for item in run_dir.rglob("*") if item.is_file()):
        seen = {number for text in _texts(path) for number, words in needles if any(word in text for word in words)}
        found += [f"{path.relative_to(run_dir)} contains canary {number}" for number in sorted(seen)]
    return tuple(found)


def _needles(canary: str) -> tuple[bytes, ...]:
    return tuple({item.encode("utf-8") for item in spellings(canary) if len(item) >= 8})


def _texts(path: Path) -> Iterator[bytes]:
    """Yield the file as it lies on disk, and its content where it is made of frames."""
    with path.open("rb") as stream:
        overlap = b""
        while chunk := stream.read(_CHUNK):
            yield overlap + chunk
            overlap = chunk[-512:]
    if path.name.endswith(".zst") or path.parent.name == "bodies":
        with path.open("rb") as stream:
            yield from map(unpack, frames(stream))


def _card(digits: str) -> str:
    return next(digits + str(last) for last in range(10) if luhn_valid(digits + str(last)))


def _identity(digits: str) -> str:
    return next(digits + last for last in "0123456789X" if identity_valid(digits + last))
