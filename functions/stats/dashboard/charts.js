"use strict";
// Charts: stacked columns, whose height is a share of the chart's, bars, and lines.

/** The smallest round number that is not below a value and has a round half. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

/**
 * Draw stacked columns, the first series at the bottom. Each of `columns` has a `title`, a `tick`
 * that may be empty, and `pale`. `minimum` is the lowest value at the upper edge. The tooltip of a
 * column has its values.
 */
function drawChart(container, { columns, series, format, label, minimum }) {
  const totals = columns.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
  const top = roundUp(Math.max(minimum, ...totals));
  const drawn = columns.map(({ title, tick, pale }, index) => {
    const values = series.map((each) => `${each.name}: ${format(each.values[index])}`);
    const column = element("div", "", { class: pale ? "column past" : "column", title: [title, ...values].join("\n") });
    for (const { values: heights, colour } of series.filter((each) => each.values[index])) {
      const part = element("div", "", { class: colour });
      part.style.height = `${(100 * heights[index]) / top}%`;
      column.append(part);
    }
    if (tick) column.append(element("span", tick, { class: "tick" }));
    return column;
  });
  const ticks = [top, top / 2].map((value) => element("span", format(value), { class: "tick" }));
  container.setAttribute("role", "img");
  container.setAttribute("aria-label", label);
  container.replaceChildren(...ticks, ...drawn);
}

/** Describe the columns of days; those that are not `selected(index)` are pale. */
function dayColumns(days, selected) {
  const isLong = days.length > 7;
  const step = Math.ceil(days.length / 5); // the labels are counted from the end, so that the last day has one
  return days.map((day, index) => ({
    title: longDate(day),
    tick: isLong && (days.length - 1 - index) % step ? "" : (isLong ? shortDate : weekday)(day),
    pale: !selected(index),
  }));
}

/** A bar whose filled part is a share of its width. */
function bar(part, colour) {
  const groove = element("div", "", { class: "bar", "aria-hidden": "true" });
  const filled = element("div", "", { class: colour });
  filled.style.width = `${100 * Math.min(part ?? 0, 1)}%`;
  groove.append(filled);
  return groove;
}

/** A line through values from 0 to their maximum; a missing value interrupts it. */
function sparkline(values) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const top = Math.max(...values.map((value) => value ?? 0)) || 1;
  const isMissing = (value) => value === null || value === undefined;
  const points = values.map((value, index) => {
    const x = (100 * index) / Math.max(1, values.length - 1);
    return isMissing(value) ? "" : `${index && !isMissing(values[index - 1]) ? "L" : "M"}${x.toFixed(1)} ${(23 - (22 * value) / top).toFixed(1)}`;
  });
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", points.join(""));
  svg.append(path);
  return svg;
}
