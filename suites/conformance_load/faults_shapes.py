"""Defects of the reference candidate that only some shapes of load bring out."""

from conformance.sdk import Fault, Text, Trip

FAULTS = (
    Fault(
        "load.decay",
        Text("Every payment makes the next one slower", "每笔支付都使下一笔更慢"),
        (Trip("LOAD-P04", "in the last quarter of the run and"),),
    ),
    Fault(
        "load.cliff",
        Text("Above fifty payments in a second, everything is turned away", "每秒超过五十笔时拒绝一切请求"),
        (Trip("LOAD-P05", "the product falls off a cliff in second"),),
    ),
    Fault(
        "load.bunched",
        Text("Payments that arrive together are turned away", "同时到达的支付被拒绝"),
        (Trip("LOAD-P06", "independent arrivals at 30 per second are not carried"),),
    ),
)
