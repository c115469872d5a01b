"use strict";
// The figures, put where they belong. Nodes are kept and only their text is changed: whoever
// reads a table with a screen reader, or has marked a figure, is not thrown out by the next poll.

const find = (selector) => document.querySelector(selector);

function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

function node(name, content = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = content;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Write rows of a table; a row's first cell is its heading, and a node takes a cell's place. */
function fill(table, heads, rows) {
  const { length, 0: first } = table.rows;
  if (length !== rows.length + 1 || first.cells.length !== heads.length) {
    const head = node("tr");
    head.append(...heads.map((title) => node("th", title, { scope: "col" })));
    const body = rows.map((cells) => {
      const row = node("tr");
      row.append(...cells.map((_, index) => (index ? node("td") : node("th", "", { scope: "row" }))));
      return row;
    });
    const parts = [node("thead"), node("tbody")];
    parts[0].append(head);
    parts[1].append(...body);
    table.replaceChildren(...parts);
  }
  heads.forEach((title, index) => text(table.rows[0].cells[index], title));
  rows.forEach((cells, number) => {
    cells.forEach((value, index) => {
      const cell = table.rows[number + 1].cells[index];
      if (value instanceof Node) cell.replaceChildren(value);
      else text(cell, value);
    });
  });
}

function list(name, entries) {
  const host = find(`[data-list=${name}]`);
  if (!host.children.length) {
    host.append(...entries.map(([term]) => {
      const pair = node("div");
      pair.append(node("dt", term), node("dd"));
      return pair;
    }));
  }
  entries.forEach(([, value], index) => {
    const { lastChild: figure } = host.children[index];
    text(figure, value);
    figure.classList.toggle("nil", value === none || value === count(0));
  });
}

function key(name, series) {
  const host = find(`[data-key=${name}]`);
  if (host.textContent === series.map(({ name: title }) => title).join("")) return;
  host.replaceChildren(...series.map(({ name: title, colour }) => {
    const item = node("li");
    item.append(node("span", "", { class: `swatch ${colour}` }), title);
    return item;
  }));
}

/** What each question cost to serve, the cheapest first; then those that no tier can tell of. */
const tiers = [
  ["The same question", "L1 exact", "c1", ({ outcomes }) => outcomes.exact],
  ["Waited for the same", "L1 coalesced", "c2", ({ outcomes }) => outcomes.coalesced],
  ["Another wording", "L1 semantic", "c3", ({ outcomes }) => outcomes.semantic],
  ["New answer, search saved", "L3", "c4", ({ outcomes }) => outcomes.l3],
  ["New answer, embedding saved", "L2", "c5", ({ outcomes }) => outcomes.l2],
  ["New answer, nothing saved", "miss", "c6", ({ outcomes }) => outcomes.none],
  ["Old answer", "model left alone", "c7", ({ outcomes }) => outcomes.stale],
  ["Quotation", "model left alone", "c8", ({ outcomes }) => outcomes.extractive],
  ["No notes to answer from", "no answer", "c9", ({ outcomes }) => outcomes.no_notes],
  ["Failed", "no answer", "bad", ({ outcomes }) => outcomes.failed],
  ["Under way, or the cache was lost", "not known", "c9", ({ outcomes }) => outcomes.other],
];
const usual = 6;

/** The usual outcomes, and of the others those that there were. */
function met(days, window) {
  return tiers.filter(([, , , of], place) => place < usual || [window, ...days].some((each) => of(each)));
}

const latencies = [
  ["Exact", "exact", "c1"],
  ["Waited", "coalesced", "c2"],
  ["Semantic", "semantic", "c3"],
  ["New answer (miss)", "generated", "c6"],
];

/** Show a response of `cache-stats`: the sums of `window`, and each day of the charts. */
function report(stats, window, chosen) {
  const { days } = stats;
  const figures = {
    avoided: share(window.answer_hit_rate),
    avoidedOf: `${count(window.cache_hits.l1)} of ${count(window.total_requests)} questions`,
    anyTier: share(window.combined_hit_rate),
    saved: money(window.cost_saved),
    spent: money(window.cost_actual),
    baseline: money(window.cost_baseline),
  };
  for (const [name, value] of Object.entries(figures)) text(find(`[data-figure=${name}]`), value);
  fill(find("[data-bars=tiers]"), ["How", "", "Questions", "Share"], met(days, window).map(([name, tag, colour, of]) => {
    const part = ratio(of(window), window.total_requests);
    const title = node("span", name);
    title.append(node("small", tag));
    return [title, bar(part, colour), count(of(window)), share(part)];
  }));
  fill(find("[data-latency]"), ["Served", "P50 to P95", "P50", "P95"], latencies.map(([name, outcome, colour]) => {
    const latency = window.latency_ms[outcome];
    return [name, range(latency, colour), duration(latency.p50), duration(latency.p95)];
  }));
  lists(stats, window);
  charts(days, window, chosen);
}

function lists(stats, window) {
  const { note_changes: changes, matches_rejected: matches, latency_ms: latency } = window;
  const kept = ratio(changes.answers_retained, changes.answers_retained + changes.answers_dropped);
  list("changes", [
    ["Acknowledged", count(changes.acknowledged)],
    ["Cached answers kept", kept === null ? none : `${count(changes.answers_retained)} (${share(kept)})`],
    ["Cached answers dropped", count(changes.answers_dropped)],
    ["Lag from change to acknowledgement, mean", duration(changes.avg_lag_ms)],
  ]);
  const { tiers: looks } = stats;
  list("memory", [
    ["Answers (L1)", count(stats.l1_query.total_entries)],
    ["Embeddings (L2)", count(stats.l2_embedding.total_entries)],
    ["Contexts (L3)", count(stats.l3_context.total_entries)],
    ["Dropped so far of L1, L2, L3", ["l1", "l2", "l3"].map((tier) => count(looks[tier].drops)).join(", ")],
  ]);
  list("trouble", [
    ["Requests failed", count(latency.failed.count)],
    ["Answered without the cache", count(window.cache_unavailable)],
    ["Losses of the cache, by containers", count(window.redis_outages)],
    ["Times a model was left alone", count(window.breaker_opens)],
    ["Old answers given meanwhile", count(window.outcomes.stale)],
    ["Quotations given meanwhile", count(window.outcomes.extractive)],
  ]);
  list("refused", [
    ["Near answers, by the guard", count(matches.rules)],
    ["Near answers, by the verifier", count(matches.verifier)],
    ["Near answers, for their sources", count(matches.sources)],
    ["New answers, for a note had changed", count(window.stores_refused)],
    ["Cached questions beyond a user’s bound", count(window.trimmed)],
  ]);
  memory(stats.memory_mb, stats.memory_limit_mb);
}

function memory(used, limit) {
  const host = find("[data-memory]");
  const part = ratio(used, limit);
  const bound = limit ? `of ${megabytes(limit)} (${share(part)})` : "used; no limit is set";
  const said = used === null ? "The server does not tell its memory" : `${megabytes(used)} ${bound}`;
  const content = [node("p", said)];
  if (part !== null) {
    const meter = node("div", "", { role: "meter", "aria-label": "Memory", "aria-valuemin": 0 });
    meter.setAttribute("aria-valuemax", limit);
    meter.setAttribute("aria-valuenow", used);
    meter.setAttribute("aria-valuetext", said);
    meter.append(bar(part, part > 0.9 ? "bad" : "c1"));
    content.push(meter);
  }
  host.replaceChildren(...content);
}

/** The three charts of days, each with its key and its table. */
function charts(days, window, chosen) {
  const dates = days.map(({ date }) => date);
  const of = (pick) => days.map(pick);
  const show = (name, draw, series, format, label, least) => {
    key(name, series);
    draw(find(`[data-chart=${name}]`), { days: dates, series, format, label, chosen, least });
    const rows = dates.map((day, index) => [longDate(day), ...series.map(({ values }) => format(values[index]))]);
    fill(find(`[data-table=${name}]`), ["Day", ...series.map(({ name: title }) => title)], rows.reverse());
  };
  show("share", lines, [
    { name: "Any tier", colour: "c3", values: of((day) => day.combined_hit_rate) },
    { name: "Answers avoided", colour: "c1", values: of((day) => day.answer_hit_rate) },
  ], share, `Line chart of ${days.length} days, up to today: ${share(days.at(-1).answer_hit_rate)} of today’s answers avoided`);
  show("questions", columns, met(days, window).map(([name, , colour, pick]) => ({ name, colour, values: of(pick) })),
    count, `Columns of ${days.length} days, by how questions were served: ${count(days.at(-1).total_requests)} questions today`, 2);
  show("money", columns, [
    { name: "Saved", colour: "c1", values: of((day) => day.cost_saved) },
    { name: "Spent", colour: "c6", values: of((day) => day.cost_actual) },
  ], money, `Columns of ${days.length} days: ${money(days.at(-1).cost_saved)} saved today`, 0.0002);
}
