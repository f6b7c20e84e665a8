"""Stretches between quotation marks: what is done to each where it is needed is done to the whole text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.evidence.stretches import redo_stretches

PAIR = re.compile(r"(?<![\w%])(\w+)=([^\"& ]+)")


def without_values(text: str) -> str:
    return PAIR.sub(r"\1=*", text)


@given(st.text(alphabet='ab"=& ', max_size=60))
def test_it_is_as_if_the_whole_text_were_redone(text: str) -> None:
    assert redo_stretches(text, re.compile("="), without_values) == without_values(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", []),
        ("no sign", []),
        ("a=b", ["a=b"]),
        ('{"x":"a=b","y":"c"}', ["a=b"]),
        ('"a=b=c" "d="', ["a=b=c", "d="]),
        ('a=b"c"d=e', ["a=b", "d=e"]),
    ],
)
def test_only_stretches_with_a_sign_are_looked_at(text: str, seen: list[str]) -> None:
    looked: list[str] = []

    def look(stretch: str) -> str:
        looked.append(stretch)
        return stretch

    assert redo_stretches(text, re.compile("="), look) == text
    assert looked == seen
