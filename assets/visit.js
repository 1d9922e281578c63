// @ts-check
/**
 * What a person missed and what happens meanwhile: the changes since the last visit, toasts, and notifications for those
 * who want them.
 *
 * As app.js it only ever shows the server's own rendering.
 */
"use strict";
(() => {
  /** @type {{parse(html: string): Document, tick(within: ParentNode, all: boolean): void, recall(name: string): string, remember(name: string, value: string): void, leads(): boolean, background(): boolean}} */
  const shared = /** @type {any} */ (window).wheelwatch;
  const MINUTE = 60_000;

  // ---------- since you last looked ----------

  /** After so long without a look a new visit begins. */
  const AWAY = 10 * MINUTE;
  /** Runs that are told about at once; the server has the same bound. */
  const MOST = 30;

  /** How far each run was shown. @typedef {Record<string, number>} Seen */
  /** `seen` is how far runs were shown last, `base` how far they were when the visit before this one ended, at `at`. */
  /** @typedef {{last?: number, seen?: Seen, base?: Seen, at?: number}} Visit */

  /** @param {string | undefined} text @returns {any} */
  const read = (text) => { try { return JSON.parse(text || "{}") ?? {}; } catch { return {}; } };
  /** @returns {Visit} */
  const visit = () => read(shared.recall("visit"));
  /** @param {Visit} now */
  const keep = (now) => shared.remember("visit", JSON.stringify(now));

  const slot = () => document.getElementById("since");
  /** How far this page shows its runs. @returns {Seen} */
  const shownNow = () => read(slot()?.dataset.seen);
  const isOfOneRun = () => document.body.dataset.run !== undefined;

  /** Notes that the person looks. Returns whether a new visit began. */
  const look = () => {
    if (document.hidden) return false;
    const now = visit();
    const began = now.last !== undefined && Date.now() - now.last > AWAY;
    if (began) { now.base = now.seen; now.at = now.last; }
    now.last = Date.now();
    if (slot()) now.seen = isOfOneRun() ? { ...now.seen, ...shownNow() } : shownNow();
    keep(now);
    return began;
  };

  const tell = async () => {
    const place = slot(), { base, at } = visit();
    if (!place || !base) return;
    const changed = Object.entries(shownNow())
      .filter(([key, line]) => line !== (base[key] ?? 0) && (key in base || !isOfOneRun()));
    if (!changed.length) return;
    const asked = new URLSearchParams(changed.slice(0, MOST).map(([key]) => ["seen", `${key}:${base[key] ?? 0}`]));
    asked.set("at", String(at ?? ""));
    if (changed.length > MOST) asked.set("more", String(changed.length - MOST));
    /** @type {Element} */
    let section;
    try {
      const answer = await fetch(`/since?${asked}`, { headers: { "X-Fragment": "page" }, cache: "no-store" });
      const found = answer.ok ? shared.parse(await answer.text()).getElementById("since-list") : null;
      if (!found) throw new Error(String(answer.status));
      section = document.importNode(found, true);
    } catch {
      section = document.createElement("p");
      section.textContent = "What changed since you last looked could not be read.";
    }
    /** @type {HTMLElement} */ (section).dataset.mine = "";
    const seen = document.createElement("button");
    seen.type = "button";
    seen.textContent = "seen";
    seen.addEventListener("click", () => { section.remove(); const { base: _, at: __, ...rest } = visit(); keep(rest); });
    (section.querySelector("h2") ?? section).append(seen);
    shared.tick(section, true);
    place.replaceChildren(section);
  };

  // ---------- what happens meanwhile ----------

  /** How long a toast stays, and how many at once. */
  const STAYS = 12_000, AT_ONCE = 4;

  /** What was known when the page was opened, or was told since. @type {Set<string> | null} */
  let known = null;

  const wantsNotes = () => shared.recall("notify") === "on" && "Notification" in window && Notification.permission === "granted";
  shared.background = wantsNotes;

  const news = () => {
    const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#news > [data-news]")]);
    // A rendering without the list says nothing about what is new.
    if (!document.getElementById("news")) return;
    const before = known;
    known = new Set(all.map((one) => one.dataset.news ?? ""));
    if (!before) return;
    const fresh = all.filter((one) => !before.has(one.dataset.news ?? ""));
    for (const one of fresh.slice(0, AT_ONCE)) toast(one);
    if (shared.leads() && wantsNotes()) fresh.filter((one) => one.dataset.worse !== undefined).slice(0, AT_ONCE).forEach(notify);
  };

  /** @param {HTMLElement} one */
  const toast = (one) => {
    const place = document.getElementById("toasts");
    if (!place) return;
    const shown = /** @type {HTMLElement} */ (one.cloneNode(true));
    const close = () => shown.remove();
    let timer = window.setTimeout(close, STAYS);
    // What is being read or aimed at stays.
    for (const [on, off] of [["pointerenter", "pointerleave"], ["focusin", "focusout"]]) {
      shown.addEventListener(on, () => window.clearTimeout(timer));
      shown.addEventListener(off, () => { timer = window.setTimeout(close, STAYS); });
    }
    place.append(shown);
    while (place.children.length > AT_ONCE) place.firstElementChild?.remove();
  };

  /** @param {HTMLElement} one */
  const notify = (one) => {
    const note = new Notification(one.textContent ?? "", { tag: one.dataset.news });
    note.onclick = () => { window.focus(); location.assign(one.getAttribute("href") ?? "/attention"); };
  };

  const button = () => document.getElementById("notify");
  const label = () => {
    const one = button();
    if (!one) return;
    one.hidden = !("Notification" in window);
    one.setAttribute("aria-pressed", String(wantsNotes()));
    one.textContent = `notifications: ${wantsNotes() ? "on" : Notification.permission === "denied" ? "blocked by the browser" : "off"}`;
  };
  const toggle = async () => {
    if (wantsNotes()) shared.remember("notify", "");
    else if (await Notification.requestPermission() === "granted") shared.remember("notify", "on");
    label();
  };

  // ---------- start ----------

  const come = () => { if (look()) void tell(); };
  look();
  void tell();
  label();
  button()?.addEventListener("click", () => void toggle());
  document.addEventListener("wheelwatch:swapped", () => { look(); news(); });
  document.addEventListener("visibilitychange", come);
  window.setInterval(come, MINUTE / 2);
})();
