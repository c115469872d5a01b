"use strict";
// Charts of days: stacked columns, whose height is a share of the chart's.

/** The smallest round number that is not below a value and has a round half. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

/** Draw stacked columns, the first series at the bottom. Days that are not `selected` are pale.
 *  `minimum` is the lowest value at the upper edge. The tooltip of a column has its values. */
function drawChart(container, { days, series, format, label, selected, minimum }) {
  const totals = days.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
  const top = roundUp(Math.max(minimum, ...totals));
  const isLong = days.length > 7;
  const columns = days.map((day, index) => {
    const values = series.map((each) => `${each.name}: ${format(each.values[index])}`);
    const title = [longDate(day), ...values].join("\n");
    const column = element("div", "", { class: selected(index) ? "column" : "column past", title });
    for (const { values: heights, colour } of series) {
      const part = element("div", "", { class: colour });
      part.style.height = `${(100 * heights[index]) / top}%`;
      column.append(part);
    }
    // Counted from the end, so that today has a label.
    const isLabelled = !isLong || (days.length - 1 - index) % 7 === 0;
    if (isLabelled) column.append(element("span", (isLong ? shortDate : weekday)(day), { class: "tick" }));
    return column;
  });
  const ticks = [top, top / 2].map((value) => element("span", format(value), { class: "tick" }));
  container.setAttribute("role", "img");
  container.setAttribute("aria-label", label);
  container.replaceChildren(...ticks, ...columns);
}

/** A bar whose filled part is a share of its width. */
function bar(part, colour) {
  const groove = element("div", "", { class: "bar", "aria-hidden": "true" });
  const filled = element("div", "", { class: colour });
  filled.style.width = `${100 * Math.min(part ?? 0, 1)}%`;
  groove.append(filled);
  return groove;
}
