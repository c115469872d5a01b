"use strict";
// The period of the statistics: it is chosen on the page, and stored in its URL.

const periods = { 1: "today", 7: "in the last 7 days", 30: "in the last 30 days" };
const minDays = 7; // one day is no chart: today is shown within its week
const maxDays = 90;
const dayMs = 86_400_000;

const isoDate = (time) => new Date(time).toISOString().slice(0, 10);
const radio = (value) => find(`[name=period][value="${value}"]`);

/** The chosen period: `1`, `7`, `30` or `range`. */
const chosen = () => find("[name=period]:checked").value;
const isRange = () => chosen() === "range";
const periodName = () => (isRange() ? `from ${find("#from").value} to ${find("#to").value}` : periods[chosen()]);

/** The query of the chosen period; null while its dates are incomplete. */
function periodQuery() {
  if (!isRange()) return `days=${Math.max(chosen(), minDays)}`;
  const dates = [find("#from"), find("#to")];
  return dates.every((field) => field.checkValidity()) ? `from=${dates[0].value}&to=${dates[1].value}` : null;
}

/** The query of the period before `days`, of the same length; null if its counters have expired. */
function previousQuery(days) {
  const first = Date.parse(days[0].date);
  const from = isoDate(first - days.length * dayMs);
  return from > isoDate(Date.now() - maxDays * dayMs) ? `from=${from}&to=${isoDate(first - dayMs)}` : null;
}

/** Choose the period of the URL, and limit dates to those of which counters are stored. */
function restorePeriod() {
  const { days, from, to } = Object.fromEntries(new URLSearchParams(location.search));
  if (from && to) {
    [find("#from").value, find("#to").value] = [from, to];
    radio("range").checked = true;
  } else if (Object.hasOwn(periods, days)) radio(days).checked = true;
  limitDates();
}

function limitDates() {
  const today = isoDate(Date.now());
  find("#range").hidden = !isRange();
  if (!find("#from").value && !find("#to").value) {
    [find("#from").value, find("#to").value] = [isoDate(Date.now() - 13 * dayMs), today];
  }
  find("#from").min = isoDate(Date.now() - (maxDays - 1) * dayMs);
  find("#from").max = find("#to").value || today;
  find("#to").min = find("#from").value;
  find("#to").max = today;
  setText(find("#problem"), isRange() ? datesProblem() : "");
}

/** What is wrong with the dates; "" if nothing is. */
function datesProblem() {
  const [from, to] = [find("#from"), find("#to")];
  if (!from.value || !to.value) return "Enter both dates.";
  if (from.value > to.value) return "The first day is after the last day.";
  const isStored = from.checkValidity() && to.checkValidity();
  return isStored ? "" : `Statistics are stored from ${from.min} to ${to.max}.`;
}

/** Call `changed` when another period is chosen, after it is stored in the URL. */
function watchPeriod(changed) {
  const onChange = () => {
    limitDates();
    const dates = isRange() ? [find("#from").value, find("#to").value] : ["", ""];
    setParameters({ days: isRange() || chosen() === "7" ? "" : chosen(), from: dates[0], to: dates[1] });
    changed();
  };
  for (const field of document.querySelectorAll("[name=period], #range input")) field.addEventListener("change", onChange);
}

/** The columns of the exported file: a heading and the value of a day. */
const exported = {
  date: (day) => day.date,
  requests: (day) => day.total_requests,
  answer_hit_rate: (day) => day.answer_hit_rate,
  combined_hit_rate: (day) => day.combined_hit_rate,
  cost_saved_usd: (day) => day.cost_saved,
  cost_spent_usd: (day) => day.cost_actual,
  p50_ms: (day) => day.latency_ms.all.p50,
  p95_ms: (day) => day.latency_ms.all.p95,
  ...Object.fromEntries(outcomes.map(({ outcome }) => [outcome, (day) => day.outcomes[outcome]])),
  answers_dropped: (day) => day.note_changes.answers_dropped,
  answers_retained: (day) => day.note_changes.answers_retained,
};

/** Save days as a CSV file (RFC 4180). */
function exportDays(days) {
  const rows = [Object.keys(exported), ...days.map((day) => Object.values(exported).map((value) => value(day) ?? ""))];
  const text = rows.map((cells) => `${cells.join(",")}\r\n`).join("");
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  element("a", "", { href: url, download: `tercet-${days[0].date}-${days.at(-1).date}.csv` }).click();
  URL.revokeObjectURL(url);
}
