// promptparse 1.6.0 (MIT): makes PromptPay codes and reads any EMVCo code.
const { generate, parse } = require("promptparse");
const { Refusal, serve } = require("./lines.cjs");

const CURRENCIES = { 764: "THB", 156: "CNY", 986: "BRL", 840: "USD", 704: "VND", 392: "JPY", 702: "SGD", 344: "HKD" };
Object.assign(CURRENCIES, { 356: "INR", 116: "KHR", 418: "LAK", 952: "XOF", 360: "IDR", 458: "MYR" });
const WITHOUT_CENTS = new Set(["JPY", "VND", "XOF"]);

function create({ account, amount, order }) {
  const payload = generate.anyId({ type: "MSISDN", target: account, amount: amount === undefined ? null : amount / 100 });
  return { code: payload, payload, order };
}

function read({ payload }) {
  const found = parse(payload, true, true);
  if (!found) throw new Refusal("parse returned null");
  const value = (id) => found.getTagValue(id) ?? null;
  const currency = CURRENCIES[value("53")] ?? value("53");
  const factor = WITHOUT_CENTS.has(currency) ? 1 : 100;
  const amount = value("54") === null ? null : Math.round(Number(value("54")) * factor);
  return { kind: "mpm", name: value("59"), city: value("60"), country: value("58"), currency, amount };
}

serve({ "codes.create": create, "codes.parse": read });
