"""The one door for plugins: everything a suite, a driver or a rendering may import from the harness."""

from conformance.model.candidate import CandidateFile, Effect
from conformance.model.fault import Fault, Trip
from conformance.model.text import Text
from conformance.sdk.answers import Accepted, Answer, Broken, BrokenKind, Exchange, Refused, describe
from conformance.sdk.candidate import Account, Candidate, Pool
from conformance.sdk.checks import CheckDeclaration, check, declaration_of
from conformance.sdk.context import Measurements, Params
from conformance.sdk.drivers import Driver, DriverFactory, HttpDoor, RawSocket, Recorder, Sighting, WireMessage
from conformance.sdk.evidence import Evidence
from conformance.sdk.findings import Finding, Inconclusive, NotApplicable, NotOffered, NotTested, Undecided
from conformance.sdk.load import Lifetime, LoadContext, Spawned, WireDriver, WireRequest
from conformance.sdk.observe import Observer, ObserverFactory, Outlook
from conformance.sdk.pause import Pause, pause
from conformance.sdk.prepared import Edit, Prepared, Stage
from conformance.sdk.reference import (
    Bank,
    Clock,
    ContractPart,
    Database,
    FaultBoard,
    Host,
    Listener,
    Principal,
    Problem,
    ReferencePart,
    SecretsPart,
    UsersPart,
)
from conformance.sdk.sentences import accepted, eventually, expect, must_accept, refused, unthrottled
from conformance.sdk.suite import Scenario, Suite

__all__ = [
    "Accepted",
    "Account",
    "Answer",
    "Bank",
    "Broken",
    "BrokenKind",
    "Candidate",
    "CandidateFile",
    "CheckDeclaration",
    "Clock",
    "ContractPart",
    "Database",
    "Driver",
    "DriverFactory",
    "Edit",
    "Effect",
    "Evidence",
    "Exchange",
    "Fault",
    "FaultBoard",
    "Finding",
    "Host",
    "HttpDoor",
    "Inconclusive",
    "Lifetime",
    "Listener",
    "LoadContext",
    "Measurements",
    "NotApplicable",
    "NotOffered",
    "NotTested",
    "Observer",
    "ObserverFactory",
    "Outlook",
    "Params",
    "Pause",
    "Pool",
    "Prepared",
    "Principal",
    "Problem",
    "RawSocket",
    "Recorder",
    "ReferencePart",
    "Refused",
    "Scenario",
    "SecretsPart",
    "Sighting",
    "Spawned",
    "Stage",
    "Suite",
    "Text",
    "Trip",
    "Undecided",
    "UsersPart",
    "WireDriver",
    "WireMessage",
    "WireRequest",
    "accepted",
    "check",
    "declaration_of",
    "describe",
    "eventually",
    "expect",
    "must_accept",
    "pause",
    "refused",
    "unthrottled",
]
