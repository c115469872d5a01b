"use strict";
// Formatting and HTTP helpers.

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
const duration = (ms) => (ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000)} s`);

/** Send a JSON request and return the JSON response; throws the problem's detail. */
async function request(path, method = "GET", body = undefined) {
  const response = await fetch(path, {
    method,
    headers: { "X-Tercet-User": userHeader(), "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
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
