// Opens a rendered report in a real browser, uses it, and prints what it saw as one JSON object.
// node html_browser.mjs CACHE CHROMIUM FILE: CACHE holds node_modules/playwright-core.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [cache, executablePath, file] = process.argv.slice(2);
const { chromium } = createRequire(join(cache, "package.json"))("playwright-core");
const address = pathToFileURL(file).href;
const seen = { requests: [], console: [], errors: [] };

const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

async function open(options = {}, fragment = "") {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light", ...options });
  const page = await context.newPage();
  page.on("request", (request) => request.url().split("#")[0] !== address && seen.requests.push(request.url()));
  page.on("console", (message) => seen.console.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  await page.goto(address + fragment);
  return page;
}

const rows = (page) => page.locator(".row:visible").evaluateAll((items) => items.map((item) => item.id.slice("requirement-".length)));
const fragment = (page) => page.evaluate(() => location.hash);
const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const chip = (page, facet, value) => page.locator(`.chip[data-facet="${facet}"][data-value="${value}"]`);
const verdict = (page) => page.locator("#verdict-h .value").innerText();

async function filters() {
  const page = await open();
  const result = { all: await rows(page) };
  await chip(page, "outcome", "failed").click();
  result.failed = await rows(page);
  result.failedFragment = await fragment(page);
  result.findings = await page.locator(".finding:visible").count();
  result.note = await page.locator("#filtered-note").isVisible();
  await chip(page, "outcome", "failed").click();
  result.notFailed = await rows(page);
  result.notFailedFragment = await fragment(page);
  result.pressed = await chip(page, "outcome", "failed").getAttribute("aria-pressed");
  await chip(page, "suite", "security").click();
  await page.fill("#filter-text", "tls -alpn");
  result.text = await rows(page);
  await page.fill("#filter-text", "tls");
  result.combined = await rows(page);
  result.combinedFragment = await fragment(page);
  const again = await open({}, result.combinedFragment);
  result.reopened = await rows(again);
  result.reopenedText = await again.inputValue("#filter-text");
  await again.click("#filter-clear");
  result.cleared = (await rows(again)).length;
  result.clearedFragment = await fragment(again);
  await again.click('.tally a[href="#outcome=not%20tested"]');
  result.tally = await rows(again);
  await again.evaluate(() => { location.hash = "#requirement-SEC-V06"; });
  await again.waitForFunction(() => !document.getElementById("requirement-SEC-V06").hidden);
  result.revealed = await rows(again);
  return result;
}

async function switches() {
  const page = await open();
  const result = { english: await verdict(page), light: await ground(page) };
  await page.click('label[for="lang-zh"]');
  result.chinese = await verdict(page);
  result.language = await page.evaluate(() => document.documentElement.lang);
  await page.click('label[for="theme-dark"]');
  result.dark = await ground(page);
  result.fragment = await fragment(page);
  const again = await open({}, result.fragment);
  result.reopened = [await verdict(again), await ground(again)];
  result.followsSystem = await ground(await open({ colorScheme: "dark" }));
  return result;
}

async function copying() {
  const page = await open();
  await page.locator(".replay .copy").first().click();
  await page.waitForFunction(() => document.querySelector(".copy[data-copied]") || String(getSelection()));
  return { curl: (await page.locator(".replay code").first().innerText()).startsWith("curl ") };
}

async function withoutScripts() {
  const page = await open({ javaScriptEnabled: false });
  const result = { english: await verdict(page), filters: await page.locator(".filters").isVisible() };
  await page.click('label[for="lang-zh"]');
  result.chinese = await verdict(page);
  result.rows = await page.locator(".row:visible").count();
  return result;
}

async function sizes() {
  const page = await open({ viewport: { width: 390, height: 844 } });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const paper = await open({ colorScheme: "dark" });
  await paper.emulateMedia({ media: "print" });
  const exchange = await paper.locator(".exchange .messages").first().isVisible();
  const bar = await paper.locator(".bar").isVisible();
  const ink = await paper.evaluate(() => getComputedStyle(document.body).color);
  const pdf = (await paper.pdf({ preferCSSPageSize: true })).subarray(0, 5).toString();
  return { overflow, print: { exchange, bar, ink, pdf } };
}

async function attacked() {
  const page = await open();
  await page.locator("details").evaluateAll((items) => items.forEach((item) => { item.open = true; }));
  const shown = await page.locator("body").innerText();
  return { pwned: await page.evaluate(() => window.pwned ?? null), shown: shown.includes("<script>window.pwned=1</script>") };
}

const report = {
  filters: await filters(), switches: await switches(), copying: await copying(),
  withoutScripts: await withoutScripts(), sizes: await sizes(), attacked: await attacked(),
};
await browser.close();
console.log(JSON.stringify({ ...report, ...seen }));
