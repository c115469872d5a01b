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
  { name: "Exact hit", outcome: "exact", colour: "exact" },
  { name: "Coalesced", outcome: "coalesced", colour: "coalesced" },
  { name: "Semantic hit", outcome: "semantic", colour: "semantic" },
  { name: "Generated, search cached", outcome: "l3", colour: "generated" },
  { name: "Generated, embedding cached", outcome: "l2", colour: "generated" },
  { name: "Generated, nothing cached", outcome: "none", colour: "generated" },
  { name: "Stale answer", outcome: "stale", colour: "fallback" },
  { name: "Extractive answer", outcome: "extractive", colour: "fallback" },
  { name: "No notes", outcome: "no_notes", colour: "rest" },
  { name: "Failed", outcome: "failed", colour: "failed" },
  { name: "In progress, or unknown", outcome: "other", colour: "rest" },
];
const alwaysShown = 6;

/** Groups of outcomes in the chart: a series each, by colour. The first four are always shown. */
const groups = {
  exact: "Exact hit",
  coalesced: "Coalesced",
  semantic: "Semantic hit",
  generated: "Generated",
  fallback: "Stale or extractive",
  failed: "Failed",
  rest: "Other",
};
const groupsAlwaysShown = 4;

const latencies = { exact: "Exact hit", coalesced: "Coalesced", semantic: "Semantic hit", generated: "Generated" };

/** Write values into the elements that name them, for example `data-value="period.trimmed"`. */
function showValues(values) {
  for (const element of document.querySelectorAll("[data-value]")) {
    const path = element.dataset.value.split(".");
    setText(element, formats[element.dataset.format ?? "count"](path.reduce((object, name) => object[name], values)));
  }
}

/** Show a response: the sums of `period`, and charts of the days. */
function showReport(stats, period, selected, isToday) {
  const { days } = stats;
  const { answers_retained: retained, answers_dropped: dropped } = period.note_changes;
  const shown = outcomes.filter(
    ({ outcome }, index) => index < alwaysShown || [period, ...days].some((each) => each.outcomes[outcome]),
  );
  const { failed, all } = period.latency_ms;
  showValues({
    stats,
    period,
    retainedShare: ratio(retained, retained + dropped),
    failedShare: ratio(failed.count, all.count),
    timeSaved: timeSaved(period),
  });
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
  showCharts(days, selected);
  showHours(stats.today_by_hour, isToday);
  showRecent(stats.recent_requests);
}

function showMemory(used, limit) {
  const part = ratio(used, limit);
  const bound = limit ? `of ${megabytes(limit)} (${share(part)})` : "used; no limit is set";
  const text = used === null ? "The server does not report its memory." : `${megabytes(used)} ${bound}`;
  const content = [element("p", text)];
  if (part !== null) {
    const range = { "aria-valuemin": 0, "aria-valuemax": limit, "aria-valuenow": used, "aria-valuetext": text };
    const meter = element("div", "", { role: "meter", "aria-label": "Memory", ...range });
    meter.append(bar(part, part > 0.9 ? "failed" : "exact"));
    content.push(meter);
  }
  find("[data-memory]").replaceChildren(...content);
}

/** Draw a chart with a legend, and a table whose rows are the columns of the chart, the last first. */
function showChart(name, heading, columns, { format, minimum, label, series }) {
  fillLegend(name, series);
  drawChart(find(`[data-chart=${name}]`), { columns, series, format, minimum, label });
  const rows = columns.map(({ title }, index) => [title, ...series.map(({ values }) => format(values[index]))]);
  fillTable(name, [heading, ...series.map((each) => each.name)], rows.reverse());
}

/** Draw the three charts of days. */
function showCharts(days, selected) {
  const columns = dayColumns(days.map(({ date }) => date), selected);
  const last = days.at(-1);
  const when = `on ${longDate(last.date)}`;
  const show = (name, format, minimum, label, series) => (
    showChart(name, "Day", columns, { format, minimum, label: `${days.length} days: ${label} ${when}`, series })
  );
  show("rates", share, 1, `answer hit rate ${share(last.answer_hit_rate)}`, [
    { name: "Answer cached", colour: "exact", values: days.map((day) => day.answer_hit_rate) },
    { name: "Search or embedding cached", colour: "generated", values: days.map((day) => (
      day.combined_hit_rate === null ? null : day.combined_hit_rate - day.answer_hit_rate
    )) },
  ]);
  const ofGroup = (day, colour) => (
    outcomes.reduce((sum, each) => sum + (each.colour === colour ? day.outcomes[each.outcome] : 0), 0)
  );
  const series = Object.entries(groups).map(([colour, name]) => ({ name, colour, values: days.map((day) => ofGroup(day, colour)) }));
  const occurred = series.filter(({ values }, index) => index < groupsAlwaysShown || values.some(Boolean));
  show("requests", count, 2, `${count(last.total_requests)} requests`, occurred);
  show("cost", money, 0.0002, `${money(last.cost_saved)} saved`, [
    { name: "Saved", colour: "exact", values: days.map((day) => day.cost_saved) },
    { name: "Spent", colour: "generated", values: days.map((day) => day.cost_actual) },
  ]);
}

/** Draw the chart of today's hours, if it was chosen and any request was counted. */
function showHours(hours, isToday) {
  const columns = hours.map(({ hour }) => ({ title: `${hour}:00`, tick: hour % 3 ? "" : `${hour}`, pale: false }));
  const total = hours.reduce((sum, each) => sum + each.total_requests, 0);
  find("#hours").hidden = !isToday || total === 0;
  showChart("hours", "Hour", columns, { format: count, minimum: 2, label: `${count(total)} requests today`, series: [
    { name: "No answer generated", colour: "exact", values: hours.map((each) => each.answers_avoided) },
    { name: "Answer generated, or failed", colour: "generated", values: hours.map((each) => each.total_requests - each.answers_avoided) },
  ] });
}

/** List the recent requests; there are none if this process answers no questions. */
function showRecent(requests) {
  find("#recent").hidden = requests.length === 0;
  const names = Object.fromEntries(outcomes.map(({ name, outcome }) => [outcome, name]));
  fillTable("recent", ["Time", "Outcome", "Tier", "Latency", "Request id"], requests.map((each) => [
    clock.format(new Date(each.timestamp)),
    names[each.outcome],
    each.tier?.toUpperCase() ?? missing,
    duration(each.duration_ms),
    each.request_id,
  ]));
}
