"use strict";
// Notes, and what changing one does to the cached answers.

let notes = [];
let editing = null; // the note's id; null while a new one is written

async function refreshNotes() {
  notes = (await attempt("The notes could not be read", () => call("/playground/notes"))) ?? [];
  const shown = notes.map((note) => {
    const button = element("button", note.title || note.note_id, { type: "button" });
    button.setAttribute("aria-current", String(note.note_id === editing && !find("#edit").hidden));
    button.addEventListener("click", () => edit(note));
    const item = element("li");
    item.append(button);
    return item;
  });
  const none = element("li", "No notes yet: write one, or run “tercet notes import DIR”.", { class: "empty" });
  find("#notes").replaceChildren(...(shown.length ? shown : [none]));
}

/** Show the cached questions; after a change, those that it dropped, too. */
async function refreshCached(change = null) {
  const cached = (await attempt("The cache could not be read", () => call("/playground/cached"))) ?? [];
  const kept = new Set((change?.kept ?? []).map((entry) => entry.field));
  const items = cached.map((entry) => {
    const button = element("button", entry.question, { type: "button" });
    if (entry.of) button.append(element("small", `shares the answer to “${entry.of}”`));
    button.addEventListener("click", () => {
      find("#question").value = entry.question;
      ask(entry.question);
    });
    const item = element("li", "", { class: kept.has(entry.field) ? "kept" : "" });
    item.append(button);
    return item;
  });
  const dropped = (change?.dropped ?? []).map((entry) => element("li", entry.question, { class: "dropped" }));
  const none = element("li", "Nothing is cached yet.", { class: "empty" });
  const all = [...dropped, ...items];
  find("#cached").replaceChildren(...(all.length ? all : [none]));
  find("#count").textContent = cached.length ? String(cached.length) : "";
}

function edit(note) {
  editing = note?.note_id ?? null;
  find("#edit").hidden = false;
  find("#title").value = note?.title ?? "";
  find("#body").value = note?.text ?? "";
  find("#delete").hidden = editing === null;
  find("#outcome").textContent = "";
  refreshNotes();
  find(note ? "#body" : "#title").focus();
}

async function change(method, body) {
  const begun = editing === null;
  if (begun) await refreshNotes(); // somebody else may have written one
  const id = editing ?? unused(named(find("#title").value));
  const path = `/playground/notes/${id.split("/").map(encodeURIComponent).join("/")}`;
  find("#outcome").textContent = "Telling Tercet of the change …";
  const outcome = await attempt("The note was not changed", () => call(path, method, body, begun ? { "If-None-Match": "*" } : {}));
  find("#outcome").textContent = "";
  if (!outcome) return;
  const dropped = outcome.dropped.length;
  const answers = dropped === 1 ? "1 cached answer" : `${dropped} cached answers`;
  const why = outcome.precise ? "" : " The notes could not be read, so all had to go.";
  find("#outcome").textContent =
    `Acknowledged after ${time(outcome.milliseconds)}: ${answers} dropped, ${outcome.kept.length} kept.${why}`;
  if (method === "DELETE") {
    find("#edit").hidden = true;
    find("#announcement").textContent = find("#outcome").textContent;
  }
  editing = id;
  find("#delete").hidden = method === "DELETE";
  await refreshNotes();
  await refreshCached(outcome);
}

/** An id that no note has yet: of two notes of one title, the second one's ends in 2. */
function unused(id) {
  const taken = new Set(notes.map((note) => note.note_id));
  for (let number = 2, tried = id; ; number += 1) {
    if (!taken.has(tried)) return tried;
    tried = `${id}-${number}`;
  }
}

/** An id for a new note, of its title. */
function named(title) {
  const id = title.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return id.slice(0, 60) || `note-${Date.now()}`;
}
