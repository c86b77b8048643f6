"use strict";
// The keys and buttons of a review. All HTML comes from the server, escaped; what a person typed,
// and every message, goes into the page as text.
(() => {
  const POLL = 2000; // milliseconds
  const TYPING = 150;
  const PATIENCE = 3; // polls without an answer, until the review counts as ended
  const MOST_LOGGED = 200;
  const NARROW = "(max-width: 900px)"; // as in review.css
  // The same keys of the Korean keyboard, for whoever forgot to switch.
  const HANGUL = { ㅁ: "a", ㄱ: "r", ㄴ: "s", ㅓ: "j", ㅏ: "k", ㄹ: "f", ㅇ: "d" };

  const body = document.body;
  const secret = document.querySelector('meta[name="promptrun-page"]').content;
  const find = (id) => document.getElementById(id);
  const isReview = body.dataset.page === "review";
  const skipped = new Map(); // key → the state in which it was skipped
  let version = Number(body.dataset.version);
  let number = Number(body.dataset.number);
  let busy = false;
  let moving = Promise.resolve(); // what changes the page by itself just now
  let failures = 0;
  let ended = false;
  let planned = null; // the filter of the dialog that is open

  class Refused extends Error {
    constructor(answer) {
      super(answer.hint ? `${answer.error} – ${answer.hint}` : answer.error);
      this.answer = answer;
    }
  }

  async function send(path, options = {}) {
    const headers = { Accept: "application/json", ...options.headers };
    const response = await fetch(path, { ...options, headers, redirect: "error" });
    const answer = await response.json();
    if (!response.ok) throw new Refused(answer);
    return answer;
  }

  function ask(path, values = {}) {
    const query = new URLSearchParams(values).toString();
    return send(query ? `${path}?${query}` : path);
  }

  function order(path, values) {
    return send(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Promptrun-Page": secret },
      body: JSON.stringify(values),
    });
  }

  function put(element, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    element.replaceChildren(template.content);
  }

  // What is shown

  const change = () => document.querySelector("#detail .change");
  const items = () => [...document.querySelectorAll("#list .item")];
  const current = () => change()?.dataset.key ?? null;

  function filter() {
    const values = Object.fromEntries(new FormData(find("filters")));
    for (const name of Object.keys(values)) if (!values[name]) delete values[name];
    return values;
  }

  function say(text, kind = "") {
    const line = find("said");
    line.textContent = text;
    line.dataset.kind = kind;
  }

  function log(lines) {
    for (const line of lines) {
      const entry = document.createElement("li");
      entry.dataset.kind = line.kind;
      const name = document.createElement("bdi");
      name.textContent = line.id;
      entry.append(name, line.id ? " " : "", line.text, line.hint ? ` – ${line.hint}` : "");
      find("log").prepend(entry);
    }
    while (find("log").children.length > MOST_LOGGED) find("log").lastChild.remove();
    find("past").hidden = !find("log").children.length;
  }

  function tell(lines, elsewhere = "") {
    log(lines);
    const refused = lines.find((line) => line.kind === "refused");
    const done = lines.filter((line) => line.kind !== "refused");
    if (refused) {
      const hint = refused.hint ? ` – ${refused.hint}` : "";
      say(`Refused${elsewhere}: ${refused.id}: ${refused.text}${hint}`, "refused");
    } else if (done.length === 1) {
      say(`${done[0].id} ${done[0].text}${elsewhere}`, done[0].kind);
    } else if (done.length) {
      const last = done[done.length - 1];
      const more = last.kind === "more" ? Number(last.text.replace(/\D/g, "")) - 1 : 0;
      say(`${done.length + more} ${done[0].kind}${elsewhere}`, done[0].kind);
    }
  }

  function showWaiting(count) {
    find("waiting").textContent = count.toLocaleString("en");
    document.title = `${count ? `(${count}) ` : ""}promptrun review`;
  }

  // The row of what is shown, the rows that were skipped, and the place among all.
  function mark() {
    const key = current();
    const rows = items();
    rows.forEach((row, index) => {
      const isCurrent = row.dataset.key === key;
      const wasSkipped = skipped.get(row.dataset.key) === row.dataset.shown;
      row.toggleAttribute("data-skipped", wasSkipped);
      if (isCurrent) {
        row.setAttribute("aria-current", "true");
        row.scrollIntoView({ block: "nearest" });
        find("place").textContent = `${index + 1} of ${rows.length}`;
      } else {
        row.removeAttribute("aria-current");
      }
    });
    lay();
  }

  // Side by side, or below each other.
  function lay() {
    const inline = recall("inline") === "yes";
    change()?.classList.toggle("inline", inline);
    document.querySelector('[data-do="inline"]')?.setAttribute("aria-pressed", String(inline));
  }

  function recall(name) {
    try {
      return localStorage.getItem(`promptrun-${name}`);
    } catch {
      return null;
    }
  }

  function keep(name, value) {
    try {
      localStorage.setItem(`promptrun-${name}`, value);
    } catch {
      // A browser that keeps nothing shows it as it is by itself.
    }
  }

  async function show(key, { focus = true } = {}) {
    const values = key === null ? filter() : { ...filter(), key };
    const { detail } = await ask("/change", values);
    put(find("detail"), detail);
    mark();
    if (focus) {
      find("title").focus({ preventScroll: true });
      if (matchMedia(NARROW).matches) find("detail").scrollIntoView();
      else window.scrollTo(0, 0);
    }
  }

  function takeList(answer) {
    put(find("list"), answer.list);
    put(find("specs"), answer.filters);
    version = answer.version;
    showWaiting(answer.waiting);
  }

  // The change that comes after the one at `index`, which is gone: the first that was not skipped.
  function following(index) {
    const rows = items();
    const later = [...rows.slice(index), ...rows.slice(0, index)];
    const next = later.find((row) => skipped.get(row.dataset.key) !== row.dataset.shown);
    return (next ?? later[0])?.dataset.key ?? null;
  }

  // What the keys do

  async function settle(act) {
    const shown = change();
    const key = current();
    const button = shown?.querySelector(`[data-do="${act}"]`);
    if (!shown || !button || button.disabled) return;
    const index = Math.max(items().findIndex((row) => row.dataset.key === key), 0);
    const values = { act, key, shown: shown.dataset.shown, filter: filter() };
    await carryOut(values, key, index);
  }

  async function carryOut(values, key, index) {
    try {
      const answer = await order("/settle", values);
      takeList(answer);
      number = answer.number;
      tell(answer.told);
    } catch (error) {
      if (!(error instanceof Refused) || error.answer.list === undefined) throw error;
      takeList(error.answer);
      say(error.message, "refused");
    }
    const stays = items().some((row) => row.dataset.key === key);
    await show(stays ? key : following(index));
  }

  async function skip() {
    const shown = change();
    if (!shown) return;
    skipped.set(shown.dataset.key, shown.dataset.shown);
    const index = items().findIndex((row) => row.dataset.key === shown.dataset.key);
    const next = following(index + 1);
    const all = items().every((row) => skipped.get(row.dataset.key) === row.dataset.shown);
    if (all) {
      mark();
      say("All that is listed was skipped, and waits on.");
    } else {
      say("Skipped: it waits on.");
      await show(next);
    }
  }

  async function step(by) {
    const rows = items();
    const index = rows.findIndex((row) => row.dataset.key === current());
    const next = rows[Math.min(Math.max(index + by, 0), rows.length - 1)];
    if (next && next.dataset.key !== current()) await show(next.dataset.key);
  }

  async function narrow() {
    const wanted = filter();
    const answer = await ask("/list", wanted);
    if (JSON.stringify(wanted) !== JSON.stringify(filter())) return; // typed on meanwhile
    const index = items().findIndex((row) => row.dataset.key === current());
    takeList(answer);
    await showAgain(index);
    const query = new URLSearchParams(wanted).toString();
    history.replaceState(null, "", query ? `/?${query}` : "/");
  }

  // After another list: what was shown stays, as long as it is there as it was.
  async function showAgain(index) {
    const shown = change();
    const row = items().find((one) => one.dataset.key === shown?.dataset.key);
    if (row === undefined || shown === null) {
      await show(following(Math.max(index, 0)), { focus: false });
    } else if (row.dataset.shown !== shown.dataset.shown) {
      warnMoved(shown);
      mark();
    } else {
      mark();
    }
  }

  // Nobody shall settle what he has not seen: it is shown anew when he asks for it.
  function warnMoved(shown) {
    if (shown.querySelector(".moved")) return;
    const told = document.createElement("p");
    told.className = "moved";
    told.setAttribute("role", "alert");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.do = "reload";
    button.textContent = "Show it as it is now";
    told.append("It moved meanwhile. ", button);
    shown.querySelector(".change-head").after(told);
    for (const name of ["accept", "reject"]) {
      shown.querySelector(`[data-do="${name}"]`).disabled = true;
    }
  }

  async function plan(act, wanted) {
    const answer = await ask("/plan", { ...wanted, act });
    planned = wanted;
    put(find("plan"), answer.plan);
    find("plan").showModal();
  }

  async function confirm(button) {
    const { act, shown } = button.dataset;
    const index = items().findIndex((row) => row.dataset.key === current());
    find("plan").close();
    say(act === "accept" ? "Accepting…" : "Rejecting…");
    const values = { act, shown, filter: planned };
    try {
      const answer = await order("/settle", values);
      number = answer.number;
      tell(answer.told);
    } catch (error) {
      if (!(error instanceof Refused) || error.answer.list === undefined) throw error;
      say(error.message, "refused");
    }
    takeList(await ask("/list", filter()));
    const key = current();
    const stays = items().some((row) => row.dataset.key === key);
    await show(stays ? key : following(Math.max(index, 0)));
  }

  async function clear() {
    for (const field of find("filters").elements) field.value = "";
    await narrow();
  }

  async function end() {
    await order("/end", {});
    finish("The review has ended. This page can be closed.");
  }

  function finish(words) {
    ended = true;
    body.classList.add("ended");
    if (isReview) say(words);
    else find("live").textContent = words;
    for (const button of document.querySelectorAll("button")) button.disabled = true;
  }

  const deeds = {
    accept: () => settle("accept"),
    reject: () => settle("reject"),
    skip,
    next: () => step(1),
    previous: () => step(-1),
    open: (button) => show(button.dataset.key),
    reload: () => show(current()),
    "accept-all": () => plan("accept", filter()),
    "reject-all": () => plan("reject", filter()),
    "accept-spec": () => change()?.dataset.spec && plan("accept", { spec: change().dataset.spec }),
    confirm,
    cancel: () => find("plan").close(),
    clear,
    inline: () => {
      keep("inline", recall("inline") === "yes" ? "no" : "yes");
      lay();
    },
    search: () => find("filters").elements.text.select(),
    help: () => find("help").showModal(),
    end,
  };
  const KEYS = {
    a: "accept", r: "reject", s: "skip", j: "next", k: "previous", f: "accept-spec", d: "inline",
    "/": "search", "?": "help",
  };

  const MEANS_SHOWN = new Set(["accept", "reject", "skip", "accept-spec", "reload"]);

  // One at a time: a key that is struck while the page changes would mean another change.
  async function run(name, button) {
    if (busy || ended) return;
    busy = true;
    body.classList.add("busy");
    try {
      const seen = change();
      await moving;
      if (change() === seen || !MEANS_SHOWN.has(name)) await deeds[name](button);
      else say("Another change came to be shown just then: nothing was done.");
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
      body.classList.remove("busy");
    }
  }

  function fail(error) {
    const words = error instanceof Refused
      ? error.message
      : "The server does not answer: start `promptrun review --web` again.";
    if (isReview) say(words, "refused");
  }

  // What moves by itself: a run that goes on, what another tab settled, what comes to wait

  async function poll() {
    if (ended || busy || document.hidden) return;
    try {
      const state = await ask("/state", { told: number });
      failures = 0;
      if (state.live !== undefined) put(find("live"), state.live);
      if (state.version === undefined || busy) return;
      find("waiting").textContent = state.waiting.toLocaleString("en");
      if (!isReview) return;
      moving = follow(state);
      await moving;
    } catch (error) {
      failures += 1;
      if (error instanceof Refused) say(error.message, "refused");
      if (failures >= PATIENCE) finish("The review has ended: start `promptrun review --web` again.");
    }
  }

  async function follow(state) {
    if (state.number > number) {
      number = state.number;
      tell(state.told, " in another tab");
    }
    if (state.version === version) return;
    const index = items().findIndex((row) => row.dataset.key === current());
    const answer = await ask("/list", filter());
    if (busy) return;
    const focused = document.activeElement?.dataset.key;
    takeList(answer);
    if (focused) items().find((row) => row.dataset.key === focused)?.focus();
    await showAgain(index);
  }

  // What a person does

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && !button.disabled) run(button.dataset.do, button);
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const target = event.target instanceof Element ? event.target : body;
    if (target.matches("input, select, textarea")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const key = event.key === "Process" ? event.code.replace("Key", "").toLowerCase() : event.key;
    const name = KEYS[HANGUL[key] ?? key];
    if (!name || !isReview) return;
    event.preventDefault();
    const moves = name === "next" || name === "previous";
    if (!event.repeat || moves) run(name);
  });

  if (isReview) {
    // Where there is little room, the list comes first.
    const chosen = ["kind", "cause", "spec"].some((name) => filter()[name]);
    find("narrow-more").open = chosen || !matchMedia(NARROW).matches;
    let typing = 0;
    const changed = () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        moving = narrow().catch(fail);
      }, TYPING);
    };
    find("filters").addEventListener("input", changed);
    find("filters").addEventListener("submit", (event) => event.preventDefault());
    mark();
  }
  document.addEventListener("visibilitychange", poll);
  setInterval(poll, POLL);
})();
