"use strict";
// Formatting and HTTP helpers.

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
const duration = (ms) => (ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000)} s`);

/** Send a JSON request and return the JSON response; throws the problem's detail. */
async function request(path, method = "GET", body = undefined) {
  return readJson(await send(path, method, body, "application/json"));
}

/**
 * Send a JSON request; call `onEvent(name, data)` for each event of the response until `done`.
 * Returns the data of `done`, or the JSON of a server that does not stream; throws the problem's detail.
 */
async function requestEvents(path, body, onEvent) {
  const response = await send(path, "POST", body, "text/event-stream");
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return readJson(response);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let pending = "";
  for (;;) {
    const { value, done } = await reader.read();
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

async function send(path, method, body, accept) {
  return fetch(path, {
    method,
    headers: { "X-Tercet-User": userHeader(), "Content-Type": "application/json", Accept: accept },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
}

async function readJson(response) {
  const json = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(json.detail ?? `the server returned status ${response.status}`);
  return json;
}

/** Encode the user id as UTF-8 bytes, one character per byte, as `fetch` requires. */
function userHeader() {
  return String.fromCharCode(...new TextEncoder().encode(find("#user").value.trim() || "me"));
}

/** Run an action; show `title` and the error message if it fails. */
async function attempt(title, action) {
  showNotice(null);
  try {
    return await action();
  } catch (error) {
    showNotice(title, error.message);
    return null;
  }
}
