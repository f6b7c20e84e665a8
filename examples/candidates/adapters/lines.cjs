// The stdio driver's other end: one JSON object per line in, one out. Copy it beside an adapter of your own.
const readline = require("node:readline");

/** How a library says no; anything else that it throws is a defect. */
class Refusal extends Error {}

function serve(operations) {
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const { operation, arguments: given } = JSON.parse(line);
    let answer;
    try {
      answer = { result: operations[operation](given) };
    } catch (error) {
      const no = error instanceof Refusal;
      answer = no ? { refused: { code: "refused", detail: error.message } } : { error: String(error) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  });
}

module.exports = { Refusal, serve };
