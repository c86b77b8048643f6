// The list of cases: rows are drawn as they come into sight, a case is parsed when it is opened.
"use strict";
(() => {
  const MOST_ROWS = 300000; // what a browser can place below each other
  const BEYOND = 600; // pixels that are drawn above and below what is in sight
  const SLICE = 12; // milliseconds of searching, before the page may do something else
  const ORDER = ["failed", "changed", "missing", "error", "new", "skipped", "passed"];
  const NAMES = [
    "spec", "name", "verdict", "causes", "tags", "model", "seconds", "cost", "tokens", "gist",
    "samples",
  ];

  const find = (id) => document.getElementById(id);
  const form = find("filters"), list = find("list"), count = find("count"), none = find("none");
  const fields = form.elements;
  const blocks = document.getElementsByClassName("cases"); // grows while the page is read

  const rows = [];
  for (const block of document.querySelectorAll(".rows")) {
    for (const values of JSON.parse(block.textContent)) {
      const row = Object.fromEntries(NAMES.map((name, at) => [name, values[at]]));
      row.id = `${row.spec}::${row.name}`;
      row.at = rows.length;
      rows.push(row);
    }
    block.remove();
  }

  function readHead(row) {
    const told = [row.id, row.model, row.gist, ...row.tags, ...row.causes];
    row.head ??= fold(told.join("\n"));
    return row.head;
  }

  function fold(text) {
    return text.normalize("NFC").toLowerCase();
  }

  // ── What is shown ──────────────────────────────────────────────────────────────────────────

  let shown = []; // indices of rows, in the order of the list
  let placeOf = new Map(); // index → its place in `shown`
  let search = 0; // the number of the newest search; an older one gives up
  const opened = new Map(); // index → {panel, height}
  const drawn = new Map(); // index → element

  const sorts = {
    "": (a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || a.at - b.at,
    run: (a, b) => a.at - b.at,
    name: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
    slow: (a, b) => (b.seconds ?? -1) - (a.seconds ?? -1) || a.at - b.at,
    cost: (a, b) => (b.cost ?? -1) - (a.cost ?? -1) || a.at - b.at,
  };

  function readFilters() {
    const verdicts = [...form.querySelectorAll("[name=verdict]:checked")].map((one) => one.value);
    const words = fold(fields.q.value).split(/\s+/).filter(Boolean);
    return {
      verdicts, words, cause: fields.cause.value, spec: fields.spec.value, tag: fields.tag.value,
      sort: fields.sort.value,
    };
  }

  function fits(row, wanted) {
    return (!wanted.verdicts.length || wanted.verdicts.includes(row.verdict))
      && (!wanted.cause || row.causes.includes(wanted.cause))
      && (!wanted.spec || row.spec === wanted.spec)
      && (!wanted.tag || row.tags.includes(wanted.tag));
  }

  function apply() {
    const wanted = readFilters(), mine = ++search;
    const candidates = rows.filter((row) => fits(row, wanted)).sort(sorts[wanted.sort]);
    if (!wanted.words.length) {
      show(candidates, "");
      return;
    }
    const found = new Set(), left = [];
    for (const row of candidates) {
      if (wanted.words.every((word) => readHead(row).includes(word))) found.add(row);
      else left.push(row);
    }
    const tell = (more) => show(candidates.filter((row) => found.has(row)), more);
    tell(left.length ? ", still searching" : "");
    left.sort((a, b) => a.at - b.at); // so that each block is read once
    let at = 0, told = found.size;
    const go = () => {
      if (mine !== search) return;
      const until = performance.now() + SLICE;
      while (at < left.length && performance.now() < until) {
        const row = left[at];
        const text = readText(row.at);
        if (text === null) break; // the page is still being read
        if (wanted.words.every((word) => readHead(row).includes(word) || text.includes(word))) {
          found.add(row);
        }
        at++;
      }
      const done = at === left.length;
      if (done || found.size > told) {
        told = found.size;
        tell(done ? "" : ", still searching");
      }
      if (!done) setTimeout(go, 0);
    };
    go();
  }

  function show(found, more) {
    const some = found.slice(0, MOST_ROWS);
    shown = some.map((row) => row.at);
    placeOf = new Map(shown.map((index, place) => [index, place]));
    const total = rows.length.toLocaleString("en");
    const number = found.length.toLocaleString("en");
    const all = found.length === rows.length;
    const beyond = found.length > some.length ? `, the first ${some.length.toLocaleString("en")} listed` : "";
    count.textContent = (all ? `${total} ${rows.length === 1 ? "case" : "cases"}` : `${number} of ${total} cases`) + beyond + more;
    none.hidden = found.length > 0 || more !== "";
    draw(true);
  }

  // ── The text of a case, for searching ──────────────────────────────────────────────────────

  const texts = new Map(); // number of a block → the texts of its cases
  const ENTITIES = { "&lt;": "<", "&gt;": ">", "&#39;": "'", "&#34;": '"', "&amp;": "&" };

  function firstOf(number) {
    return Number(blocks[number].dataset.first);
  }

  function findBlock(index) {
    // The last block that does not begin behind that case.
    let low = 0, high = blocks.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (firstOf(middle) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  function readBlock(number) {
    // The last block may be read in part only, until the page is complete.
    const block = blocks[number];
    const whole = document.readyState !== "loading" || blocks.length > number + 1;
    return block && whole ? JSON.parse(block.textContent) : null;
  }

  function readText(index) {
    const number = findBlock(index);
    if (!texts.has(number)) {
      const cases = readBlock(number);
      if (!cases) return null;
      texts.set(number, cases.map(strip));
    }
    return texts.get(number)[index - firstOf(number)] ?? null;
  }

  function strip(html) {
    // The server escapes every `<` and `>` of a text and of an attribute.
    const text = html
      .replace(/<\/?(?:mark|bdi|span|b|code)\b[^>]*>/g, "")
      .replace(/<[^>]*>/g, "\n")
      .replace(/&(?:lt|gt|amp|#39|#34);/g, (entity) => ENTITIES[entity]);
    return fold(text);
  }

  // ── Places ─────────────────────────────────────────────────────────────────────────────────

  let rowHeight = 44;

  function measure() {
    rowHeight = parseFloat(getComputedStyle(list).getPropertyValue("--row")) || 44;
  }

  function openPlaces() {
    return [...opened]
      .filter(([index]) => placeOf.has(index))
      .map(([index, one]) => [placeOf.get(index), one.height])
      .sort((a, b) => a[0] - b[0]);
  }

  function topOf(place) {
    let top = place * rowHeight;
    for (const [other, height] of openPlaces()) if (other < place) top += height;
    return top;
  }

  function placeAt(y) {
    let extra = 0;
    for (const [place, height] of openPlaces()) {
      const top = place * rowHeight + extra;
      if (y < top + rowHeight) break;
      if (y < top + rowHeight + height) return place;
      extra += height;
    }
    return Math.max(0, Math.min(shown.length - 1, Math.floor((y - extra) / rowHeight)));
  }

  // ── Drawing ────────────────────────────────────────────────────────────────────────────────

  let waiting = false;

  function drawSoon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw(false);
    });
  }

  function draw(anew) {
    const y = -list.getBoundingClientRect().top;
    const wanted = new Set();
    if (shown.length) {
      const first = placeAt(y - BEYOND), last = placeAt(y + innerHeight + BEYOND);
      for (let place = first; place <= last; place++) wanted.add(shown[place]);
    }
    // Who uses the keyboard must not lose the place.
    const focused = document.activeElement?.closest?.(".row");
    if (focused && placeOf.has(focused.index)) wanted.add(focused.index);
    for (const [index, element] of drawn) {
      if (!wanted.has(index)) {
        element.remove();
        drawn.delete(index);
      }
    }
    const places = [...wanted].map((index) => placeOf.get(index)).sort((a, b) => a - b);
    let before = null;
    for (const place of places) {
      const index = shown[place];
      let element = drawn.get(index);
      if (!element) {
        element = makeRow(rows[index]);
        drawn.set(index, element);
      }
      const next = before ? before.nextSibling : list.firstChild;
      if (next !== element) list.insertBefore(element, next);
      element.style.transform = `translateY(${topOf(place)}px)`;
      element.setAttribute("aria-posinset", place + 1);
      element.setAttribute("aria-setsize", shown.length);
      before = element;
    }
    const height = shown.length ? topOf(shown.length) : 0;
    list.style.height = `${height}px`;
    if (anew && y > height) list.scrollIntoView({ block: "start" });
  }

  function make(tag, kind, text) {
    const element = document.createElement(tag);
    if (kind) element.className = kind;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function makeRow(row) {
    const element = make("div", "row"), button = make("button", "row-head");
    element.index = row.at;
    element.setAttribute("role", "listitem");
    button.type = "button";
    const name = make("span", "row-name");
    const spec = make("bdi", "row-spec", `${row.spec}::`), own = make("bdi", "row-case", row.name);
    name.append(spec, own);
    const chips = make("span", "row-chips");
    for (const cause of row.causes) chips.append(make("span", "cause", cause), " ");
    for (const tag of row.tags) chips.append(make("bdi", "tag", tag), " ");
    const gist = make("span", "row-gist", row.samples > 1 ? `${row.samples} × ${row.gist}` : row.gist);
    gist.dir = "auto";
    button.append(
      make("span", `verdict verdict-${row.verdict}`, row.verdict), " ", name, " ", chips, " ", gist,
      " ", make("span", "row-number", tellSeconds(row.seconds)), " ",
      make("span", "row-number row-tokens", row.tokens === null ? "" : `${row.tokens.toLocaleString("en")} tok`),
      " ", make("span", "row-number row-cost", tellCost(row.cost)),
    );
    button.addEventListener("click", () => toggle(row.at));
    element.append(button);
    const open = opened.get(row.at);
    button.setAttribute("aria-expanded", String(Boolean(open)));
    if (open) element.append(open.panel);
    return element;
  }

  function tellSeconds(seconds) {
    if (seconds === null) return "";
    if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
    return `${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;
  }

  function tellCost(cost) {
    if (!cost) return ""; // unknown, or a model that costs nothing
    return `$${cost.toFixed(cost >= 0.1 ? 2 : cost >= 0.001 ? 4 : 6)}`;
  }

  // ── Opening a case ─────────────────────────────────────────────────────────────────────────

  const sizes = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const one = opened.get(entry.target.index);
      if (one && one.panel.isConnected) one.height = entry.target.offsetHeight;
    }
    drawSoon();
  });

  function toggle(index) {
    if (opened.has(index)) close(index);
    else open(index);
    drawSoon();
    keepState();
  }

  function open(index) {
    const panel = make("div", "panel");
    panel.index = index;
    opened.delete(index);
    opened.set(index, { panel, height: 0 });
    fillPanel(index);
    sizes.observe(panel);
    const element = drawn.get(index);
    if (element) {
      element.append(panel);
      element.firstChild.setAttribute("aria-expanded", "true");
    }
  }

  function close(index) {
    const one = opened.get(index);
    sizes.unobserve(one.panel);
    one.panel.remove();
    opened.delete(index);
    drawn.get(index)?.firstChild.setAttribute("aria-expanded", "false");
  }

  function fillPanel(index) {
    const { panel } = opened.get(index);
    const number = findBlock(index), cases = readBlock(number);
    const fragment = cases?.[index - firstOf(number)];
    if (fragment === undefined) {
      panel.textContent = "reading …"; // the rest of the page is on its way
      return;
    }
    const template = document.createElement("template");
    template.innerHTML = fragment;
    panel.replaceChildren(template.content);
    panel.filled = true;
  }

  // ── Moving ─────────────────────────────────────────────────────────────────────────────────

  function goTo(place) {
    if (!shown.length) return;
    place = Math.max(0, Math.min(shown.length - 1, place));
    const margin = form.getBoundingClientRect().bottom > 0 ? stickyHeight() : 0;
    const top = list.getBoundingClientRect().top + topOf(place);
    if (top < margin + 4 || top + rowHeight > innerHeight) {
      const centre = top < margin + 4 ? margin + 4 : innerHeight - rowHeight - 12;
      scrollBy(0, top - centre);
    }
    draw(false);
    drawn.get(shown[place])?.firstChild.focus({ preventScroll: true });
  }

  function stickyHeight() {
    return getComputedStyle(form).position === "sticky" ? form.offsetHeight : 0;
  }

  function currentPlace() {
    const row = document.activeElement?.closest?.(".row");
    return row && placeOf.has(row.index) ? placeOf.get(row.index) : -1;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea");
    const inHead = event.target.closest?.(".row-head");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      if (event.key === "Enter") event.preventDefault();
      if (event.target.id === "search" && event.key === "ArrowDown") goTo(0);
      return;
    }
    const steps = { j: 1, k: -1 };
    if (inHead) Object.assign(steps, { ArrowDown: 1, ArrowUp: -1 });
    if (event.key === "/") {
      fields.q.focus();
      fields.q.select();
    } else if (event.key in steps) {
      const place = currentPlace();
      goTo(place < 0 ? 0 : place + steps[event.key]);
    } else if (inHead && event.key === "Home") goTo(0);
    else if (inHead && event.key === "End") goTo(shown.length - 1);
    else if (event.key === "Escape" && currentPlace() >= 0) {
      const place = currentPlace();
      if (opened.has(shown[place])) toggle(shown[place]);
      goTo(place);
    } else return;
    event.preventDefault();
  });

  // ── What the address keeps ─────────────────────────────────────────────────────────────────

  function keepState() {
    const wanted = readFilters(), state = new URLSearchParams();
    if (wanted.verdicts.length) state.set("verdict", wanted.verdicts.join(","));
    for (const name of ["cause", "spec", "tag", "sort", "q"]) {
      if (fields[name].value) state.set(name, fields[name].value);
    }
    const last = [...opened.keys()].pop();
    if (last !== undefined) state.set("case", rows[last].id);
    history.replaceState(null, "", `#${state}`);
  }

  function takeState() {
    if (/^#[^=]+$/.test(location.hash)) return; // the link to the list
    const state = new URLSearchParams(location.hash.slice(1));
    const verdicts = (state.get("verdict") ?? "").split(",");
    for (const box of form.querySelectorAll("[name=verdict]")) {
      box.checked = verdicts.includes(box.value);
    }
    for (const name of ["cause", "spec", "tag", "sort", "q"]) {
      fields[name].value = state.get(name) ?? "";
      if (fields[name].selectedIndex === -1) fields[name].value = "";
    }
    apply();
    const wanted = state.get("case");
    const row = wanted && rows.find((one) => one.id === wanted);
    if (row && placeOf.has(row.at)) {
      if (!opened.has(row.at)) open(row.at);
      goTo(placeOf.get(row.at));
      scrollBy(0, list.getBoundingClientRect().top + topOf(placeOf.get(row.at)) - stickyHeight() - 8);
      drawSoon();
    }
  }

  // ── Start ──────────────────────────────────────────────────────────────────────────────────

  function addOptions(name, values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    for (const value of [...counts.keys()].sort()) {
      const option = make("option", "", `${value} (${counts.get(value).toLocaleString("en")})`);
      option.value = value;
      fields[name].append(option);
    }
    if (!counts.size) fields[name].closest(".field").hidden = true;
  }

  addOptions("cause", rows.flatMap((row) => row.causes));
  addOptions("spec", rows.map((row) => row.spec));
  addOptions("tag", rows.flatMap((row) => row.tags));
  form.hidden = false;
  const drawings = find("drawings");
  if (drawings && innerWidth < 700) drawings.open = false;
  measure();

  let typing = 0;
  form.addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => { apply(); keepState(); }, event.target === fields.q ? 120 : 0);
  });
  form.addEventListener("reset", () => setTimeout(() => { apply(); keepState(); }, 0));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("scroll", drawSoon, { passive: true });
  addEventListener("resize", () => { measure(); drawSoon(); });
  addEventListener("hashchange", takeState);
  drawings?.addEventListener("toggle", drawSoon);
  document.addEventListener("DOMContentLoaded", () => {
    for (const [index, one] of opened) if (!one.panel.filled) fillPanel(index);
  });
  takeState();
})();
