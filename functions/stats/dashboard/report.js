"use strict";
// Writes a response of `cache-stats` into the page. Elements stay and only their text changes, so
// that a refresh interrupts neither a screen reader nor a selection.

/** Write a table. The first cell of a row is its heading; a cell is a text or an element. */
function fillTable(name, headings, rows) {
  const table = find(`[data-table=${name}]`);
  const all = [headings, ...rows];
  if (table.rows.length !== all.length || table.rows[0].cells.length !== headings.length) {
    const head = element("thead");
    head.append(element("tr"));
    head.rows[0].append(...headings.map(() => element("th", "", { scope: "col" })));
    const body = element("tbody");
    for (const [, ...values] of rows) {
      body.insertRow().append(element("th", "", { scope: "row" }), ...values.map(() => element("td")));
    }
    table.replaceChildren(head, body);
  }
  all.forEach((cells, number) => cells.forEach((value, index) => {
    const cell = table.rows[number].cells[index];
    if (value instanceof Node) cell.replaceChildren(value);
    else setText(cell, value);
  }));
}

function fillLegend(name, series) {
  const list = find(`[data-legend=${name}]`);
  if (list.textContent === series.map((each) => each.name).join("")) return;
  list.replaceChildren(...series.map((each) => {
    const item = element("li");
    item.append(element("span", "", { class: `swatch ${each.colour}` }), each.name);
    return item;
  }));
}

/** Outcomes, the cheapest first. The first six are always shown, the others if they occurred. */
const outcomes = [
  { name: "Exact hit", outcome: "exact", colour: "c1" },
  { name: "Coalesced", outcome: "coalesced", colour: "c2" },
  { name: "Semantic hit", outcome: "semantic", colour: "c3" },
  { name: "Generated, search cached", outcome: "l3", colour: "c4" },
  { name: "Generated, embedding cached", outcome: "l2", colour: "c5" },
  { name: "Generated, nothing cached", outcome: "none", colour: "c6" },
  { name: "Stale answer", outcome: "stale", colour: "c7" },
  { name: "Extractive answer", outcome: "extractive", colour: "c8" },
  { name: "No notes", outcome: "no_notes", colour: "c9" },
  { name: "Failed", outcome: "failed", colour: "bad" },
  { name: "In progress, or unknown", outcome: "other", colour: "c9" },
];
const alwaysShown = 6;

const latencies = { exact: "Exact hit", coalesced: "Coalesced", semantic: "Semantic hit", generated: "Generated" };

/** Write values into the elements that name them, for example `data-value="period.trimmed"`. */
function showValues(values) {
  for (const element of document.querySelectorAll("[data-value]")) {
    const path = element.dataset.value.split(".");
    setText(element, formats[element.dataset.format ?? "count"](path.reduce((object, name) => object[name], values)));
  }
}

/** Show a response: the sums of `period`, and a chart of the days. */
function showReport(stats, period, selected) {
  const { days } = stats;
  const { answers_retained: retained, answers_dropped: dropped } = period.note_changes;
  const shown = outcomes.filter(
    ({ outcome }, index) => index < alwaysShown || [period, ...days].some((each) => each.outcomes[outcome]),
  );
  showValues({ stats, period, retainedShare: ratio(retained, retained + dropped) });
  fillTable("outcomes", ["Outcome", "", "Requests", "Share"], shown.map(({ name, outcome, colour }) => {
    const number = period.outcomes[outcome];
    const part = ratio(number, period.total_requests);
    return [name, bar(part, colour), count(number), share(part)];
  }));
  fillTable("latency", ["Outcome", "P50", "P95"], Object.entries(latencies).map(([outcome, name]) => {
    const { p50, p95 } = period.latency_ms[outcome];
    return [name, duration(p50), duration(p95)];
  }));
  showMemory(stats.memory_mb, stats.memory_limit_mb);
  showCharts(days, shown, selected);
}

function showMemory(used, limit) {
  const part = ratio(used, limit);
  const bound = limit ? `of ${megabytes(limit)} (${share(part)})` : "used; no limit is set";
  const text = used === null ? "The server does not report its memory." : `${megabytes(used)} ${bound}`;
  const content = [element("p", text)];
  if (part !== null) {
    const range = { "aria-valuemin": 0, "aria-valuemax": limit, "aria-valuenow": used, "aria-valuetext": text };
    const meter = element("div", "", { role: "meter", "aria-label": "Memory", ...range });
    meter.append(bar(part, part > 0.9 ? "bad" : "c1"));
    content.push(meter);
  }
  find("[data-memory]").replaceChildren(...content);
}

/** Draw the three charts of days, each with a legend and a table. */
function showCharts(days, shownOutcomes, selected) {
  const dates = days.map(({ date }) => date);
  const today = days.at(-1);
  const show = (name, format, minimum, label, series) => {
    fillLegend(name, series);
    drawChart(find(`[data-chart=${name}]`), { days: dates, series, format, minimum, label: `${days.length} days: ${label}`, selected });
    const rows = dates.map((day, index) => [longDate(day), ...series.map(({ values }) => format(values[index]))]);
    fillTable(name, ["Day", ...series.map((each) => each.name)], rows.reverse());
  };
  show("rates", share, 1, `today’s answer hit rate is ${share(today.answer_hit_rate)}`, [
    { name: "Answer cached", colour: "c1", values: days.map((day) => day.answer_hit_rate) },
    { name: "Search or embedding cached", colour: "c4", values: days.map((day) => (
      day.combined_hit_rate === null ? null : day.combined_hit_rate - day.answer_hit_rate
    )) },
  ]);
  show("requests", count, 2, `${count(today.total_requests)} requests today`, shownOutcomes.map(({ name, outcome, colour }) => (
    { name, colour, values: days.map((day) => day.outcomes[outcome]) }
  )));
  show("cost", money, 0.0002, `${money(today.cost_saved)} saved today`, [
    { name: "Saved", colour: "c1", values: days.map((day) => day.cost_saved) },
    { name: "Spent", colour: "c6", values: days.map((day) => day.cost_actual) },
  ]);
}
