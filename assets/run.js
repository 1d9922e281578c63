// @ts-check
/**
 * What the page of a run does beyond links and forms: the timeline follows, goes on by scrolling and opens raw lines;
 * filters, pages and zooms of the same page come without a reload; the waterfall can be brushed.
 *
 * As app.js it only ever shows the server's own rendering of an address.
 */
"use strict";
(() => {
  /** @type {{parse(html: string): Document, swap(fresh: Document): void, refresh(): void, address(): string, bind(keys: string, does: string, run: () => void): void}} */
  const shared = /** @type {any} */ (window).wheelwatch;
  const events = () => document.getElementById("events");

  // ---------- another view of the same page, without a reload ----------

  let asked = 0;
  /** @param {URL} url @param {"push" | "none"} history_ @returns {Promise<boolean>} */
  const show = async (url, history_) => {
    const ticket = ++asked;
    try {
      const answer = await fetch(url.pathname + url.search, { headers: { "X-Fragment": "page" }, cache: "no-store" });
      const text = await answer.text();
      if (ticket !== asked) return false;
      if (!answer.ok) throw new Error(String(answer.status));
      pinned = 0;
      if (history_ === "push") history.pushState(null, "", url);
      shared.swap(shared.parse(text));
      return true;
    } catch {
      if (ticket === asked) location.assign(url);
      return false;
    }
  };

  /** Whether only the query differs, and not the moment that is shown. @param {URL} url */
  const isSamePage = (url) =>
    url.origin === location.origin && url.pathname === location.pathname && document.body.dataset.run !== undefined &&
    url.search !== location.search &&
    url.searchParams.get("at") === new URL(location.href).searchParams.get("at") && !url.searchParams.has("line");

  window.addEventListener("popstate", () => void show(new URL(location.href), "none"));

  // ---------- the timeline ----------

  let follows = false;
  /** While the reader is away from the end, the page stands still before this event; 0 is not at all. */
  let pinned = 0;

  const plain = shared.address;
  shared.address = () => {
    if (!pinned) return plain();
    const url = new URL(location.href);
    url.searchParams.set("before", String(pinned));
    return url.pathname + url.search;
  };

  const isNewest = () => events()?.dataset.newest !== undefined;
  const showFollow = () => document.getElementById("follow")?.setAttribute("aria-pressed", String(follows));
  const toEnd = () => { const list = events(); if (list) list.scrollTop = list.scrollHeight; };
  const isAtEnd = (/** @type {HTMLElement} */ list) => list.scrollHeight - list.scrollTop - list.clientHeight < 24;

  /** @param {boolean} on */
  const setFollow = (on) => {
    if (on && !isNewest()) { void toNewest(); return; }
    follows = on;
    // Lets go: what the reader looks at must not slide away while the run goes on.
    pinned = on ? 0 : Number(events()?.dataset.last) + 1 || 0;
    showFollow();
    if (on) { toEnd(); shared.refresh(); }
  };

  const toNewest = async () => {
    const url = new URL(location.href);
    for (const name of ["before", "after", "line"]) url.searchParams.delete(name);
    if (await show(url, url.search === location.search ? "none" : "push")) { follows = true; showFollow(); toEnd(); }
  };

  let loading = false;
  /** One more page in a direction, with the reader at the edge where it joins. @param {"prev" | "next"} rel */
  const turn = async (rel) => {
    const link = /** @type {HTMLAnchorElement | null} */ (document.querySelector(`#timeline .pager a[rel="${rel}"]`));
    if (!link || loading) return;
    loading = true;
    const came = await show(new URL(link.href), "push");
    const list = events();
    if (came && list) {
      if (rel === "prev") toEnd(); else list.scrollTop = 2;
      lastTop = list.scrollTop;
    }
    loading = false;
  };

  let lastTop = 0;
  /** @param {Event} event */
  const onScroll = (event) => {
    const list = events();
    if (!list || event.target !== list || loading) return;
    const up = list.scrollTop < lastTop, down = list.scrollTop > lastTop;
    lastTop = list.scrollTop;
    const end = isAtEnd(list);
    if (isNewest()) {
      if (follows && up && !end) setFollow(false);
      else if (!follows && down && end) setFollow(true);
    } else if (down && end) {
      if (pinned && !document.querySelector('#timeline .pager a[rel="next"]')) void toNewest(); else void turn("next");
    }
    if (up && list.scrollTop === 0) void turn("prev");
  };

  const start = () => {
    const list = events();
    if (!list) return;
    const marked = list.querySelector("li.marked") ?? (location.hash.startsWith("#L") ? document.getElementById(location.hash.slice(1)) : null);
    if (marked) marked.scrollIntoView({ block: "center", behavior: "instant" });
    else if (isNewest()) toEnd();
    lastTop = list.scrollTop;
    follows = !marked && isNewest();
    showFollow();
    // In the capture phase: scrolling does not bubble, and the list itself may be replaced.
    document.addEventListener("scroll", onScroll, { passive: true, capture: true });
  };

  document.addEventListener("wheelwatch:swapped", () => {
    if (!isNewest()) follows = false;
    if (follows) toEnd();
    showFollow();
  });

  // ---------- raw lines ----------

  /** Opens the raw line below its event. @param {HTMLAnchorElement} link */
  const toggleRaw = async (link) => {
    const item = link.closest("li, td");
    if (!item) return;
    const open = item.querySelector(":scope > .opened");
    if (open) { open.remove(); return; }
    const box = document.createElement("div");
    box.className = "opened";
    box.dataset.mine = "";
    box.textContent = "reading…";
    item.append(box);
    try {
      const answer = await fetch(link.href, { headers: { "X-Fragment": "page" }, cache: "no-store" });
      const line = answer.ok ? shared.parse(await answer.text()).getElementById("raw") : null;
      if (!line) throw new Error(String(answer.status));
      line.removeAttribute("id");
      box.replaceChildren(document.importNode(line, true));
    } catch {
      box.textContent = "The line could not be read.";
    }
  };

  // ---------- the brush of the waterfall ----------

  /** @type {{table: HTMLElement, cell: Element, from: number, mark: HTMLElement} | null} */
  let brush = null;
  /** How far across the bars, from 0 to 1. @param {Element} cell @param {PointerEvent} event */
  const across = (cell, event) => {
    const box = (cell.querySelector("svg") ?? cell).getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  };
  /** The moment at a place, by the pieces that the server drew. @param {HTMLElement} table @param {number} place */
  const momentAt = (table, place) => {
    /** @type {[number, number, number, number][]} */
    const pieces = JSON.parse(table.dataset.pieces ?? "[]");
    const piece = pieces.find(([, , , right]) => place <= right) ?? pieces[pieces.length - 1];
    if (!piece) return 0;
    const [from, to, left, right] = piece;
    return Math.round(from + (to - from) * Math.min(Math.max((place - left) / Math.max(right - left, 1e-9), 0), 1));
  };
  document.addEventListener("pointerdown", (event) => {
    const cell = /** @type {Element} */ (event.target).closest?.(".waterfall td.bars");
    const table = /** @type {HTMLElement | null} */ (cell?.closest(".waterfall") ?? null);
    if (!cell || !table || event.button !== 0 || event.pointerType === "touch") return;
    const mark = document.createElement("span");
    mark.className = "brush";
    mark.dataset.mine = "";
    brush = { table, cell, from: across(cell, event), mark };
  });
  document.addEventListener("pointermove", (event) => {
    if (!brush) return;
    const svg = brush.cell.querySelector("svg");
    const to = across(brush.cell, event);
    if (!svg || Math.abs(to - brush.from) < 0.01) return;
    if (!brush.mark.isConnected) brush.cell.append(brush.mark);
    const box = svg.getBoundingClientRect(), home = brush.cell.getBoundingClientRect();
    brush.mark.style.left = `${box.left - home.left + Math.min(brush.from, to) * box.width}px`;
    brush.mark.style.width = `${Math.abs(to - brush.from) * box.width}px`;
    event.preventDefault();
  });
  // A drag across the bars is a brush and opens none of them.
  document.addEventListener("dragstart", (event) => { if (brush) event.preventDefault(); });
  let brushed = false;
  document.addEventListener("pointerup", (event) => {
    const drawn = brush;
    brush = null;
    drawn?.mark.remove();
    if (!drawn) return;
    const to = across(drawn.cell, event);
    if (Math.abs(to - drawn.from) < 0.01) return;
    brushed = true;
    window.setTimeout(() => { brushed = false; }, 0);
    const [first, last] = [Math.min(drawn.from, to), Math.max(drawn.from, to)].map((place) => momentAt(drawn.table, place));
    if (last <= first) return;
    const url = new URL(location.href);
    url.searchParams.set("zoom", `${first}-${last}`);
    url.hash = "waterfall";
    void show(url, "push");
  });

  // ---------- start ----------

  document.addEventListener("input", (event) => {
    const range = /** @type {HTMLInputElement} */ (event.target);
    const output = range.type === "range" ? range.form?.querySelector("output") : null;
    if (output) output.textContent = range.value;
  });

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
    const target = /** @type {Element} */ (event.target);
    if (brushed) { event.preventDefault(); return; }
    if (target.closest("#follow")) { setFollow(!follows); return; }
    const link = /** @type {HTMLAnchorElement | null} */ (target.closest("main a[href]"));
    if (!link) return;
    if (link.dataset.raw !== undefined) { event.preventDefault(); void toggleRaw(link); return; }
    if (link.dataset.newest !== undefined) { event.preventDefault(); void toNewest(); return; }
    const url = new URL(link.href);
    if (!isSamePage(url)) return;
    event.preventDefault();
    if (link.rel === "prev" || link.rel === "next") void turn(link.rel);
    else void show(url, "push").then((came) => { if (came && isNewest()) { follows = true; showFollow(); toEnd(); } });
  });

  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.defaultPrevented || !form.closest("#timeline") || form.method !== "get") return;
    const url = new URL(form.action);
    const fields = [...new FormData(form)].filter(([, value]) => value !== "");
    url.search = new URLSearchParams(/** @type {[string, string][]} */ (fields)).toString();
    event.preventDefault();
    void show(url, "push").then((came) => { if (came && isNewest()) { follows = true; showFollow(); toEnd(); } });
  });

  shared.bind(".", "follow the timeline", () => setFollow(!follows));
  start();
})();
