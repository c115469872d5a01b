"use strict";
// Questions, answers and how each answer was found.

const kinds = { exact: "Exact hit", semantic: "Semantic hit" };
const cacheProblems = {
  unavailable: "Redis is unavailable: the answer was neither read from the cache nor stored.",
  failed: "Redis failed during the request.",
  off: "The cache is disabled.",
};

let asking = new AbortController();
let shown = null; // the answer on the page: its field in the cache and the notes that it retrieved

async function ask(query) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  find("#question").value = query;
  find("#ask button[type=submit]").disabled = true;
  showTab("ask");
  const stop = showProgress(query);
  let sources = [];
  let text = "";
  const onEvent = (name, data) => {
    if (name === "metadata") {
      ({ sources } = data);
      find("#activity").textContent = `Writing an answer from ${plural(sources.length, "passage")} …`;
    }
    if (name === "delta") showText((text += data.text), (n) => n <= sources.length);
  };
  const body = { query, no_cache: find("#no-cache").checked };
  const result = await attempt("The question was not answered", () => requestEvents("playground/ask", body, signal, onEvent));
  stop();
  if (signal.aborted) return; // another question replaced this one
  find("#ask button[type=submit]").disabled = false;
  find("#answer").hidden = !result; // the text of a stream that failed is no answer
  if (!result) return;
  showAnswer(result);
  showSteps(result);
  showSimilar(result);
  announce(`Answered. ${find("#band").textContent}`);
  await refreshCached();
}

/** Show what happens, and for how long, until the returned function is called. */
function showProgress(query) {
  shown = null;
  find("#answer").hidden = false;
  find("#answer-title").textContent = query;
  find("#outdated").replaceChildren();
  find("#text").replaceChildren();
  for (const part of ["#result", "#cited", "#details"]) find(part).hidden = true;
  find("#progress").hidden = false;
  find("#activity").textContent = "Searching the cache and your notes …";
  const started = performance.now();
  const show = () => (find("#elapsed").textContent = `${((performance.now() - started) / 1000).toFixed(1)} s`);
  const timer = setInterval(show, 100);
  show();
  return () => {
    clearInterval(timer);
    find("#progress").hidden = true;
  };
}

/** Show the text of an answer; each [n] of a passage for which `isLinked(n)` becomes a link to it. */
function showText(text, isLinked) {
  const cite = (n) => (n > 0 && isLinked(n) ? element("a", `[${n}]`, { href: `#source-${n}` }) : null);
  find("#text").replaceChildren(...renderMarkdown(text, cite));
}

function showAnswer(result) {
  const { answer, sources, metadata } = result.reply;
  shown = { field: result.field, query: metadata.query, notes: new Set(sources.map((source) => source.note_id)) };
  find("#answer-title").textContent = metadata.query;
  showText(answer, (n) => sources[n - 1]?.cited);
  find("#result").hidden = false;
  find("#band").replaceChildren(...describeResult(result));
  find("#remarks").replaceChildren(...remarks(metadata).map((text) => element("li", text)));
  const items = sources.map((source, index) => ({ ...source, number: index + 1 }));
  const cited = items.filter((source) => source.cited);
  const others = items.filter((source) => !source.cited);
  find("#cited").hidden = cited.length === 0;
  find("#sources").replaceChildren(...cited.map(passage));
  find("#details").hidden = false;
  find("#passages").hidden = others.length === 0;
  find("#passages .count").textContent = others.length;
  find("#others").replaceChildren(...others.map(passage));
}

/** Describe where the answer came from and what that saved, as the parts of one line. */
function describeResult({ reply: { metadata }, duration_ms, cost }) {
  const hit = metadata.tier === "l1" && !metadata.stale;
  const kind = metadata.stale ? "Expired answer" : metadata.extractive ? "Quotation" : hit ? kinds[metadata.match] : metadata.answer_id ? "New answer" : "No answer";
  const parts = [element("strong", kind, { class: hit ? "hit" : "" }), element("span", duration(duration_ms))];
  const first = firstDuration(metadata, duration_ms);
  const ratio = first / duration_ms;
  if (ratio >= 1.5) parts.push(element("span", `${number(ratio)} times faster than the first answer`));
  if (cost && hit) parts.push(element("span", `saved ${dollars(cost)}`));
  else if (cost && metadata.tier !== "l1") parts.push(element("span", `cost ${dollars(cost)}`));
  if (metadata.matched_question) {
    const link = element("button", metadata.matched_question, { type: "button", class: "link" });
    link.addEventListener("click", () => ask(metadata.matched_question));
    const from = element("span", "answer to ");
    from.append(link);
    parts.push(from);
  }
  return parts;
}

/** The milliseconds that generating the answer took, if it was generated in this tab; else NaN. */
function firstDuration({ answer_id, tier }, duration_ms) {
  if (!answer_id) return NaN;
  const key = `milliseconds of ${answer_id.split(".")[0]}`; // an alias adds its own id
  if (tier !== "l1") sessionStorage.setItem(key, duration_ms);
  return tier === "l1" ? Number(sessionStorage.getItem(key) ?? NaN) : NaN;
}

/** What else a reader should know of an answer, as sentences. */
function remarks(metadata) {
  const all = [];
  if (metadata.stale) all.push("The language model is unavailable, so this answer is past its time to live.");
  if (metadata.extractive) all.push("The language model is unavailable, so this answer quotes the notes. It was not cached.");
  if (metadata.incomplete) all.push("The answer ends early and was not cached. Raise ANSWER_MAX_TOKENS.");
  if (metadata.valid_on) all.push(`The answer depends on the day. It is served on ${metadata.valid_on} only.`);
  if (metadata.cache !== "ok") all.push(cacheProblems[metadata.cache]);
  if (metadata.tier === "l2") all.push("The embedding of the question was cached.");
  if (metadata.tier === "l3") all.push("The retrieved passages were cached.");
  if (metadata.match_rejection) {
    const reason = metadata.match_rejection === "verifier" ? "the language model found different questions" : metadata.match_rejection;
    all.push(`The answer to a similar question was not used: ${reason}.`);
  }
  return all;
}

/** Create the list item of a passage; its title opens the note. */
function passage({ number: n, note_id, title, similarity, content }) {
  const item = element("li", "", { id: `source-${n}` });
  const open = element("button", title || note_id, { type: "button", class: "link" });
  open.addEventListener("click", () => openNote(note_id));
  const heading = element("p", `[${n}] `, { class: "source" });
  heading.append(open, element("span", ` similarity ${similarity.toFixed(2)}`, { class: "count" }));
  item.append(heading, ...renderMarkdown(content, () => null));
  return item;
}

/** Mark the shown answer as outdated, if a change of `noteId` dropped it or its note was retrieved. */
function markOutdated(noteId, droppedFields) {
  if (!shown || !(droppedFields.has(shown.field) || shown.notes.has(noteId))) return;
  const again = element("button", "Ask again", { type: "button", class: "light" });
  again.addEventListener("click", () => ask(shown.query));
  find("#outdated").replaceChildren(element("span", "Outdated: a note of this answer has changed since."), again);
}

function showSteps(result) {
  const total = Math.max(result.duration_ms, 0.001);
  find("#steps").replaceChildren(
    ...result.steps.map(({ name, start_ms, duration_ms }) => {
      const bar = element("span", "", { class: "bar", "aria-hidden": "true" });
      const fill = element("span");
      fill.style.marginLeft = `${Math.min(99.4, (100 * start_ms) / total)}%`;
      fill.style.width = `${Math.max(0.6, (100 * duration_ms) / total)}%`;
      bar.append(fill);
      return wrap("li", [element("span", name.replaceAll("_", " ")), bar, element("span", duration(duration_ms), { class: "duration" })]);
    }),
  );
}

/** Show the similar cached questions; the list is null without Redis or the embedding model. */
function showSimilar({ similar_questions: similar, reply }) {
  find("#similar").hidden = !similar?.length;
  find("#similar .count").textContent = similar?.length ?? "";
  find("#similar-list").replaceChildren(
    ...(similar ?? []).map((other) => {
      const used = reply.metadata.matched_question === other.question;
      const verdict = used ? "answer used" : other.match ? "match" : "no match";
      const line = element("p", `cosine ${Math.max(0, other.cosine).toFixed(2)} · `);
      line.append(element("span", verdict, { class: other.match ? "match" : "no-match" }), ` · ${other.reason}`);
      const rules = element("dl");
      for (const [rule, result] of Object.entries(other.rules)) {
        rules.append(element("dt", rule.replaceAll("_", " ")), element("dd", result));
      }
      const details = wrap("details", [element("summary", "Matching rules"), rules]);
      return wrap("li", [element("p", other.question, { class: "question" }), line, details]);
    }),
  );
}

find("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(find("#question").value);
});
find("#examples").addEventListener("click", ({ target }) => {
  if (target.type === "button") ask(target.textContent);
});
find("#text").addEventListener("click", ({ target }) => {
  // A citation may be of a folded passage.
  if (target.hash?.startsWith("#source-")) find(target.hash)?.closest("details")?.setAttribute("open", "");
});
