"""Templates: what they render is what the driver makes, byte by byte, or there is no template."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_products import PRODUCTS, maker_of, private_key

from conformance.errors import ConfigError
from conformance_load.arrivals import Arrival, Kind
from conformance_load.making import Shot
from conformance_load.presign import Magazine
from conformance_load.templates import Templates, Terms, infer

MAKERS = {product: maker_of(product) for product in PRODUCTS}
REFERENCE = "load-0123456789"


def others(maker):
    def of(terms):
        for number in (5, 11):
            yield maker.terms(number)._replace(debtor=terms.debtor)

    return of


@pytest.mark.parametrize("product", PRODUCTS)
@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, 2**48 - 1), amount=st.integers(1, 10**15), again=st.booleans())
def test_a_template_renders_what_the_driver_makes(product, number, amount, again):
    maker = MAKERS[product]
    templates = TEMPLATES.setdefault(product, Templates(maker.bytes_of, others(maker)))
    terms = maker.terms(number)._replace(amount=amount)
    assert templates.render(terms) == maker.bytes_of(terms)
    assert templates.still_right(terms, templates.render(terms))


TEMPLATES = {}


def source_of(make):
    def source(terms):
        body = make(terms).encode()
        return b"POST / HTTP/1.1\r\nContent-Length: %d\r\nX: %%\r\n\r\n%b" % (len(body), body)

    return source


def plain(terms):
    return f'{{"from":"{terms.debtor}","to":"{terms.creditor}","amount":{terms.amount},"ref":"{terms.reference}"}}'


TERMS = Terms(REFERENCE, "a", "acc-2", 907)
OTHERS = [Terms("load-9876543210", "a", "acc-31", 12)]


def test_a_percent_sign_in_the_constant_part_stays_one():
    source = source_of(lambda terms: plain(terms) + " 50% %b %d")
    template = infer(TERMS, iter(OTHERS), source)
    assert template.render(OTHERS[0]) == source(OTHERS[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda terms, count=itertools.count(): plain(terms) + str(next(count)),
        lambda terms: plain(terms) + str(hash(terms)),
        lambda terms: plain(terms) + str(terms.amount * 2),
        lambda terms: plain(terms) + terms.reference[::-1],
        lambda terms: plain(terms) + ("big" if terms.amount > 10_000 else "small"),
        lambda terms: plain(terms) + ("x" if terms.creditor == "acc-2" else "y"),
    ],
    ids=["nonce", "signature", "twice-the-amount", "reversed", "by-size", "by-creditor"],
)
def test_what_follows_from_more_than_the_terms_has_no_template(make):
    assert infer(TERMS, iter(OTHERS), source_of(make)) is None


def test_bytes_that_are_no_request_have_no_template():
    assert infer(TERMS, iter(OTHERS), lambda terms: b"nothing") is None


def test_each_debtor_has_a_template_of_its_own():
    source = source_of(lambda terms: plain(terms) + f"key of {terms.debtor}")
    templates = Templates(source, lambda terms: (other._replace(debtor=terms.debtor) for other in OTHERS))
    for debtor in ("a", "b", "a"):
        terms = TERMS._replace(debtor=debtor, amount=5)
        assert templates.render(terms) == source(terms)


# -- magazines: a run's requests ------------------------------------------------------------------------------------


ARRIVALS = [Arrival(Kind.PAYMENT, number) for number in range(30)]
ARRIVALS += [Arrival(Kind.ALTERED, 3), Arrival(Kind.REPLAY, 4), Arrival(Kind.TWIN, 29)]


def made_ahead(maker, arrival):
    terms = maker.terms(arrival.number)
    if arrival.kind is Kind.ALTERED:
        return Shot(
            arrival.kind, arrival.number, maker.bytes_of(terms._replace(amount=terms.amount + 1)), maker.bytes_of(terms)
        )
    return Shot(arrival.kind, arrival.number, maker.bytes_of(terms))


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_magazine_holds_what_the_driver_makes(product):
    maker = MAKERS[product]
    magazine = Magazine(maker, cpu_s_max=60)
    assert magazine.shots(ARRIVALS) == [made_ahead(maker, arrival) for arrival in ARRIVALS]
    written = magazine.cost.as_json()
    assert (written["how"], written["requests"]) == ("template", len(ARRIVALS) + 1)
    assert written["cpuUsPerRequest"] >= 1


def signing_maker(monkeypatch, **signing):
    monkeypatch.setenv("LOAD_SIGNER", private_key())
    key = {"algorithm": "ecdsa-p256-sha256", "keyid": "k", "key": {"env": "LOAD_SIGNER"}, **signing}
    return maker_of(user={"signing": key})


def test_signed_requests_are_made_ahead_and_every_signature_is_its_own(monkeypatch):
    maker = signing_maker(monkeypatch)
    told = []
    object.__setattr__(maker.context, "progress", lambda done, total, note: told.append(note))
    magazine = Magazine(maker, cpu_s_max=60)
    shots = magazine.shots(ARRIVALS)
    assert magazine.cost.as_json()["how"] == "made ahead"
    assert len({shot.data for shot in shots}) == len(shots)
    assert all(b"\r\nSignature: " in shot.data for shot in shots)
    assert "s of CPU left" in told[0]


def test_what_would_take_too_long_to_sign_is_refused_before_it_is_spent(monkeypatch):
    maker = signing_maker(monkeypatch)
    with pytest.raises(ConfigError) as refusal:
        Magazine(maker, cpu_s_max=1).shots([Arrival(Kind.PAYMENT, number % 1000) for number in range(400_000)])
    assert "making 400,000 requests ready takes" in str(refusal.value)
    assert refusal.value.where == "load.prepare_s_max"
    assert "raise prepare_s_max" in refusal.value.remedy


def test_a_template_that_turns_wrong_is_dropped_and_its_requests_are_made_again():
    maker = maker_of()
    original, calls = maker.bytes_of, itertools.count()
    # Five debtors and the empty account take some sixty calls; the next one is a proof.
    maker.bytes_of = lambda terms: original(terms) + (b"later" if next(calls) > 60 else b"")
    shots = Magazine(maker, cpu_s_max=60).shots([Arrival(Kind.PAYMENT, number) for number in range(2500)])
    assert len(shots) == 2500
    wrong = [place for place, shot in enumerate(shots) if not shot.data.endswith(b"later")]
    assert wrong in ([], [0])
