"use strict";
// Asking a question, and the way that its answer took.

const find = (selector) => document.querySelector(selector);
const svg = "http://www.w3.org/2000/svg";

/** Make an element; what is told of it is text, never markup. */
function element(name, told = "", given = {}) {
  const made = document.createElement(name);
  made.textContent = told;
  for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
  return made;
}

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
const time = (milliseconds) =>
  milliseconds < 1000 ? `${number(milliseconds)} ms` : `${number(milliseconds / 1000)} s`;

/** Send JSON and read JSON; a problem is thrown, and shown where somebody catches it. */
async function call(path, method = "GET", body = undefined, more = {}) {
  const headers = { "X-Tercet-User": encodedUser(), "Content-Type": "application/json", ...more };
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: sent, cache: "no-store" });
  const read = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(read.detail ?? `the server answered with ${response.status}`);
  return read;
}

/** A header holds bytes: the name's, in UTF-8. */
function encodedUser() {
  return String.fromCharCode(...new TextEncoder().encode(find("#user").value.trim() || "me"));
}

/** Do something that may fail, and say so where it does. */
async function attempt(what, doing) {
  find("#notice").hidden = true;
  try {
    return await doing();
  } catch (error) {
    find("#notice h2").textContent = what;
    find("#notice p").textContent = error.message;
    find("#notice").hidden = false;
    return null;
  }
}

async function ask(query) {
  const button = find("#ask button");
  button.disabled = true;
  const no_cache = find("#fresh").checked;
  const told = await attempt("This was not answered", () =>
    call("/playground/ask", "POST", { query, no_cache }),
  );
  button.disabled = false;
  if (!told) return;
  showAnswer(told);
  showWay(told);
  showNear(told);
  find("#announcement").textContent = `Answered: ${origin(told)}`;
  await refreshCached();
}

/** Say in a line where an answer came from. */
function origin({ reply, milliseconds }) {
  const { metadata } = reply;
  const names = { l1: "cached answer", l2: "cached embedding", l3: "cached passages" };
  const told = [names[metadata.tier] ?? "nothing cached", time(milliseconds)];
  if (metadata.match === "semantic") told.push(`as “${metadata.matched_question}”`);
  if (metadata.stale) told.push("stale: the model is left alone");
  if (metadata.extractive) told.push("quoted: the model is left alone");
  if (metadata.cache !== "ok") told.push(`cache ${metadata.cache}`);
  return told.join(", ");
}

function showAnswer({ reply, milliseconds }) {
  const { metadata } = reply;
  find("#answer").hidden = false;
  find("#answer-title").textContent = metadata.query;
  const hit = metadata.tier === "l1";
  const badges = [element("span", hit ? `${metadata.match} hit` : "written anew")];
  badges[0].className = hit ? "strong" : "";
  badges.push(element("span", metadata.tier ? `tier ${metadata.tier.toUpperCase()}` : "no tier"));
  badges.push(element("span", time(milliseconds)));
  if (metadata.stale || metadata.extractive) badges.push(element("span", metadata.stale ? "stale" : "quoted"));
  find("#badges").replaceChildren(...badges);
  find("#text").replaceChildren(...cited(reply.answer, reply.sources.length));
  const quoted = sentences(reply.answer);
  find("#passages").hidden = reply.sources.length === 0;
  find("#sources").replaceChildren(...reply.sources.map((source, n) => passage(source, n + 1, quoted)));
}

/** The answer's text, with each [1] a link to its passage. */
function cited(text, count) {
  return text.split(/(\[\d+\])/).map((part) => {
    const named = Number(/^\[(\d+)\]$/.exec(part)?.[1]);
    return named >= 1 && named <= count ? element("a", part, { href: `#source-${named}` }) : part;
  });
}

/** What an answer says, sentence by sentence, without its citations. */
function sentences(answer) {
  return answer.split(/\s*\[\d+\]\s*/).map((part) => part.trim()).filter((part) => part.length > 12);
}

/** A passage with what the answer quotes of it marked. */
function passage(source, n, quoted) {
  const item = element("li", "", { id: `source-${n}` });
  const text = element("p");
  const content = source.content.replace(/\s+/g, " ");
  const found = quoted
    .map((sentence) => sentence.replace(/\s+/g, " "))
    .map((sentence) => [content.indexOf(sentence), sentence.length])
    .filter(([start]) => start >= 0)
    .sort(([a], [b]) => a - b);
  let end = 0;
  for (const [start, length] of found) {
    if (start < end) continue;
    text.append(content.slice(end, start), element("mark", content.slice(start, start + length)));
    end = start + length;
  }
  text.append(content.slice(end));
  item.append(element("h3", `[${n}] ${source.note_id} · ${source.similarity.toFixed(2)}`), text);
  return item;
}

const steps = {
  lookup: "look up", load_miss_context: "load miss context", wait: "wait", embed: "embed", search: "search",
  match: "match", generate: "generate", store: "store", get_stale: "find stale", extract: "extract",
};

function showWay(told) {
  find("#way").hidden = false;
  const whole = Math.max(told.milliseconds, 0.001);
  find("#steps").replaceChildren(
    ...told.steps.map(({ name, began, milliseconds }) => {
      const item = element("li");
      const bar = element("span", "", { class: "bar", "aria-hidden": "true" });
      const drawn = document.createElementNS(svg, "svg");
      const part = document.createElementNS(svg, "rect");
      const width = Math.max(0.6, (100 * milliseconds) / whole);
      const given = { x: `${Math.min(99.4, (100 * began) / whole)}%`, width: `${width}%`, height: "100%" };
      for (const [key, value] of Object.entries(given)) part.setAttribute(key, value);
      drawn.append(part);
      bar.append(drawn);
      item.append(element("span", steps[name] ?? name), bar, element("span", time(milliseconds), { class: "took" }));
      return item;
    }),
  );
  find("#told").textContent = `${origin(told)}.${refusal(told.reply.metadata.match_refusal)}`;
}

/** Say why a near question's answer would not do: the rule's reason, the sources or a model. */
function refusal(refused) {
  if (!refused) return "";
  const reason = refused === "verifier" ? "a model takes the two for different questions" : refused;
  return ` The answer to a near question was refused: ${reason}.`;
}

function showNear({ near, reply }) {
  find("#near").hidden = !near?.length; // null where no model could embed the question
  if (!near) return;
  find("#others").replaceChildren(
    ...near.map((other) => {
      const item = element("li");
      const shared = reply.metadata.matched_question === other.question;
      const far = other.reason?.startsWith("cosine");
      const [verdict, look] = other.match ? ["the same question", "yes"] : far ? ["too far", "far"] : ["another question", "no"];
      const line = element("p", `cosine ${other.cosine.toFixed(2)} · `);
      line.append(element("span", shared ? "its answer served" : verdict, { class: look }));
      if (other.reason) line.append(` · ${other.reason}`);
      const more = element("details");
      const words = element("dl");
      for (const [rule, result] of Object.entries(other.rules)) {
        words.append(element("dt", rule), element("dd", result));
      }
      more.append(element("summary", "What each rule decides"), words);
      item.append(element("p", other.question, { class: "word" }), line, more);
      return item;
    }),
  );
}
