"use strict";
// Helpers of all pages.

const find = (selector) => document.querySelector(selector);

/** Create an element; `text` is set as text, never as markup. */
function element(name, text = "", attributes = {}) {
  const created = document.createElement(name);
  created.textContent = text;
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  return created;
}

/** Set a text. A screen reader reads a live region again if its text is set, even to the same. */
function setText(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/** Show a problem, or hide the last one if `title` is null. */
function showNotice(title, detail = "") {
  find("#notice").hidden = !title;
  setText(find("#notice h2"), title ?? "");
  setText(find("#notice p"), detail);
}

/** Let screen readers read a text. */
function announce(text) {
  setText(find("#announcement"), text);
}

/** Set parameters of the page's URL, so that a link or a reload shows the same; "" removes one. */
function setParameters(values) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  history.replaceState(null, "", url);
}
