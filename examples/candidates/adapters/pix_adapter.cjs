// pix-utils 2.8.2 (MIT): makes and reads static PIX codes.
const { createStaticPix, hasError, isStaticPix, parsePix } = require("pix-utils");
const { Refusal, serve } = require("./lines.cjs");

function sound(pix) {
  if (hasError(pix)) throw new Refusal(pix.message);
  return pix;
}

function create({ account, amount, name, city, order }) {
  const pix = sound(
    createStaticPix({
      pixKey: account,
      merchantName: name,
      merchantCity: city,
      txid: order,
      transactionAmount: amount === undefined ? undefined : amount / 100,
    }),
  );
  const payload = pix.toBRCode();
  return { code: payload, payload, order };
}

function read({ payload }) {
  const pix = sound(parsePix(payload));
  const amount = isStaticPix(pix) && pix.transactionAmount ? Math.round(pix.transactionAmount * 100) : null;
  const currency = pix.transactionCurrency === "986" ? "BRL" : pix.transactionCurrency;
  const answer = { kind: "mpm", name: pix.merchantName, city: pix.merchantCity, country: pix.countryCode, currency };
  return isStaticPix(pix) ? { ...answer, amount } : answer;
}

serve({ "codes.create": create, "codes.parse": read });
