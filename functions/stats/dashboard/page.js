"use strict";
// Polls the statistics while the page is visible. The token is stored only in a variable of this
// script: not in a URL, a cookie or any storage, because a browser may write those to disk.

const intervalMs = 5_000;
const timeoutMs = 10_000;
const maxIntervalMs = 60_000;

const local = document.body.dataset.access === "local";

let token = null;
let latest = null; // the last response, and when it arrived
let previous = { query: null, window: null }; // the sums of the period before
let failures = 0;
let timer = 0;
let pending = new AbortController();

/** Request JSON; `ok` is false for a problem document. Throws if the response is incomplete. */
async function getJson(path, signal, headers) {
  const response = await fetch(path, { signal, headers, cache: "no-store", credentials: "same-origin" });
  const body = await response.json().catch((error) => (response.ok ? Promise.reject(error) : {}));
  return { ok: response.ok, status: response.status, body };
}

/** Request the statistics, and the health, which needs no token. */
async function refresh() {
  clearTimeout(timer);
  pending.abort();
  pending = new AbortController();
  const { signal } = pending;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  // In local mode the server requires a user name; elsewhere it ignores this header.
  const headers = local ? { "X-Tercet-User": "operator" } : { Authorization: `Bearer ${token}` };
  const query = local || token !== null ? periodQuery() : null;
  const getStats = (wanted) => getJson(`cache-stats?${wanted}`, limited, headers).catch(() => ({ status: 0 }));
  const [health, stats] = await Promise.all([
    getJson("../health", limited).catch(() => null),
    query && getStats(query),
  ]);
  if (signal.aborted) return;
  showHealth(health?.ok ? health.body : null);
  if (stats?.ok && chosen() !== "1") await readPrevious(previousQuery(stats.body.days), getStats);
  if (signal.aborted) return;
  if (stats) handle(stats, health?.body);
  if (!document.hidden) timer = setTimeout(refresh, Math.min(intervalMs * 2 ** failures, maxIntervalMs));
}

/** Read the sums of the period before; it has ended, so it is read once. */
async function readPrevious(query, getStats) {
  if (query === previous.query) return;
  const stats = query ? await getStats(query) : null;
  const window = stats?.ok && stats.body.window.total_requests > 0 ? stats.body.window : null;
  previous = { query: stats && !stats.ok ? null : query, window };
}

function handle(stats, health) {
  if (stats.ok) {
    failures = 0;
    latest = { body: stats.body, at: new Date() };
    if (!find("#notice").hidden) announce("Statistics are available again.");
    showNotice(null);
    render();
  } else if (!local && (stats.status === 401 || stats.status === 403)) {
    removeToken();
    const reason = stats.body.detail ? ` (${stats.body.detail})` : "";
    const text = stats.status === 403 ? "This token may not read statistics" : "This token was refused";
    setText(find("#refusal"), `${text}${reason}.`);
    find("#token").focus();
  } else {
    failures += 1;
    const [title, detail] = describeProblem(stats, health);
    const since = latest && `Last update: ${clock.format(latest.at)}.`;
    showNotice(title, [detail, since, "Reconnecting …"].filter(Boolean).join(" "));
    find("#report").classList.toggle("stale", Boolean(latest));
  }
}

function describeProblem({ status, body }, health) {
  if (!status) return ["Tercet does not respond", ""];
  if (health?.cache === "off") {
    return ["The cache is disabled", "CACHE_ENABLED is false, and earlier statistics cannot be read."];
  }
  if (health?.cache === "unavailable") {
    return ["Redis is unavailable", "Requests are answered without the cache. They are counted when Redis is available again."];
  }
  return ["Statistics are unavailable", body.detail ?? `The server responded with status ${status}.`];
}

function render() {
  const { body, at } = latest;
  const isToday = chosen() === "1";
  const period = isToday ? body.days.at(-1) : body.window;
  const counted = body.combined.total_requests > 0 || hasPositive(body.window);
  find("#entry").hidden = true;
  find("#disabled").hidden = body.combined.cache_enabled;
  // Requests during an outage have latencies, but no outcome.
  find("#empty").hidden = hasPositive([period.cache_unavailable, period.outcomes, period.latency_ms]);
  find("#report").hidden = !counted;
  find("#report").classList.remove("stale");
  find("#remove").hidden = local;
  find("#export").hidden = !counted;
  setText(find("[data-period]"), periodName());
  setText(find("#updated"), `Updated ${clock.format(at)}`);
  if (!counted) return;
  showReport(body, period, (index) => !isToday || index === body.days.length - 1, isToday);
  showTiles(period, isToday ? body.days.at(-2) : previous.window, body.days, periodName());
}

/** Whether a number, or any number within an object, is positive. */
function hasPositive(value) {
  return typeof value === "number" ? value > 0 : Object.values(value ?? {}).some(hasPositive);
}

const goodValues = new Set(["ok", "closed"]);
const badValues = new Set(["unavailable", "failing", "open"]);

/** Show the health. Attributes of an item name its values, for example `data-ok="connected"`. */
function showHealth(health) {
  for (const item of document.querySelectorAll("[data-state]")) {
    const value = health?.[item.dataset.state] ?? "";
    item.hidden = !value;
    item.className = badValues.has(value) ? "bad" : goodValues.has(value) ? "good" : "";
    setText(item.querySelector("strong"), item.dataset[value] ?? value);
  }
}

function removeToken() {
  token = latest = null;
  for (const part of ["#report", "#empty", "#disabled", "#remove", "#export"]) find(part).hidden = true;
  find("#entry").hidden = false;
  setText(find("#updated"), "");
  showNotice(null);
}

find("#entry").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = find("#token").value.trim();
  find("#token").value = "";
  setText(find("#refusal"), "");
  if (/[^\x21-\x7e]/.test(value)) {
    setText(find("#refusal"), "Invalid token: it must not contain spaces or characters other than ASCII.");
    find("#token").focus();
    return;
  }
  token = value;
  refresh();
});

find("#remove").addEventListener("click", () => {
  removeToken();
  announce("The token was removed.");
  refresh(); // aborts a request with the token
  find("#token").focus();
});

find("#export").addEventListener("click", () => exportDays(chosen() === "1" ? latest.body.days.slice(-1) : latest.body.days));

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else refresh();
});

if (!local) find("#entry").hidden = false;
restorePeriod();
watchPeriod(() => {
  announce(`Statistics ${periodName()}.`);
  refresh();
});
refresh();
