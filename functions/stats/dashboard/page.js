"use strict";
// Asks for the figures every few seconds while somebody looks, and says plainly where there are
// none. The token lives in this script alone: not in a URL, a cookie or any storage, which a
// browser may write to disk and bring back with a closed tab.

const every = 5_000;
const patience = 10_000;
const longest = 60_000;

const local = document.body.dataset.access === "local";
const periods = { 1: "today", 7: "in the last 7 days", 30: "in the last 30 days" };

let token = null;
let days = Number(find("[name=window]:checked").value); // a reload may keep the choice
let shown = null; // the last figures, and when they came
let failures = 0;
let timer = 0;
let asking = new AbortController();

/** Read JSON beside this page; where there is a problem, its document with the status. */
async function get(path, signal, headers) {
  const response = await fetch(path, { signal, headers, cache: "no-store", credentials: "same-origin" });
  const body = await response.json().catch(() => ({}));
  const wait = 1000 * Number(response.headers.get("Retry-After"));
  return { ok: response.ok, status: response.status, body, wait: Number.isFinite(wait) ? wait : 0 };
}

/** Figures, and how the container fares, which everybody may know. */
async function refresh() {
  clearTimeout(timer);
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  // On one's own machine the server asks for a name; everywhere else it ignores this one.
  const who = local ? { "X-Tercet-User": "operator" } : { Authorization: `Bearer ${token}` };
  const known = local || token !== null;
  // A day alone is no chart: today is shown at the end of its week.
  const wanted = Math.max(days, 7);
  const [health, stats] = await Promise.all([
    get("../health", limited).catch(() => null),
    known ? get(`cache-stats?days=${wanted}`, limited, who).catch(() => ({ status: 0 })) : null,
  ]);
  if (signal.aborted) return;
  state(health?.ok ? health.body : null);
  if (stats) take(stats, health?.body);
  const delay = Math.min(every * 2 ** failures, longest);
  if (!document.hidden) timer = setTimeout(refresh, Math.max(delay, stats?.wait ?? 0));
}

function take(stats, health) {
  if (stats.ok) {
    failures = 0;
    shown = { body: stats.body, at: new Date() };
    if (!find("#notice").hidden) announce("The figures are back.");
    notice(null);
    show();
  } else if (!local && (stats.status === 401 || stats.status === 403)) {
    forget();
    text(find("#refusal"), refusal(stats));
    find("#token").focus();
  } else {
    failures += 1;
    const [title, detail] = trouble(stats, health);
    const since = shown ? ` These figures are of ${clock.format(shown.at)}.` : "";
    notice(title, `${detail}${since} Trying again.`);
    find("#report").classList.toggle("stale", Boolean(shown));
  }
}

function refusal({ status, body }) {
  const reason = body.detail ? ` (${body.detail})` : "";
  return status === 403
    ? `This token is good, but it may not read statistics${reason}.`
    : `This token was refused${reason}.`;
}

function trouble({ status, body }, health) {
  if (!status) return ["Tercet is out of reach", "No answer came."];
  if (health?.cache === "off") {
    return ["The cache is switched off", "CACHE_ENABLED is false, and what was counted before cannot be read."];
  }
  if (health?.cache === "unavailable") {
    return ["The cache is away", "Questions are still answered, without it; what happens meanwhile is counted when it is back."];
  }
  return ["There are no figures right now", body.detail ?? `The server answered with ${status}.`];
}

function show() {
  const { body, at } = shown;
  const window = days === 1 ? body.days.at(-1) : body.window;
  const known = [body, body.window, ...body.days].some(happened);
  find("#entry").hidden = true;
  find("#off").hidden = body.combined.cache_enabled;
  find("#nothing").hidden = asked(window);
  find("#report").hidden = !known;
  find("#report").classList.remove("stale");
  find("#forget").hidden = local;
  text(find("[data-period]"), periods[days]);
  text(find("#updated"), `Updated ${clock.format(at)}`);
  if (known) report(body, window, (index) => days > 1 || index === body.days.length - 1);
}

/** Whether there was a request, including requests without the cache. */
function asked({ cache_unavailable: unavailable, outcomes, latency_ms: latency }) {
  const counts = [unavailable, ...Object.values(outcomes), ...Object.values(latency).map(({ count: each }) => each)];
  return counts.some((each) => each > 0);
}

/** Whether anything was counted at all. */
function happened(part) {
  const { redis_outages, breaker_opens, trimmed, stores_refused, matches_rejected, note_changes } = part;
  const counts = [redis_outages, breaker_opens, trimmed, stores_refused, note_changes.acknowledged, ...Object.values(matches_rejected)];
  return asked(part) || counts.some((each) => each > 0);
}

const words = {
  cache: { ok: "connected", unavailable: "away", off: "switched off" },
  model: { ok: "working", failing: "failing" },
  breaker: { closed: "closed", open: "open", "half-open": "half open" },
  store: { ok: "connected", unavailable: "away" },
};
const bad = new Set(["unavailable", "failing", "open"]);

function state(health) {
  for (const [name, said] of Object.entries(words)) {
    const item = find(`[data-state=${name}]`);
    const value = health?.[name];
    item.hidden = !value;
    item.className = bad.has(value) ? "bad" : ["ok", "closed"].includes(value) ? "good" : "";
    text(item.querySelector("strong"), value ? said[value] ?? value : "");
  }
}

/** Say what is wrong where it is seen, and aloud once; null when nothing is any more. */
function notice(title, detail = "") {
  const host = find("#notice");
  host.hidden = !title;
  text(host.querySelector("h2"), title ?? "");
  text(host.querySelector("p"), detail);
}

function announce(said) {
  text(find("#announcement"), said);
}

function forget() {
  token = shown = null;
  for (const part of ["#report", "#nothing", "#off", "#forget"]) find(part).hidden = true;
  find("#entry").hidden = false;
  text(find("#updated"), "");
  notice(null);
}

find("#entry").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = find("#token").value.trim();
  find("#token").value = "";
  text(find("#refusal"), "");
  if (/[^\x21-\x7e]/.test(given)) {
    text(find("#refusal"), "This is no token: none has a space, an accent or any other sign beyond ASCII.");
    find("#token").focus();
    return;
  }
  token = given;
  refresh();
});

find("#forget").addEventListener("click", () => {
  forget();
  announce("The token is forgotten.");
  refresh(); // without a token; what was under way with it ends, and is shown no more
  find("#token").focus();
});

for (const choice of document.querySelectorAll("[name=window]")) {
  choice.addEventListener("change", () => {
    const before = Math.max(days, 7);
    days = Number(choice.value);
    announce(`Figures ${periods[days]}.`);
    if (shown && before === Math.max(days, 7)) show();
    else refresh();
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else refresh();
});

let width = 0;
new ResizeObserver(([{ contentRect }]) => {
  if (shown && contentRect.width !== width) show();
  width = contentRect.width;
}).observe(find("main"));

if (!local) find("#entry").hidden = false;
refresh();
