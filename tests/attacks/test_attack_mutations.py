"""One changed byte anywhere is refused, or changes nothing but an unauthenticated hint."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import small_run

from conformance.attest.canonical import NotStrict
from conformance.attest.envelope import parse_envelope
from conformance.errors import UntrustedError

#: A low bit, the bit of letter case, and the bit that leaves ASCII.
TELLING = (0x01, 0x20, 0x80)
FLIPS = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80)
EVERY = range(1, 256)


def outcome_of(run: small_run.SmallRun, envelope: bytes) -> str:
    """Return "same" for the identical statement, "changed" for another one, or the class of refusal."""
    try:
        verified = run.verify(envelope)
    except UntrustedError as error:
        return "refused" if error.code and error.exit_code == 4 else "refused without a reason"
    return "same" if verified.statement.document == run.statement else "changed"


def mutants(data: bytes, positions: Iterable[int], flips: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    values = tuple(flips)
    for position in positions:
        for flip in values:
            mutant = bytearray(data)
            mutant[position] ^= flip
            yield position, bytes(mutant)


def hint_positions(envelope: bytes) -> range:
    start = envelope.index(b'"keyid":"') + len(b'"keyid":"')
    return range(start, envelope.index(b'"', start))


def assert_refused(run: small_run.SmallRun, envelope: bytes, places: Iterable[int], flips: Iterable[int]) -> None:
    """Assert that each change is refused, or that it hit the key id, a hint, and the statement is the same."""
    hint = hint_positions(envelope)
    for position, mutant in mutants(envelope, places, flips):
        result = outcome_of(run, mutant)
        assert result == "refused" or (result == "same" and position in hint), (position, mutant[position])


def test_every_byte_of_an_envelope_matters(run: small_run.SmallRun) -> None:
    envelope = run.envelope()
    assert outcome_of(run, envelope) == "same"
    assert_refused(run, envelope, range(len(envelope)), TELLING)


@pytest.mark.slow
def test_every_bit_of_an_envelope_matters(run: small_run.SmallRun) -> None:
    envelope = run.envelope()
    assert_refused(run, envelope, range(len(envelope)), FLIPS)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_every_single_byte_change_alters_what_is_signed_or_the_hint(run: small_run.SmallRun, part: int) -> None:
    """All 255 values of all bytes: whatever still parses carries another message or signature, or another hint."""
    envelope = run.envelope()
    original, hint = parse_envelope(envelope), hint_positions(envelope)
    signatures = [item.value for item in original.signatures]
    for position, mutant in mutants(envelope, range(part, len(envelope), 4), EVERY):
        try:
            parsed = parse_envelope(mutant)
        except NotStrict:
            continue
        same = (parsed.signed_bytes, [item.value for item in parsed.signatures]) == (original.signed_bytes, signatures)
        assert same == (position in hint), (position, mutant[position])


@pytest.mark.slow
def test_every_value_of_the_bytes_around_the_payload(run: small_run.SmallRun) -> None:
    envelope = run.envelope()
    hint = hint_positions(envelope)
    places = [*range(16), *range(envelope.index(b'","payloadType"') - 4, hint.start), *range(hint.stop, len(envelope))]
    assert_refused(run, envelope, places, EVERY)


@pytest.mark.parametrize("cut", [1, 2, 100, 3000])
def test_a_shortened_or_lengthened_envelope_is_refused(run: small_run.SmallRun, cut: int) -> None:
    envelope = run.envelope()
    assert outcome_of(run, envelope[:-cut]) == "refused"
    assert outcome_of(run, envelope[cut:]) == "refused"
    assert outcome_of(run, envelope + b"x" * cut) == "refused"


def test_every_byte_of_the_evidence_matters(tmp_path: Path) -> None:
    run = small_run.build(tmp_path, large=True)
    envelope = run.envelope()
    files = sorted(path for path in run.evidence.rglob("*") if path.is_file() and path.name != ".lock")
    kinds = {path.suffix for path in files}
    assert kinds == {".zst", ".leaves", ""}, "a segment, its leaves and a stored body"
    for path in files:
        original = path.read_bytes()
        for position, mutant in mutants(original, range(len(original)), (0x01, 0x80)):
            path.write_bytes(mutant)
            assert outcome_of(run, envelope) == "refused", (path.name, position)
        for altered in (original[:-1], original + b"\0", b""):
            path.write_bytes(altered)
            assert outcome_of(run, envelope) == "refused", (path.name, len(altered))
        path.unlink()
        assert outcome_of(run, envelope) == "refused", path.name
        path.write_bytes(original)
    assert outcome_of(run, envelope) == "same"
