"use strict";
// Questions, answers and how each answer was found.

const tierNames = { l1: "cached answer", l2: "cached embedding", l3: "cached passages" };

async function ask(query) {
  const button = find("#ask button");
  button.disabled = true;
  const body = { query, no_cache: find("#no-cache").checked };
  let text = "";
  const onEvent = (name, data) => {
    if (name === "metadata") showStart(query, data);
    if (name === "delta") find("#text").textContent = text += data.text;
  };
  const result = await attempt("The question was not answered", () => requestEvents("playground/ask", body, onEvent));
  button.disabled = false;
  if (!result) {
    if (text) find("#answer").hidden = true; // the text of a stream that failed is no answer
    return;
  }
  showAnswer(result);
  showSteps(result);
  showSimilar(result);
  find("#announcement").textContent = `Answered: ${summary(result)}`;
  await refreshCached();
}

/** Summarize the source of an answer in one line. */
function summary({ reply, duration_ms }) {
  const { metadata } = reply;
  const parts = [tierNames[metadata.tier] ?? "nothing cached", duration(duration_ms)];
  if (metadata.match === "semantic") parts.push(`matched “${metadata.matched_question}”`);
  if (metadata.stale) parts.push("stale: the language model is unavailable");
  if (metadata.extractive) parts.push("extractive: the language model is unavailable");
  if (metadata.incomplete) parts.push("incomplete: raise ANSWER_MAX_TOKENS");
  if (metadata.cache !== "ok") parts.push(`cache ${metadata.cache}`);
  return parts.join(", ");
}

/** Show what is known before the text. */
function showStart(query, { sources }) {
  find("#answer").hidden = false;
  find("#answer-title").textContent = query;
  find("#badges").replaceChildren(element("span", "answering …"));
  find("#text").textContent = "";
  find("#passages").hidden = sources.length === 0;
  find("#sources").replaceChildren(...sources.map((source, n) => passage(source, n + 1)));
}

function showAnswer({ reply, duration_ms }) {
  const { metadata } = reply;
  find("#answer").hidden = false;
  find("#answer-title").textContent = metadata.query;
  const hit = metadata.tier === "l1";
  const labels = [hit ? `${metadata.match} hit` : "generated", metadata.tier ? `tier ${metadata.tier.toUpperCase()}` : "no tier", duration(duration_ms)];
  if (metadata.stale) labels.push("stale");
  if (metadata.extractive) labels.push("extractive");
  if (metadata.incomplete) labels.push("incomplete");
  if (metadata.valid_on) labels.push(`valid on ${metadata.valid_on}`);
  find("#badges").replaceChildren(...labels.map((label) => element("span", label)));
  find("#badges span").className = hit ? "strong" : "";
  find("#text").replaceChildren(...withCitations(reply.answer, reply.sources));
  find("#passages").hidden = reply.sources.length === 0;
  find("#sources").replaceChildren(...reply.sources.map((source, n) => passage(source, n + 1)));
}

/** Turn each [1] of an answer that cites a passage into a link to it. */
function withCitations(text, sources) {
  return text.split(/(\[\d+\])/).map((part) => {
    const number = /^\[(\d+)\]$/.exec(part)?.[1];
    return sources[number - 1]?.cited ? element("a", part, { href: `#source-${number}` }) : part;
  });
}

/** Create the list item of a passage. */
function passage({ note_id, title, similarity, cited, content }, n) {
  const item = element("li", "", { id: `source-${n}` });
  item.append(element("h3", `[${n}] ${title || note_id} · ${similarity.toFixed(2)}${cited ? " · cited" : ""}`), element("p", content.replace(/\s+/g, " ")));
  return item;
}

function showSteps(result) {
  const total = Math.max(result.duration_ms, 0.001);
  find("#timing").hidden = false;
  find("#steps").replaceChildren(
    ...result.steps.map(({ name, start_ms, duration_ms }) => {
      const bar = element("span", "", { class: "bar", "aria-hidden": "true" });
      const fill = element("span");
      fill.style.marginLeft = `${Math.min(99.4, (100 * start_ms) / total)}%`;
      fill.style.width = `${Math.max(0.6, (100 * duration_ms) / total)}%`;
      bar.append(fill);
      const item = element("li");
      item.append(element("span", name.replaceAll("_", " ")), bar, element("span", duration(duration_ms), { class: "duration" }));
      return item;
    }),
  );
  const rejection = result.reply.metadata.match_rejection;
  const reason = rejection === "verifier" ? "the language model found different questions" : rejection;
  find("#summary").textContent = `${summary(result)}.${reason ? ` A similar question did not match: ${reason}.` : ""}`;
}

/** Show the similar cached questions; the list is null if the embedding model is unavailable. */
function showSimilar({ similar_questions: similar, reply }) {
  find("#similar").hidden = !similar?.length;
  find("#similar-list").replaceChildren(
    ...(similar ?? []).map((other) => {
      const line = element("p", `cosine ${other.cosine.toFixed(2)} · `);
      const used = reply.metadata.matched_question === other.question;
      const verdict = used ? "answer used" : other.match ? "match" : "no match";
      line.append(element("span", verdict, { class: other.match ? "match" : "no-match" }), ` · ${other.reason}`);
      const rules = element("dl");
      for (const [rule, result] of Object.entries(other.rules)) {
        rules.append(element("dt", rule.replaceAll("_", " ")), element("dd", result));
      }
      const details = element("details");
      details.append(element("summary", "Matching rules"), rules);
      const item = element("li");
      item.append(element("p", other.question, { class: "question" }), line, details);
      return item;
    }),
  );
}
