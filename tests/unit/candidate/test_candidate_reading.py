"""What answers are read as: parts of text, times in a zone, words compared by one rule, members whose lack refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from candidate_product import Product
from hypothesis import given
from hypothesis import strategies as st

from conformance.candidate.words import word
from conformance.errors import FileProblems
from conformance.sdk import Accepted, Answer, Broken, Candidate, Refused

Bind = Callable[..., Candidate]


def read(bound: Bind, product: Product, result: Any, body: Any, **arguments: Any) -> Answer:
    product.answer = lambda request: body
    candidate = bound(operations={"accounts.read": {"path": "/a", "result": result}})
    return candidate.call("accounts.read", **arguments)


# -- match ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "value", "part"),
    [
        ("[^/]+$", "http://h/transfers/7f-1", "7f-1"),
        ("/accounts/([^/]+)/", "/accounts/al ice/balance", "al ice"),
        ("^[0-9]+", 1234, "1234"),
        ("(?:a|(b))", "b", "b"),
    ],
)
def test_a_part_of_a_value_is_read(bound: Bind, product: Product, pattern: str, value: Any, part: str) -> None:
    answer = read(bound, product, {"id": {"at": "$.id", "match": pattern}}, {"id": value})
    assert isinstance(answer, Accepted)
    assert answer.value == {"id": part}


def test_a_part_is_converted_and_a_header_has_parts_too(bound: Bind, product: Product) -> None:
    result = {
        "id": {"at": "header:Location", "match": "[^/]+$"},
        "amount": {"at": "$.value", "match": "^[0-9.]+", "as": "decimal-string"},
        "state": {"at": "$.state", "match": "[A-Z]+", "words": {"DONE": "confirmed"}},
    }
    answer = read(bound, product, result, (201, {"Location": "/p/9"}, {"value": "10.50 CNY", "state": "x DONE"}))
    assert isinstance(answer, Accepted)
    assert answer.value == {"id": "9", "amount": 1050, "state": "confirmed"}


@pytest.mark.parametrize(("value", "words"), [("http://h/" + "x" * 200 + "/", "…'"), ("x" * 1001, "1000 characters")])
def test_what_has_no_such_part_is_missing(bound: Bind, product: Product, value: str, words: str) -> None:
    for further, found in (({"default": "none"}, {"id": "none"}), ({"optional": True}, {})):
        answer = read(bound, product, {"id": {"at": "$.id", "match": "[^/]+$", **further}}, {"id": value + "/"})
        assert isinstance(answer, Accepted)
        assert answer.value == found
    answer = read(bound, product, {"id": {"at": "$.id", "match": "[^/]+$"}}, {"id": value + "/"})
    assert isinstance(answer, Broken)
    assert answer.detail.startswith("$.id: match = '[^/]+$' finds nothing in ")
    assert words in answer.detail
    assert len(answer.detail) < 250


def test_an_expression_that_is_none_is_refused_when_the_file_is_read(bound: Bind) -> None:
    result = {"id": {"at": "$.id", "match": "("}, "n": {"at": "$.n", "match": 5}}
    with pytest.raises(FileProblems, match=r"result\.id\.match: '\('; expected a regular expression") as caught:
        bound(operations={"accounts.read": {"path": "/a", "result": result}})
    assert [problem.path.rpartition(".result")[2] for problem in caught.value.problems] == [".id.match", ".n.match"]


# -- zones ----------------------------------------------------------------------------------------------------------


def test_times_without_an_offset_are_in_the_zone_that_the_mapping_names(bound: Bind, product: Product) -> None:
    operation = {
        "method": "POST",
        "path": "/a",
        "body": {"from": {"from": "since", "as": "time", "format": "%Y%m%d %H%M", "zone": "+08:00"}},
        "result": {
            "at": {"at": "$.at", "as": "rfc3339", "zone": "-03:30"},
            "day": {"at": "$.day", "as": "time", "format": "%d.%m.%Y", "zone": "+08:00"},
        },
    }
    product.answer = lambda request: {"at": "2026-01-02T03:04:05", "day": "02.01.2026"}
    answer = bound(operations={"x.make": operation}).call("x.make", since="2026-01-01T19:04:05Z")
    assert product.requests[0].json == {"from": "20260102 0304"}
    assert isinstance(answer, Accepted)
    assert answer.value == {"at": "2026-01-02T06:34:05Z", "day": "2026-01-01T16:00:00Z"}


def test_a_time_whose_zone_nobody_says_breaks_the_schema_and_says_how_to_mend_it(bound: Bind, product: Product) -> None:
    answer = read(bound, product, {"at": {"at": "$.at", "as": "rfc3339"}}, {"at": "2026-01-02T03:04:05"})
    assert isinstance(answer, Broken)
    assert answer.kind == "schema"
    assert "$.at: '2026-01-02T03:04:05' is not an RFC 3339 time: it has no offset from UTC" in answer.detail
    assert 'zone = "+08:00"' in answer.detail


def test_zones_are_looked_at_when_the_file_is_read(bound: Bind) -> None:
    operation = {
        "method": "POST",
        "path": "/a",
        "body": {"t": {"from": "t", "as": "time", "zone": "Asia/Shanghai"}},
        "result": {"n": {"at": "$.n", "as": "minor", "zone": "UTC"}, "m": {"at": "$.m", "as": "rfc3339", "zone": 8}},
    }
    with pytest.raises(FileProblems) as caught:
        bound(operations={"x.make": operation})
    found = {problem.path.partition("]")[2]: problem.expected for problem in caught.value.problems}
    assert set(found) == {".body.t.zone", ".result.n.zone", ".result.m.zone"}
    assert "+08:00" in found[".body.t.zone"]
    assert "beside as = 'rfc3339' or 'time'" in found[".result.n.zone"]


# -- one rule of comparison -----------------------------------------------------------------------------------------


@given(value=st.booleans() | st.integers() | st.text())
def test_a_value_is_compared_as_its_text_is(value: Any) -> None:
    assert word(value) == word(str(value))


@pytest.mark.parametrize("said", [False, "False", "false", "FALSE"])
def test_where_is_unless_and_words_compare_alike(bound: Bind, product: Product, said: Any) -> None:
    """The answer says false; however the file says it, all four understand."""
    listed = {
        "path": "/l",
        "result": {"id": {"at": "$.id", "among": "$.all[*]", "where": {"$.disabled": said, "$.number": "7"}}},
    }
    operations = {
        "accounts.read": listed,
        "x.is": {"path": "/a", "error": {"when": "$.ok", "is": [said]}},
        "x.unless": {"path": "/a", "error": {"when": "$.text", "unless": [said]}},
        "x.words": {"path": "/a", "result": {"state": {"at": "$.ok", "words": {str(said): "pending"}}}},
        "x.states": {"path": "/a", "result": {"state": {"at": "$.ok", "as": "state"}}},
    }
    product.answer = lambda request: {
        "ok": False,
        "text": "FALSE",
        "all": [{"id": 1}, {"id": 2, "disabled": False, "number": 7}],
    }
    candidate = bound(operations=operations, mapping={"states": {str(said): "rejected"}})
    assert isinstance(candidate.call("x.is"), Refused)
    for name, value in (
        ("accounts.read", {"id": 2}),
        ("x.words", {"state": "pending"}),
        ("x.states", {"state": "rejected"}),
    ):
        answer = candidate.call(name)
        assert isinstance(answer, Accepted)
        assert answer.value == value
    assert isinstance(candidate.call("x.unless"), Accepted)


def test_our_words_are_looked_up_by_the_same_rule(bound: Bind, product: Product) -> None:
    body = {"on": {"from": "active", "words": {"True": "Y", "false": "N"}}, "n": {"from": "n", "words": {"1": "one"}}}
    candidate = bound(operations={"x.make": {"method": "POST", "path": "/a", "body": body}})
    candidate.call("x.make", active=True, n=1)
    candidate.call("x.make", active=False, n=2)
    assert [request.json for request in product.requests] == [{"on": "Y", "n": "one"}, {"on": "N", "n": 2}]


def test_what_an_item_lacks_fits_nothing(bound: Bind, product: Product) -> None:
    result = {"id": {"at": "$.id", "among": "$[*]", "where": {"$.name": "argument:name"}}}
    assert isinstance(read(bound, product, result, [{"id": 1}], name="MISSING"), Refused)


# -- an answer without a member is a refusal ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "body", "code"),
    [
        ("$.balance", {"id": "a", "is_disabled": False}, "missing"),
        ("$.balance", {"id": "a", "balance": None}, "missing"),
        (["$.id", "$.balance"], {"balance": "1", "code": "unknown"}, "unknown"),
        ("$.balance", {"id": "a", "balance": 0}, None),
        ("$.balance", {"id": "a", "balance": False}, None),
    ],
)
def test_public_data_without_the_private_member_is_a_refusal(
    bound: Bind, product: Product, missing: Any, body: Any, code: str | None
) -> None:
    product.answer = lambda request: body
    operation = {"path": "/a/{account}", "error": {"missing": missing}, "result": {"available": "$.balance"}}
    answer = bound(operations={"accounts.balance": operation}).call("accounts.balance", account="a")
    assert isinstance(answer, Accepted if code is None else Refused)
    assert not isinstance(answer, Refused) or answer.code == code


def test_bytes_lack_no_members(bound: Bind, product: Product) -> None:
    product.answer = lambda request: (200, {"Content-Type": "image/png"}, b"png")
    operation = {"path": "/a", "response": "bytes", "result": {"image": "body:base64"}}
    candidate = bound(operations={"codes.read": operation}, mapping={"error": {"missing": "$.data"}})
    assert isinstance(candidate.call("codes.read"), Accepted)
