"use strict";
// Convenience only: filters, language, appearance, copying. The page says everything without it.
(() => {
  const FACETS = ["outcome", "suite", "severity", "method"];
  const root = document.documentElement;
  const rows = [...document.querySelectorAll(".row")];
  const items = [...document.querySelectorAll(".filterable")];
  const chips = [...document.querySelectorAll(".chip")];
  const text = document.getElementById("filter-text");
  const count = document.getElementById("shown-count");
  const note = document.getElementById("filtered-note");
  const words = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));

  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

  function choose(name, value) {
    const input = [...document.getElementsByName(name)].find((item) => item.value === value);
    if (input) input.checked = true;
  }

  // The fragment: facet=value,-value&q=words&lang=…&theme=…; every value is encoded before it is joined by commas.
  function writeFragment() {
    const parts = [];
    for (const facet of FACETS) {
      const values = chips
        .filter((chip) => chip.dataset.facet === facet && chip.getAttribute("aria-pressed") !== "false")
        .map((chip) => (chip.getAttribute("aria-pressed") === "mixed" ? "-" : "") + encodeURIComponent(chip.dataset.value));
      if (values.length) parts.push(`${facet}=${values.join(",")}`);
    }
    if (text.value.trim()) parts.push(`q=${encodeURIComponent(text.value.trim())}`);
    if (chosen("language") !== "en") parts.push(`lang=${chosen("language")}`);
    if (chosen("theme") !== "auto") parts.push(`theme=${chosen("theme")}`);
    history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
  }

  function decoded(value) {
    try {
      return decodeURIComponent(value);
    } catch {
      return value;
    }
  }

  function readFragment() {
    const fragment = location.hash.slice(1);
    if (!fragment.includes("=")) return false;
    const found = new Map(fragment.split("&").map((part) => [part.split("=")[0], part.slice(part.indexOf("=") + 1)]));
    for (const chip of chips) {
      const values = (found.get(chip.dataset.facet) ?? "").split(",").filter(Boolean);
      const included = values.some((value) => !value.startsWith("-") && decoded(value) === chip.dataset.value);
      const excluded = values.some((value) => value.startsWith("-") && decoded(value.slice(1)) === chip.dataset.value);
      chip.setAttribute("aria-pressed", included ? "true" : excluded ? "mixed" : "false");
    }
    text.value = decoded(found.get("q") ?? "");
    if (found.has("lang")) choose("language", found.get("lang"));
    if (found.has("theme")) choose("theme", found.get("theme"));
    return true;
  }

  function facetTest(facet) {
    const pressed = (state) =>
      chips.filter((chip) => chip.dataset.facet === facet && chip.getAttribute("aria-pressed") === state).map((chip) => chip.dataset.value);
    const wanted = pressed("true");
    const unwanted = pressed("mixed");
    return (item) => (!wanted.length || wanted.includes(item.dataset[facet])) && !unwanted.includes(item.dataset[facet]);
  }

  function textTest() {
    const terms = text.value.toLowerCase().split(/\s+/).filter((term) => term && term !== "-");
    return (item) =>
      terms.every((term) => (term.startsWith("-") ? !words.get(item).includes(term.slice(1)) : words.get(item).includes(term)));
  }

  function apply() {
    const tests = [...FACETS.map(facetTest), textTest()];
    for (const item of items) item.hidden = !tests.every((test) => test(item));
    for (const body of document.querySelectorAll(".matrix tbody")) {
      body.hidden = !body.querySelector(".row:not([hidden])");
    }
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = String(shown);
    note.hidden = shown === rows.length;
    root.lang = chosen("language");
  }

  function changed() {
    apply();
    writeFragment();
  }

  function cycle(chip) {
    const next = { false: "true", true: "mixed", mixed: "false" };
    chip.setAttribute("aria-pressed", next[chip.getAttribute("aria-pressed")]);
    changed();
  }

  function clear() {
    for (const chip of chips) chip.setAttribute("aria-pressed", "false");
    text.value = "";
    changed();
  }

  // A link to a row that a filter hides shows it all the same.
  function reveal() {
    const target = document.getElementById(location.hash.slice(1));
    const body = target?.closest("tbody");
    if (body) body.hidden = false;
    if (target?.hidden) target.hidden = false;
    target?.scrollIntoView();
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.dataset.copied = "yes";
      const before = [...button.childNodes].map((node) => node.cloneNode(true));
      button.textContent = root.lang === "zh-CN" ? "已复制" : "Copied";
      setTimeout(() => button.replaceChildren(...before), 1500);
    } catch {
      getSelection().selectAllChildren(code);
    }
  }

  function follow() {
    if (!location.hash) return;
    const wanted = location.hash;
    if (readFragment()) {
      changed();
      if (/^#(outcome|suite|severity|method)=/.test(wanted)) document.getElementById("matrix").scrollIntoView();
    } else {
      reveal();
    }
  }

  for (const chip of chips) chip.addEventListener("click", () => cycle(chip));
  for (const input of document.querySelectorAll(".switch input")) input.addEventListener("change", changed);
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  text.addEventListener("input", changed);
  document.getElementById("filter-clear").addEventListener("click", clear);
  addEventListener("hashchange", follow);
  document.querySelector(".filters").hidden = false;
  document.querySelector(".shown").hidden = false;
  readFragment();
  apply();
  if (location.hash) follow();
})();
