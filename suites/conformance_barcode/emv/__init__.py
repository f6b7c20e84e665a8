"""Payment-code payloads, pure: what a code says, which rules it breaks, and how to build one.

EMVCo merchant-presented and consumer-presented codes, national overlays, line formats, payment URIs and numeric
payment codes. Nothing here touches a network, a file of the user or an image.
"""

from conformance_barcode.emv.judge import Judgement, judge
from conformance_barcode.emv.rules import Breach, Side, Verdict

__all__ = ["Breach", "Judgement", "Side", "Verdict", "judge"]
