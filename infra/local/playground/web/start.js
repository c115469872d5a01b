"use strict";

find("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(find("#question").value);
});
find("#user").addEventListener("change", () => {
  find("#edit").hidden = true;
  for (const part of ["#answer", "#way", "#near", "#passages"]) find(part).hidden = true;
  refreshNotes();
  refreshCached();
});
find("#new").addEventListener("click", () => edit(null));
find("#close").addEventListener("click", () => {
  find("#edit").hidden = true;
  refreshNotes();
});
find("#edit").addEventListener("submit", (event) => {
  event.preventDefault();
  change("PUT", { title: find("#title").value, text: find("#body").value });
});
find("#delete").addEventListener("click", () => change("DELETE"));
refreshNotes();
refreshCached();
