"use strict";
// DOM, formatting and HTTP helpers.

const find = (selector) => document.querySelector(selector);

/** Create an element; `text` is set as text, never as markup. */
function element(name, text = "", attributes = {}) {
  const created = document.createElement(name);
  created.textContent = text;
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  return created;
}

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
const duration = (ms) => (ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000)} s`);

/** Send a JSON request and return the JSON response; throws the problem's detail. */
async function request(path, method = "GET", body = undefined, headers = {}) {
  const response = await fetch(path, {
    method,
    headers: { "X-Tercet-User": userHeader(), "Content-Type": "application/json", ...headers },
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
  find("#notice").hidden = true;
  try {
    return await action();
  } catch (error) {
    find("#notice h2").textContent = title;
    find("#notice p").textContent = error.message;
    find("#notice").hidden = false;
    return null;
  }
}
