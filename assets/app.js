// @ts-check
/**
 * What the pages do beyond links and forms: live updates, ticking times, theme and zone, shortcuts.
 *
 * Everything works without this script. It never builds HTML from the text of a log: what it puts into a page is the
 * server's own rendering of the same address, parsed without running anything.
 */
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // ---------- remembered choices ----------

  /** @param {string} name @returns {string} */
  const recall = (name) => {
    try { return localStorage.getItem(`wheelwatch.${name}`) ?? ""; } catch { return ""; }
  };
  /** @param {string} name @param {string} value */
  const remember = (name, value) => {
    try { localStorage.setItem(`wheelwatch.${name}`, value); } catch { /* a private window forgets; nothing depends on it */ }
  };

  // Set before the first paint, which is why this script is not deferred.
  const applyTheme = () => {
    const theme = recall("theme");
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
  };
  applyTheme();

  // ---------- times: the rules of view/time.rs ----------

  const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const NBSP = "\u00a0";

  /** @param {number} ms @returns {string} */
  const age = (ms) => {
    const past = Math.max(ms, 0);
    if (past < MINUTE) return `${Math.floor(past / SECOND)}${NBSP}s`;
    if (past < HOUR) return `${Math.floor(past / MINUTE)}${NBSP}min`;
    if (past < 2 * DAY) return `${Math.floor(past / HOUR)}${NBSP}h`;
    return `${Math.floor(past / DAY)}${NBSP}d`;
  };
  /** @param {number} big @param {string} unit @param {number} small @param {string} smaller */
  const two = (big, unit, small, smaller) => `${big}${NBSP}${unit}` + (small ? ` ${small}${NBSP}${smaller}` : "");
  /** @param {number} ms @returns {string} */
  const duration = (ms) => {
    const taken = Math.max(ms, 0);
    if (taken < MINUTE) return `${Math.floor(taken / SECOND)}${NBSP}s`;
    if (taken < HOUR) return two(Math.floor(taken / MINUTE), "min", Math.floor((taken % MINUTE) / SECOND), "s");
    if (taken < DAY) return two(Math.floor(taken / HOUR), "h", Math.floor((taken % HOUR) / MINUTE), "min");
    return two(Math.floor(taken / DAY), "d", Math.floor((taken % DAY) / HOUR), "h");
  };

  const isUtc = () => recall("zone") === "utc";
  /** @param {number} n @param {number} [width] */
  const pad = (n, width = 2) => String(n).padStart(width, "0");
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  /** The parts of a moment in the chosen zone. @param {Date} at */
  const parts = (at) => isUtc()
    ? { y: at.getUTCFullYear(), m: at.getUTCMonth(), d: at.getUTCDate(), H: at.getUTCHours(), M: at.getUTCMinutes(), S: at.getUTCSeconds(), ms: at.getUTCMilliseconds() }
    : { y: at.getFullYear(), m: at.getMonth(), d: at.getDate(), H: at.getHours(), M: at.getMinutes(), S: at.getSeconds(), ms: at.getMilliseconds() };
  /** @param {Date} at */
  const day = (at) => { const p = parts(at); return `${p.y}-${pad(p.m + 1)}-${pad(p.d)}`; };
  /** @param {Date} at */
  const clock = (at) => { const p = parts(at); return `${pad(p.H)}:${pad(p.M)}:${pad(p.S)}`; };
  const zoneName = () => {
    if (isUtc()) return "UTC";
    const minutes = -new Date().getTimezoneOffset();
    return `UTC${minutes < 0 ? "-" : "+"}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
  };

  /** What a time shows now. @param {string} kind @param {Date} at @param {number} now @returns {string} */
  const shown = (kind, at, now) => {
    const past = now - at.getTime();
    const p = parts(at);
    switch (kind) {
      case "ago": return past < -5 * SECOND ? `${day(at)} ${pad(p.H)}:${pad(p.M)}` : past < SECOND ? "now" : `${age(past)} ago`;
      case "since": return age(past);
      case "elapsed": return duration(past);
      case "until": return past < 0 ? `in ${age(-past)}` : "expired";
      case "clock": return clock(at);
      case "stamp": return `${day(at)} ${clock(at)}`;
      case "short": return p.y !== parts(new Date(now)).y ? day(at) : `${MONTHS[p.m]} ${p.d} ${pad(p.H)}:${pad(p.M)}`;
      default: return "";
    }
  };

  const MOVING = new Set(["ago", "since", "elapsed", "until"]);
  /** The moment that a time is measured to; it stands still on a page about the past. @param {Element} element */
  const present = (element) => {
    const still = /** @type {HTMLElement | null} */ (element.closest("[data-now]"));
    // How far the clock of the run's own log is behind.
    const skew = /** @type {HTMLElement | null} */ (element.closest("[data-skew]"));
    return (Number(still?.dataset.now) || Date.now()) - (Number(skew?.dataset.skew) || 0);
  };

  /** @param {ParentNode} within @param {boolean} all also those that do not move */
  const tick = (within, all) => {
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (within.querySelectorAll("time[data-t]"))) {
      const kind = element.dataset.t ?? "";
      if (!all && !MOVING.has(kind)) continue;
      const at = new Date(element.getAttribute("datetime") ?? "");
      if (Number.isNaN(at.getTime())) continue;
      const text = shown(kind, at, present(element));
      if (element.textContent !== text) element.textContent = text;
      if (all) element.title = `${day(at)} ${clock(at)}.${pad(parts(at).ms, 3)} ${zoneName()}`;
    }
  };

  // ---------- putting the server's rendering into the page ----------

  /** @type {{createHTML(html: string): any} | undefined} */
  const policy = /** @type {any} */ (window).trustedTypes?.createPolicy("wheelwatch", { createHTML: (/** @type {string} */ html) => html });
  /** @param {string} html our own server's answer @returns {Document} */
  const parse = (html) => new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");

  /** The name by which an element is found again. @param {Node | null} node */
  const nameOf = (node) => (node instanceof Element && node.id) || "";

  /**
   * Makes `old` look like `fresh` and keeps its nodes, so that focus, selection, scroll and open details stay.
   * @param {Element} old @param {Element} fresh
   */
  const morph = (old, fresh) => {
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value && !(name === "open" && old instanceof HTMLDetailsElement)) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      // Open details, and what the reader did to the page, are the reader's.
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "data-mine") old.removeAttribute(name);
    }
    if (old instanceof HTMLInputElement || old instanceof HTMLSelectElement) return;
    morphChildren(old, fresh);
  };

  /** Whether this script put it there, so that the server's rendering knows nothing of it. @param {Node | null} node */
  const isMine = (node) => node instanceof HTMLElement && node.dataset.mine !== undefined;

  /** @param {Element} old @param {Element} fresh */
  const morphChildren = (old, fresh) => {
    const named = new Map();
    for (const child of old.children) if (child.id) named.set(child.id, child);
    /** @type {Node | null} */
    let place = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      while (place && isMine(place)) place = /** @type {Node} */ (place).nextSibling;
      const name = nameOf(next);
      const known = name ? named.get(name) : undefined;
      if (known && next instanceof Element && known.nodeName === next.nodeName) {
        if (place && known === place) place = place.nextSibling; else old.insertBefore(known, place);
        if (!known.isEqualNode(next)) morph(known, next);
      } else if (place && !name && !nameOf(place) && place.nodeType === next.nodeType && place.nodeName === next.nodeName) {
        const same = place;
        place = place.nextSibling;
        if (same.isEqualNode(next)) continue;
        if (same instanceof Element && next instanceof Element) morph(same, next);
        else same.nodeValue = next.nodeValue;
      } else {
        old.insertBefore(document.importNode(next, true), place);
      }
    }
    while (place) {
      const gone = place;
      place = place.nextSibling;
      if (!isMine(gone)) old.removeChild(gone);
    }
  };

  /** @param {Document} fresh */
  const swap = (fresh) => {
    for (const id of ["banner", "main"]) {
      const old = document.getElementById(id), next = fresh.getElementById(id);
      if (!old || !next) continue;
      // Times are compared as they would be shown, so that only what changed is touched.
      tick(next, true);
      morph(old, next);
    }
    setCount(Number(document.getElementById("banner")?.dataset.count));
    afterSwap();
  };

  // ---------- the one number ----------

  /** @param {number} count */
  const setCount = (count) => {
    if (Number.isNaN(count)) return;
    document.title = (count > 0 ? `(${count}) ` : "") + (document.body.dataset.title ?? "wheelwatch");
    const badge = document.getElementById("count");
    if (badge) { badge.textContent = String(count); badge.classList.toggle("none", count === 0); }
    const icon = /** @type {HTMLLinkElement | null} */ (document.getElementById("favicon"));
    const href = icon?.dataset[count > 0 ? "attention" : "calm"];
    if (icon && href && icon.getAttribute("href") !== href) icon.setAttribute("href", href);
  };

  // ---------- live ----------

  /** Asks again at most so often; a page is asked for again only after its last answer came. */
  const PAUSE = 100;
  /** Nothing came for so long: the stream sends a comment every 15 s. */
  const DEAD = 20 * SECOND;

  /** @type {"" | "banner" | "page"} */
  let wanted = "";
  let asking = false;
  let lastAsked = 0;
  let lastGood = Date.now();
  let failures = 0;
  let timer = 0;

  /** @param {"banner" | "page"} part */
  const want = (part) => {
    if (wanted !== "page") wanted = part;
    schedule();
  };
  const schedule = () => {
    const isAway = document.hidden;
    if (!wanted || asking || timer || (isAway && !(leads && shared.background()))) return;
    const pause = failures ? Math.min(30 * SECOND, 500 * 2 ** failures) : PAUSE;
    // Timers of a hidden tab may wait for a minute.
    if (isAway && Date.now() - lastAsked > pause) { void ask(); return; }
    timer = window.setTimeout(() => { timer = 0; void ask(); }, Math.max(0, lastAsked + pause - Date.now()));
  };
  const ask = async () => {
    if (!wanted || asking) return;
    const part = wanted;
    wanted = "";
    asking = true;
    lastAsked = Date.now();
    try {
      const address = shared.address();
      const answer = await fetch(address, { headers: { "X-Fragment": part }, cache: "no-store", signal: AbortSignal.timeout(DEAD) });
      const fresh = parse(await answer.text());
      // A page that says what could not be read is shown as well; then it is asked for again.
      if (!fresh.getElementById("banner")) throw new Error(String(answer.status));
      // The reader went on to another view meanwhile: what was asked for is no longer what is looked at.
      if (address === shared.address()) swap(fresh); else want(part);
      if (answer.status >= 500) throw new Error(String(answer.status));
      failures = 0;
      lastGood = Date.now();
    } catch {
      failures += 1;
      want(part);
    }
    asking = false;
    showLiveness();
    schedule();
  };

  /** Whether the stream, here or in the tab that leads, is up. */
  let connected = false;
  let lastWord = Date.now();

  const showLiveness = () => {
    const old = !connected || failures > 1;
    const away = Date.now() - lastGood;
    // A page that has just been opened is not old yet.
    const isStale = old && away > 3 * SECOND && !document.body.hasAttribute("data-still");
    root.classList.toggle("stale", isStale);
    const line = document.getElementById("stale");
    if (!line) return;
    line.hidden = !isStale;
    const text = `Not live: what you see is ${age(away)} old. Trying again by itself.`;
    if (isStale && line.textContent !== text) line.textContent = text;
  };

  /** What the stream said, from this tab or from the one that leads. @param {string} type @param {any} data */
  const heard = (type, data) => {
    lastWord = Date.now();
    switch (type) {
      case "up":
        if (!connected) { connected = true; if (Date.now() - lastGood > 2 * SECOND) want("page"); }
        if (!failures) lastGood = Date.now();
        break;
      case "down":
        // Since when nothing was heard.
        if (connected) lastGood = Math.min(Number(data), Date.now());
        connected = false;
        break;
      case "snapshot": setCount(Number(data.attention)); want("page"); break;
      case "run": {
        const own = document.body.dataset.run;
        const still = document.body.hasAttribute("data-still");
        want(still || (own !== undefined && own !== data.key) ? "banner" : "page");
        break;
      }
      case "attention": setCount(Number(data.count)); want("page"); break;
      case "resync": want("page"); break;
    }
    showLiveness();
  };

  /** One tab leads and holds the only stream; the others hear it from that tab. */
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("wheelwatch") : null;
  /** @param {string} type @param {any} data */
  const say = (type, data) => { heard(type, data); channel?.postMessage({ type, data }); };
  let leads = false;

  const TYPES = new Set(["snapshot", "run", "attention", "resync"]);
  /** How long to wait after a loss; the server says it to each client. */
  let pause = SECOND;
  /** @param {string} message one of the stream, without the empty line at its end */
  const take = (message) => {
    let type = "", data = "";
    for (const line of message.split("\n")) {
      if (line.startsWith("event: ")) type = line.slice(7);
      else if (line.startsWith("data: ")) data = line.slice(6);
      else if (line.startsWith("retry: ")) pause = Number(line.slice(7)) || pause;
    }
    if (!TYPES.has(type)) return;
    try { say(type, JSON.parse(data)); } catch { say("resync", {}); }
  };

  /**
   * Reads the stream until it ends, or says nothing for too long. An EventSource would not do: it keeps the comments that
   * show that the connection lives to itself, so that a stalled stream looks like a quiet one.
   */
  const listen = async () => {
    const stop = new AbortController();
    let watchdog = 0, heardAt = Date.now();
    const alive = () => {
      heardAt = Date.now();
      window.clearTimeout(watchdog);
      watchdog = window.setTimeout(() => stop.abort(), DEAD);
    };
    try {
      alive();
      const answer = await fetch("/api/stream", { cache: "no-store", signal: stop.signal });
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        say("up", null);
        const messages = (rest + value).split("\n\n");
        rest = messages.pop() ?? "";
        messages.forEach(take);
      }
    } catch { /* lost: said below */ }
    window.clearTimeout(watchdog);
    // What ends was live until then; what stalled was so when it last said something.
    say("down", stop.signal.aborted ? heardAt : Date.now());
  };

  const lead = async () => {
    leads = true;
    for (let lost = 0; ; lost += 1) {
      const began = Date.now();
      await listen();
      if (Date.now() - began > DEAD) lost = 0;
      // Not all browsers at once, and less and less often.
      const wait = Math.min(30 * SECOND, pause * 2 ** lost) * (0.75 + Math.random() / 2);
      await new Promise((resolve) => window.setTimeout(resolve, wait));
    }
  };

  const goLive = () => {
    if (channel) {
      channel.onmessage = (event) => {
        if (event.data?.type === "hello") { if (leads && connected) channel.postMessage({ type: "up", data: null }); return; }
        heard(String(event.data?.type), event.data?.data);
      };
    }
    if (channel && navigator.locks) {
      channel.postMessage({ type: "hello" });
      // The lock is held until the tab goes; then the next tab gets it and leads.
      void navigator.locks.request("wheelwatch-stream", lead);
    } else {
      void lead();
    }
    document.addEventListener("visibilitychange", schedule);
    window.setInterval(() => {
      if (!leads && connected && Date.now() - lastWord > DEAD) heard("down", lastWord);
      showLiveness();
      schedule();
    }, SECOND);
  };

  // ---------- for the scripts of single pages ----------

  const shared = {
    parse,
    swap,
    tick,
    recall,
    remember,
    leads: () => leads,
    /** Whether this tab goes on asking while nobody sees it; the script of notifications says so. */
    background: () => false,
    /** Asks for the page again soon. */
    refresh: () => want("page"),
    /** The address whose rendering this page shows; a page's script may narrow it. */
    address: () => location.pathname + location.search,
    /** @param {string} keys @param {string} does @param {() => void} run */
    bind: (keys, does, run) => { BINDINGS.splice(-1, 0, { keys, does, run }); },
  };
  /** @type {any} */ (window).wheelwatch = shared;

  // ---------- shortcuts ----------

  const rows = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll("main [data-row]")]);
  /** @param {number} step */
  const moveRow = (step) => {
    const all = rows();
    if (!all.length) {
      const events = document.getElementById("events");
      (events ?? document.scrollingElement)?.scrollBy({ top: step * 60 });
      return;
    }
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    next.focus();
    next.closest("tr, article")?.scrollIntoView({ block: "nearest" });
  };
  /** @param {number} step */
  const moveRun = (step) => {
    const own = document.body.dataset.run;
    let list = [];
    try { list = JSON.parse(sessionStorage.getItem("wheelwatch.list") ?? "[]"); } catch { /* no list, no neighbours */ }
    const at = list.indexOf(location.pathname);
    const next = own === undefined || at < 0 ? undefined : list[at + step];
    if (typeof next === "string" && next.startsWith("/runs/")) location.assign(next);
  };
  /** @param {string} path */
  const go = (path) => () => location.assign(path);

  /** Every shortcut: the sheet is made from this table. @type {{keys: string, does: string, run: () => void}[]} */
  const BINDINGS = [
    { keys: "j", does: "next row", run: () => moveRow(1) },
    { keys: "k", does: "previous row", run: () => moveRow(-1) },
    { keys: "Enter", does: "open the row", run: () => /** @type {HTMLElement | null} */ (document.activeElement)?.click() },
    { keys: "/", does: "search", run: () => search() },
    { keys: "g o", does: "go to the overview", run: go("/") },
    { keys: "g a", does: "go to attention", run: go("/attention") },
    { keys: "g r", does: "go to all runs", run: go("/runs") },
    { keys: "g h", does: "go to health", run: go("/health") },
    { keys: "[", does: "previous run of the last list", run: () => moveRun(-1) },
    { keys: "]", does: "next run of the last list", run: () => moveRun(1) },
    { keys: "?", does: "this sheet", run: () => sheet() },
  ];

  const search = () => {
    const field = /** @type {HTMLElement | null} */ (document.querySelector("main [data-search]"));
    if (field) field.focus(); else location.assign("/runs");
  };

  const sheet = () => {
    const open = document.querySelector("dialog");
    if (open) { open.close(); return; }
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "sheet-h");
    const heading = document.createElement("h2");
    heading.id = "sheet-h";
    heading.textContent = "Keys";
    const table = document.createElement("table");
    for (const { keys, does } of BINDINGS) {
      const row = table.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      keys.split(" ").forEach((key, index) => {
        const cap = document.createElement("kbd");
        cap.textContent = key;
        head.append(...(index ? [" ", cap] : [cap]));
      });
      row.append(head);
      row.insertCell().textContent = does;
    }
    const close = document.createElement("button");
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.append(heading, table, close);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };

  let prefix = "";
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input, select, textarea, [contenteditable]")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    // Links, buttons and details open themselves.
    if (event.key === "Enter") return;
    const keys = prefix ? `${prefix} ${event.key}` : event.key;
    prefix = "";
    const found = BINDINGS.find((binding) => binding.keys === keys);
    if (found) { event.preventDefault(); found.run(); return; }
    if (BINDINGS.some((binding) => binding.keys.startsWith(`${keys} `))) {
      prefix = keys;
      window.setTimeout(() => { prefix = ""; }, 1500);
    }
  };

  /** @param {MouseEvent} event */
  const onClick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const copier = /** @type {HTMLElement | null} */ (target.closest("[data-copy]"));
    if (copier) void copy(copier);
    if (target.closest("#theme")) nextTheme();
    if (target.closest("#zone")) { remember("zone", isUtc() ? "" : "utc"); label(); tick(document, true); }
    if (target.closest("#keys")) sheet();
  };

  /** Copies the command beside a button, or selects it where the browser does not let a page copy. @param {HTMLElement} button */
  const copy = async (button) => {
    const code = button.parentElement?.querySelector("code");
    if (!code) return;
    try {
      await navigator.clipboard.writeText(code.textContent ?? "");
      button.textContent = "copied";
    } catch {
      getSelection()?.selectAllChildren(code);
      button.textContent = "selected";
    }
    window.setTimeout(() => { button.textContent = "copy"; }, 2 * SECOND);
  };

  // ---------- switches ----------

  const THEMES = ["", "light", "dark"];
  const nextTheme = () => {
    remember("theme", THEMES[(THEMES.indexOf(recall("theme")) + 1) % THEMES.length]);
    applyTheme();
    label();
  };
  const label = () => {
    const theme = document.querySelector("#theme span"), zone = document.querySelector("#zone span");
    if (theme) theme.textContent = `theme: ${recall("theme") || "system"}`;
    if (zone) zone.textContent = `times: ${isUtc() ? "UTC" : "local"}`;
  };

  // ---------- start ----------

  const afterSwap = () => {
    document.dispatchEvent(new Event("wheelwatch:swapped"));
    noteList();
    goBack();
  };
  /** Remembers the runs of a list, for `[` and `]`, and where the list was, to go back to it with its filters. */
  const noteList = () => {
    if (document.body.dataset.run !== undefined) return;
    const list = [...new Set(rows().map((row) => row.getAttribute("href") ?? ""))].filter((href) => href.startsWith("/runs/"));
    if (!list.length) return;
    try {
      sessionStorage.setItem("wheelwatch.list", JSON.stringify(list));
      sessionStorage.setItem("wheelwatch.back", location.pathname + location.search);
    } catch { /* only a convenience */ }
  };
  const goBack = () => {
    const link = document.querySelector("a[data-back]");
    let back = "";
    try { back = sessionStorage.getItem("wheelwatch.back") ?? ""; } catch { /* then the plain list */ }
    if (link && back.startsWith("/") && !back.startsWith("//")) link.setAttribute("href", back);
  };

  document.addEventListener("DOMContentLoaded", () => {
    label();
    tick(document, true);
    noteList();
    goBack();
    goLive();
    window.setInterval(() => { if (!document.hidden) tick(document, false); }, SECOND);
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", onClick);
  });
})();
