"""konthaina-khqr 0.1.7 (MIT): makes KHQR codes, checks their CRC, and draws them with ``qrcode``."""

import base64
import io

import qrcode
from konthaina_khqr import Currency, KHQRGenerator, MerchantType, verify
from konthaina_khqr.decode import decode
from konthaina_khqr.exceptions import KHQRValidationError
from lines import serve


def create(arguments):
    generator = KHQRGenerator(MerchantType.INDIVIDUAL).set_bakong_account_id(arguments["account"])
    generator.set_merchant_name(arguments["name"]).set_merchant_city(arguments["city"])
    generator.set_currency(Currency.USD).set_bill_number(arguments.get("order"))
    if "language" in arguments:
        generator.set_language_preference(arguments["language"])
        generator.set_merchant_name_alternate(arguments["local_name"])
    if "amount" in arguments:
        generator.set_amount(arguments["amount"] / 100)
    payload = generator.generate().qr
    return {"code": payload, "payload": payload, "order": arguments.get("order")}


def image(arguments):
    buffer = io.BytesIO()
    qrcode.make(arguments["code"]).save(buffer)  # as the library's own command line does
    return {"png": base64.b64encode(buffer.getvalue()).decode(), "content_type": "image/png"}


def parse(arguments):
    if not verify(arguments["payload"]):
        raise ValueError("verify says no")
    found = decode(arguments["payload"])
    amount = None if "54" not in found else round(float(found["54"]) * 100)
    currency = {"840": "USD", "116": "KHR"}.get(found.get("53"), found.get("53"))
    return {"kind": "mpm", "name": found.get("59"), "city": found.get("60"), "country": found.get("58")} | {
        "currency": currency,
        "amount": amount,
    }


serve({"codes.create": create, "codes.image": image, "codes.parse": parse}, (ValueError, KHQRValidationError))
