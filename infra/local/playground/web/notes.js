"use strict";
// Notes, cached questions and the effect of a note change; starts the page.

let notes = [];
let cached = [];
let editedId = null; // null for a new note
let openedId = null; // the note that was clicked last

const notePath = (id) => `v1/notes/${id.split("/").map(encodeURIComponent).join("/")}`;

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

async function refreshNotes() {
  notes = (await attempt("The notes could not be loaded", readNotes)) ?? [];
  const items = notes.map((note) => {
    const button = element("button", note.title || note.note_id, { type: "button" });
    button.setAttribute("aria-current", String(note.note_id === editedId && !find("#edit").hidden));
    button.addEventListener("click", async () => {
      openedId = note.note_id;
      const whole = await attempt("The note could not be loaded", () => request(notePath(note.note_id)));
      if (whole && whole.note_id === openedId) openEditor(whole);
    });
    return listItem(button);
  });
  find("#samples").hidden = notes.length > 0;
  find("#notes").replaceChildren(...(items.length ? items : [element("li", "No notes yet.", { class: "empty" })]));
}

/** Show the cached questions; after a change, mark those of before as dropped or retained. */
async function refreshCached(before = []) {
  cached = (await attempt("The cache could not be read", () => request("playground/cached-questions"))) ?? [];
  const fields = new Set(cached.map((entry) => entry.field));
  const retained = new Set(before.map((entry) => entry.field));
  const items = cached.map((entry) => {
    const button = element("button", entry.question, { type: "button" });
    if (entry.alias_of) button.append(element("small", `alias of “${entry.alias_of}”`));
    button.addEventListener("click", () => {
      find("#question").value = entry.question;
      ask(entry.question);
    });
    return listItem(button, retained.has(entry.field) ? "retained" : "");
  });
  const dropped = before
    .filter((entry) => !fields.has(entry.field))
    .map((entry) => element("li", entry.question, { class: "dropped" }));
  const all = [...dropped, ...items];
  find("#cached").replaceChildren(...(all.length ? all : [element("li", "No cached answers yet.", { class: "empty" })]));
  find("#count").textContent = cached.length ? String(cached.length) : "";
}

function listItem(button, className = "") {
  const item = element("li", "", { class: className });
  item.append(button);
  return item;
}

function openEditor(note) {
  editedId = note?.note_id ?? null;
  find("#edit").hidden = false;
  find("#title").value = note?.title ?? "";
  find("#body").value = note?.text ?? "";
  find("#delete").hidden = editedId === null;
  find("#outcome").textContent = "";
  refreshNotes();
  find(note ? "#body" : "#title").focus();
}

function closeEditor() {
  find("#edit").hidden = true;
  return refreshNotes();
}

async function changeNote(method, body) {
  const id = editedId ?? newId(find("#title").value);
  find("#outcome").textContent = "Applying the change …";
  await refreshCached();
  const before = cached;
  const started = performance.now();
  const result = await attempt("The note was not changed", () => request(notePath(id), method, body));
  const milliseconds = performance.now() - started;
  find("#outcome").textContent = "";
  if (!result) return;
  const dropped = result.dropped === 1 ? "1 cached answer" : `${result.dropped} cached answers`;
  const warning = result.precise ? "" : " The notes could not be read, so all answers were dropped.";
  const message = `Applied in ${duration(milliseconds)}: ${dropped} dropped, ${result.retained} retained.${warning}`;
  find("#outcome").textContent = message;
  editedId = id;
  if (method === "DELETE") {
    find("#edit").hidden = true;
    find("#announcement").textContent = message;
  }
  find("#delete").hidden = method === "DELETE";
  await refreshNotes();
  await refreshCached(before);
}

/** Derive an id that no other note has from a title. */
function newId(title) {
  const words = title.normalize("NFKD").toLowerCase().match(/[a-z0-9]+/g) ?? ["note"];
  return `${words.join("-").slice(0, 60)}-${crypto.randomUUID().slice(0, 8)}`;
}

async function importSamples(name) {
  for (const button of document.querySelectorAll("#samples button")) button.disabled = true;
  await attempt("The sample notes were not imported", () => request(`playground/sample-notes/${name}`, "POST"));
  for (const button of document.querySelectorAll("#samples button")) button.disabled = false;
  await refreshNotes();
}

find("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(find("#question").value);
});
find("#user").addEventListener("change", () => {
  for (const section of ["#answer", "#timing", "#similar", "#passages"]) find(section).hidden = true;
  closeEditor();
  refreshCached();
});
find("#new").addEventListener("click", () => openEditor(null));
find("#close").addEventListener("click", closeEditor);
find("#edit").addEventListener("submit", (event) => {
  event.preventDefault();
  changeNote("PUT", { title: find("#title").value, text: find("#body").value });
});
find("#delete").addEventListener("click", () => changeNote("DELETE"));
find("#samples").addEventListener("click", ({ target }) => {
  if (target.value) importSamples(target.value);
});
refreshNotes();
refreshCached();
