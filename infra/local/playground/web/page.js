"use strict";
// Formatting, HTTP, the connection to the server, and dialogs.

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
const duration = (ms) => (ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000)} s`);
const dollars = (amount) => `$${amount.toLocaleString("en", { maximumSignificantDigits: 2 })}`;
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

const CHECK_MS = 10_000;
let isConnected = true;
let user = ""; // whose notes are shown

/** The server did not respond. */
class UnreachableError extends Error {}

/** Send a JSON request and return the JSON response; throws the problem's detail. */
async function request(path, method = "GET", body = undefined) {
  return readJson(await send(path, method, body, "application/json"));
}

/**
 * Send a JSON request; call `onEvent(name, data)` for each event of the response until `done`.
 * Returns the data of `done`, or the JSON of a server that does not stream; throws the problem's detail.
 */
async function requestEvents(path, body, signal, onEvent) {
  const response = await send(path, "POST", body, "text/event-stream", signal);
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return readJson(response);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let pending = "";
  for (;;) {
    const { value, done } = await reach(reader.read());
    if (done) throw new Error("the connection was closed before the answer was complete");
    const blocks = (pending + decoder.decode(value, { stream: true })).split("\n\n");
    pending = blocks.pop();
    for (const block of blocks) {
      const event = /^event: (.*)\ndata: (.*)$/.exec(block); // each event of this server has two lines
      if (!event) continue; // a comment
      const data = JSON.parse(event[2]);
      if (event[1] === "error") throw new Error(data.detail);
      if (event[1] === "done") return data;
      onEvent(event[1], data);
    }
  }
}

async function send(path, method, body, accept, signal) {
  const headers = { "X-Tercet-User": userHeader(), "Content-Type": "application/json", Accept: accept };
  return reach(fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store", signal }));
}

/** Wait for a network operation; throws an `UnreachableError` if it fails. */
async function reach(operation) {
  try {
    return await operation;
  } catch (error) {
    throw error.name === "AbortError" ? error : new UnreachableError();
  }
}

async function readJson(response) {
  const json = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(json.detail ?? `the server returned status ${response.status}`);
  return json;
}

/** Encode the user id as UTF-8 bytes, one character per byte, as `fetch` requires. */
function userHeader() {
  return String.fromCharCode(...new TextEncoder().encode(user));
}

/** Run an action; show `title` and the error message if it fails, then return null. */
async function attempt(title, action) {
  if (isConnected) showNotice(null);
  try {
    return await action();
  } catch (error) {
    if (error instanceof UnreachableError) reconnect();
    else if (error.name !== "AbortError") showNotice(title, error.message);
    return null;
  }
}

/** Show that the server does not respond, until it does; then load the lists again. */
async function reconnect() {
  if (!isConnected) return;
  isConnected = false;
  showNotice("Tercet does not respond", "Reconnecting … Your text stays on this page.");
  for (let wait = 500; !(await isHealthy()); wait = Math.min(2 * wait, CHECK_MS)) await new Promise((done) => setTimeout(done, wait));
  isConnected = true;
  showNotice(null);
  announce("Connected again.");
  refreshNotes();
  refreshCached();
}

const isHealthy = () => fetch("v1/health", { cache: "no-store" }).then(({ ok }) => ok, () => false);

setInterval(async () => {
  if (isConnected && !document.hidden && !(await isHealthy())) reconnect();
}, CHECK_MS);

/** Ask in a dialog; returns whether the user agreed. `action` is the text of the button that agrees. */
function confirmed(title, detail, action) {
  const dialog = find("#confirm");
  find("#confirm-title").textContent = title;
  find("#confirm-detail").textContent = detail;
  find("#agree").textContent = action;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "agree"), { once: true }));
}

/** On a narrow screen, show one section: `ask`, `notes` or `cached`. */
function showTab(name) {
  document.body.dataset.tab = name;
  for (const tab of document.querySelectorAll("#tabs button")) tab.setAttribute("aria-current", String(tab.value === name));
}

find("#agree").addEventListener("click", () => find("#confirm").close("agree"));
find("#cancel").addEventListener("click", () => find("#confirm").close());
find("#tabs").addEventListener("click", ({ target }) => {
  if (target.value) showTab(target.value);
});
