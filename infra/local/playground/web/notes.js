"use strict";
// Notes, cached questions and the effect of a note change; starts the page.

let notes = [];
let cached = [];
let editedId = null; // null for a new note
let openedId = null; // the note that was clicked last
let saved = { title: "", text: "" }; // what the editor had when it was opened or saved
let change = null; // the promise of the note change in progress

const notePath = (id) => `v1/notes/${id.split("/").map(encodeURIComponent).join("/")}`;
const editor = () => ({ title: find("#title").value, text: find("#body").value });
const isOpen = () => !find("#edit").hidden;
const isUnsaved = () => isOpen() && (editor().title !== saved.title || editor().text !== saved.text);

async function readNotes() {
  const all = [];
  let cursor = "";
  do {
    const page = await request(`v1/notes?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...page.notes);
    cursor = page.next_cursor;
  } while (cursor);
  return all;
}

/** Load the notes. If that fails, those on the page stay. */
async function refreshNotes() {
  const owner = user;
  const loaded = await attempt("The notes could not be loaded", readNotes);
  if (loaded === null || owner !== user) return;
  notes = loaded;
  const items = notes.map((note) => {
    const button = element("button", "", { type: "button" });
    button.append(element("span", note.title || note.note_id));
    button.dataset.id = note.note_id;
    button.addEventListener("click", () => openNote(note.note_id));
    return wrap("li", [button]);
  });
  find("#samples").hidden = notes.length > 0;
  find("#notes").replaceChildren(...(items.length ? items : [element("li", "No notes yet.", { class: "empty" })]));
  const ids = new Set(notes.map((note) => note.note_id));
  const lists = [...document.querySelectorAll("#examples ol")];
  for (const list of lists) list.hidden = !ids.has(list.dataset.note);
  find("#examples").hidden = lists.every((list) => list.hidden);
  markEdited();
}

/** Mark the note of the editor in the list. */
function markEdited() {
  for (const button of document.querySelectorAll("#notes button")) {
    button.setAttribute("aria-current", String(isOpen() && button.dataset.id === editedId));
  }
}

/** Load the cached questions; after a change, mark those of `before` as dropped or retained. */
async function refreshCached(before = []) {
  const owner = user;
  const loaded = await attempt("The cached answers could not be loaded", () => request("playground/cached-questions"));
  if (loaded === null || owner !== user) return [];
  cached = loaded.questions;
  const key = (entry) => `${entry.field} ${entry.answer_id}`; // a dropped answer may have been generated again
  const keys = new Set(cached.map(key));
  const known = new Set(before.map(key));
  const items = cached.map((entry) => {
    const button = element("button", entry.question, { type: "button" });
    if (entry.alias_of) button.append(element("small", `same answer as “${entry.alias_of}”`));
    button.addEventListener("click", () => ask(entry.question));
    const item = element("li", "", { class: known.has(key(entry)) ? "retained" : "" });
    item.append(button);
    return item;
  });
  const dropped = before.filter((entry) => !keys.has(key(entry)));
  const all = [...dropped.map((entry) => element("li", entry.question, { class: "dropped" })), ...items];
  const none = loaded.enabled ? "No cached answers yet." : "The cache is disabled.";
  find("#cached").replaceChildren(...(all.length ? all : [element("li", none, { class: "empty" })]));
  find("#count").textContent = cached.length || "";
  return dropped;
}

async function openNote(id) {
  if (!(await mayDiscard())) return;
  openedId = id;
  disableEditor(true); // text that is typed now would be replaced by the note's
  const note = await attempt("The note could not be loaded", () => request(notePath(id)));
  if (openedId !== id) return;
  disableEditor(false);
  if (note) openEditor(note);
}

function disableEditor(disabled) {
  for (const field of [find("#title"), find("#body")]) field.disabled = disabled;
}

/** Open the editor with a note, or empty for a new one. */
function openEditor(note) {
  editedId = openedId = note?.note_id ?? null;
  saved = { title: note?.title ?? "", text: note?.text ?? "" };
  disableEditor(false);
  find("#edit").hidden = false;
  find("#title").value = saved.title;
  find("#body").value = saved.text;
  find("#delete").hidden = editedId === null;
  find("#outcome").replaceChildren();
  markEdited();
  showTab("notes");
  find(note ? "#body" : "#title").focus();
}

function closeEditor() {
  if (find("#edit").contains(document.activeElement)) find("#new").focus();
  find("#edit").hidden = true;
  find("#outcome").replaceChildren();
  markEdited();
}

/** Return whether the text in the editor is saved, or may be discarded; wait for a change. */
async function mayDiscard() {
  if (change) {
    disableEditor(true);
    await change;
    disableEditor(false);
  }
  const detail = "The text in the editor is not saved.";
  return !isUnsaved() || confirmed("Discard your changes?", detail, "Discard");
}

/** Change the note of the editor, unless a change is in progress. */
async function changeNote(method, body) {
  if (change) return;
  const { promise, resolve } = Promise.withResolvers();
  change = promise;
  const owner = user;
  const id = editedId ?? newId(find("#title").value);
  find("#outcome").textContent = "Applying the change …";
  await refreshCached();
  const before = cached;
  const started = performance.now();
  const result = await attempt("The note was not changed", () => request(notePath(id), method, body));
  const milliseconds = performance.now() - started;
  change = null;
  resolve();
  find("#outcome").textContent = "";
  if (!result) return;
  editedId = openedId = id;
  disableEditor(false);
  if (body) saved = body;
  else closeEditor();
  find("#delete").hidden = false;
  const dropped = await refreshCached(before);
  if (owner !== user) return;
  showOutcome(result, dropped, milliseconds);
  markOutdated(id, new Set(dropped.map((entry) => entry.field)));
  await refreshNotes();
}

/** Show what a note change did to the cached answers. */
function showOutcome({ dropped, retained, precise }, questions, milliseconds) {
  const counts = `${plural(dropped, "cached answer")} dropped, ${retained} retained.`;
  const warning = precise ? "" : " The notes could not be read, so all answers were dropped.";
  const names = questions.map((entry) => element("li", entry.question));
  find("#outcome").replaceChildren(`Applied in ${duration(milliseconds)}: ${counts}${warning}`, wrap("ul", names));
}

/** Derive an id that no other note has from a title. */
function newId(title) {
  const words = title.normalize("NFKD").toLowerCase().match(/[a-z0-9]+/g) ?? ["note"];
  return `${words.join("-").slice(0, 60)}-${crypto.randomUUID().slice(0, 8)}`;
}

async function importSamples(button) {
  const buttons = document.querySelectorAll("#samples button");
  const { textContent } = button;
  for (const each of buttons) each.disabled = true;
  button.textContent = "Importing …";
  await attempt("The sample notes were not imported", () => request(`playground/sample-notes/${button.value}`, "POST"));
  button.textContent = textContent;
  for (const each of buttons) each.disabled = false;
  await refreshNotes();
  if (document.activeElement === document.body) find("#examples ol:not([hidden]) button")?.focus();
}

/** Show the notes and cached answers of the user in the field, and set the URL. */
async function showUser() {
  user = find("#user").value.replaceAll("\0", "").trim() || "me"; // a header cannot contain NUL
  find("#user").value = user;
  setParameters({ user: user === "me" ? "" : user });
  asking.abort();
  find("#ask button[type=submit]").disabled = false;
  find("#answer").hidden = true;
  shown = null;
  closeEditor();
  for (const part of ["#samples", "#examples"]) find(part).hidden = true;
  for (const list of ["#notes", "#cached"]) find(list).replaceChildren(element("li", "Loading …", { class: "empty" }));
  find("#count").textContent = "";
  await Promise.all([refreshNotes(), refreshCached()]);
}

find("#user").addEventListener("change", async () => {
  if (await mayDiscard()) await showUser();
  else find("#user").value = user;
});
for (const selector of ["#new", "#first"]) {
  find(selector).addEventListener("click", async () => (await mayDiscard()) && openEditor(null));
}
find("#close").addEventListener("click", async () => (await mayDiscard()) && closeEditor());
find("#edit").addEventListener("submit", (event) => {
  event.preventDefault();
  changeNote("PUT", editor());
});
find("#delete").addEventListener("click", async () => {
  const name = saved.title || editedId;
  const detail = "Cached answers that use the note are dropped. A deleted note cannot be restored.";
  if (await confirmed(`Delete “${name}”?`, detail, "Delete")) changeNote("DELETE");
});
find("#samples").addEventListener("click", ({ target }) => {
  if (target.value) importSamples(target);
});
addEventListener("beforeunload", (event) => {
  if (isUnsaved()) event.preventDefault();
});
find("#user").value = new URLSearchParams(location.search).get("user") ?? "me";
showUser();
