"""Tokens and signatures in requests that were made ready: renewed where they can be, else a run that outlives them is
refused, and a refusal by the product for their sake is never its failure."""

import time

import gevent
import pytest
from load_products import maker_of

from conformance.candidate.auth import Authentication
from conformance.candidate.callers import Caller
from conformance.candidate.secrets import Secrets
from conformance.errors import ConfigError
from conformance.model.candidate import CandidateFile
from conformance.sdk import Accepted, Exchange, Lifetime
from conformance_load import payments_run
from conformance_load.arrivals import Arrival, Kind
from conformance_load.flow import Reply, Times, now_ns
from conformance_load.freshness import Freshness
from conformance_load.journal import PaymentJournal
from conformance_load.making import Shot
from conformance_load.payments import PaymentWork
from conformance_load.presign import Magazine

ARRIVALS = [Arrival(Kind.PAYMENT, number) for number in range(30)]
S = 1_000_000_000


class Issuer:
    """Issues tokens that last ``lasts_s``; ``fetched`` counts them."""

    def __init__(self, lasts_s):
        self.lasts_s, self.fetched = lasts_s, 0

    def lifetime(self, left_s=None):
        return Lifetime("the token of payer", left_s or self.lasts_s, self.text, self.renew)

    @property
    def text(self):
        return "a-token" if not self.fetched else f"token-{self.fetched}"

    def renew(self):
        self.fetched += 1
        return self.lifetime()


def with_lifetimes(maker, *lifetimes, monkeypatch):
    monkeypatch.setattr(type(maker.driver), "lifetimes", lambda self, prepared: lifetimes)
    return maker


def test_a_token_that_runs_out_is_replaced_in_requests_made_by_template(monkeypatch):
    issuer = Issuer(lasts_s=1)
    maker = with_lifetimes(maker_of(), issuer.lifetime(left_s=0.1), monkeypatch=monkeypatch)
    (shot, *_) = Magazine(maker, 60, run_s=0.05).shots(ARRIVALS)
    assert b"Bearer a-token\r\n" in shot.data
    time.sleep(0.1)
    maker.fresh.renew_due()
    maker.fresh.stop()
    assert maker.fresh.renewed(shot.data) == shot.data.replace(b"a-token", b"token-1")
    work = PaymentWork(maker, [Shot(Kind.PAYMENT, 0, shot.data)], None)
    assert work.request(0) == (shot.data.replace(b"a-token", b"token-1"), False)


def test_tokens_are_renewed_before_they_run_out():
    issuer = Issuer(lasts_s=0.2)
    fresh = Freshness(10)
    candidate = type("C", (), {"driver": type("D", (), {"lifetimes": lambda self, prepared: (issuer.lifetime(),)})()})
    fresh.note(candidate, None)
    fresh.keep()
    for _ in range(10):
        gevent.sleep(0.1)
        assert not fresh.is_over(now_ns())
    fresh.stop()
    assert 4 <= issuer.fetched <= 8


def test_a_token_that_would_not_last_is_fetched_anew_before_anything_is_made(monkeypatch):
    issuer = Issuer(lasts_s=900)
    maker = with_lifetimes(maker_of(), issuer.lifetime(left_s=10), monkeypatch=monkeypatch)
    Magazine(maker, 60, run_s=60).shots(ARRIVALS)
    maker.fresh.stop()
    assert issuer.fetched == 1
    maker.fresh.require(before_s=800)


def test_a_run_that_outlives_its_signatures_is_refused_before_it_starts(monkeypatch):
    signing = {"scheme": "rfc9421", "algorithm": "hmac-sha256", "keyid": "k", "key": "c2VjcmV0LXNlY3JldA=="}
    maker = maker_of(user={"signing": {**signing, "expires_s": 30}})
    Magazine(maker, 60, run_s=20).shots(ARRIVALS)
    with pytest.raises(ConfigError, match=r"the signature of payer lasts 30 s.* the run takes 45 s") as refusal:
        Magazine(maker, 60, run_s=45).shots(ARRIVALS)
    assert "Shorten the run" in refusal.value.remedy
    assert refusal.value.blame == "CONFIG"


def test_signed_requests_whose_token_runs_out_are_refused_too(monkeypatch):
    signing = {"scheme": "rfc9421", "algorithm": "hmac-sha256", "keyid": "k", "key": "c2VjcmV0LXNlY3JldA=="}
    maker = maker_of(user={"signing": signing})
    issuer = Issuer(lasts_s=3600)
    with_lifetimes(maker, issuer.lifetime(), monkeypatch=monkeypatch)
    with pytest.raises(ConfigError, match=r"the token of payer lasts 3600 s"):
        Magazine(maker, 60, run_s=8 * 3600).shots(ARRIVALS)


def test_refusals_after_a_credential_ran_out_are_not_the_products(tmp_path):
    maker = maker_of()
    fresh = maker.fresh = Freshness(10)
    candidate = type("C", (), {"driver": type("D", (), {"lifetimes": lambda *_: (Lifetime("the token of x", 5),)})()})
    fresh.note(candidate, None)
    refused = Reply(401, {"Content-Type": "application/json"}, b'{"code": "unauthorized"}')
    with PaymentJournal.create(tmp_path / "j", 30) as journal:
        work = PaymentWork(maker, [Shot(Kind.PAYMENT, number, b"x") for number in range(3)], journal)
        for number, at in enumerate((now_ns(), now_ns() + 6 * S, now_ns() + 7 * S)):
            work.request(number)
            work.sending(number, at)
            assert work.answered(number, refused, Times(at, at, at + 1)) == "refused"
    assert work.expired == 2
    wave = type("Wave", (), {"told": {"expired": 2}, "reasons": []})()
    (reason,) = payments_run.believed(wave).reasons
    assert reason.startswith("2 payments were refused with 401 after")
    assert wave.told == {}


@pytest.mark.parametrize(
    ("settings", "answer", "left"),
    [
        ({}, {"expires_in": 900}, 900),
        ({"expires_in": 60}, {"expires_in": 900}, 60),
        ({}, {}, None),
    ],
)
def test_the_session_says_how_long_a_token_lasts_where_somebody_said_so(settings, answer, left):
    file = CandidateFile(
        "P", "1", "http://127.0.0.1:9", users={"x": {"scheme": "oauth2", "client_id": "x", **settings}}
    )
    asked = []

    def ask(operation, caller):
        asked.append(operation)
        return Accepted({"access_token": f"token-{len(asked)}", **answer}, Exchange(1, 200))

    secrets = Secrets.of(file, type("R", (), {"check": "", "run": ""})())
    authentication = Authentication(ask, secrets)
    found = authentication.lifetimes(Caller("x", file, secrets))
    if left is None:
        assert found == ()
        return
    assert found[0].text == "token-1"
    assert left - 1 < found[0].left_s <= left
    assert found[0].renew().text == "token-2"
