"""vietqr-emvco 1.0.0 (MIT): makes and reads VietQR codes."""

from lines import serve
from vietqr_emvco import VietQRGenerator, VietQRParser

CURRENCIES = {"704": "VND"}  # the dong has no minor unit: amounts pass as they are


def create(arguments):
    generator = VietQRGenerator(bank="VIETCOMBANK", account=arguments["account"])
    payload = generator.generate(arguments.get("amount"), arguments.get("order"), arguments["name"])
    return {"code": payload, "payload": payload, "order": arguments.get("order")}


def parse(arguments):
    if not VietQRParser.verify_checksum(arguments["payload"]):
        raise ValueError("verify_checksum says no")
    found = VietQRParser.parse(arguments["payload"])
    return {
        "kind": "mpm",
        "name": found["merchant_name"] or None,
        "country": found["country_code"],
        "currency": CURRENCIES.get(found["currency"], found["currency"]),
        "amount": None if found["amount"] is None else int(found["amount"]),
    }


serve({"codes.create": create, "codes.parse": parse})
