"use strict";
// Charts of days, drawn as SVG in the pixels of their container.

const height = 192;
const margin = { top: 24, right: 4, bottom: 24, left: 56 };

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The smallest round number that is not below a value and has a round half. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

/** Positions of days and values; `top` is the value at the upper edge. */
function createScale(container, days, top) {
  const width = Math.max(container.clientWidth, 240);
  const innerHeight = height - margin.top - margin.bottom;
  const step = (width - margin.left - margin.right) / days.length;
  return {
    width,
    step,
    left: (index) => margin.left + index * step,
    middle: (index) => margin.left + (index + 0.5) * step,
    y: (value) => margin.top + innerHeight * (1 - value / top),
  };
}

function axes(scale, days, top, format) {
  const lines = [0, top / 2, top].flatMap((value) => {
    const y = scale.y(value);
    return [
      svg("line", { class: "grid", x1: margin.left, x2: scale.width - margin.right, y1: y, y2: y }),
      svg("text", { class: "tick", x: margin.left - 8, y: y + 4, "text-anchor": "end" }, format(value)),
    ];
  });
  const long = days.length > 7;
  const last = days.length - 1;
  const every = Math.ceil((long ? 64 : 32) / scale.step);
  const names = days.flatMap((day, index) => {
    if ((last - index) % every) return []; // counted from the end, so that today has a label
    const place = { x: scale.middle(index), y: height - 6, "text-anchor": "middle" };
    if (long && index === last) Object.assign(place, { x: scale.width - margin.right, "text-anchor": "end" });
    return [svg("text", { class: "tick", ...place }, (long ? shortDate : weekday)(day))];
  });
  return [...lines, ...names];
}

/** An invisible column for each day, with the day's values as its tooltip. */
function tooltips(scale, days, series, format) {
  return days.map((day, index) => {
    const values = series.map((each) => `${each.name}: ${format(each.values[index])}`);
    const area = { class: "tooltip", x: scale.left(index), y: 0, width: scale.step, height: height - margin.bottom };
    return svg("rect", area, svg("title", {}, [longDate(day), ...values].join("\n")));
  });
}

/** Draw stacked columns, the first series at the bottom. Days that are not `selected` are pale.
 *  `minimum` is the lowest value at the upper edge. */
function drawChart(container, { days, series, format, label, selected, minimum }) {
  const totals = days.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
  const top = roundUp(Math.max(minimum, ...totals));
  const scale = createScale(container, days, top);
  const width = Math.min(scale.step * 0.72, 40);
  const columns = days.map((_, index) => {
    let below = 0;
    const parts = series.filter(({ values }) => values[index] > 0).map(({ colour, values }) => {
      const y = scale.y(below + values[index]);
      const size = Math.max(scale.y(below) - y - 1, 0.5);
      below += values[index];
      return svg("rect", { class: colour, x: scale.middle(index) - width / 2, y, width, height: size });
    });
    return svg("g", { class: selected(index) ? "" : "past" }, ...parts);
  });
  const content = [...axes(scale, days, top, format), ...columns, ...tooltips(scale, days, series, format)];
  const size = { width: scale.width, height, viewBox: `0 0 ${scale.width} ${height}` };
  container.replaceChildren(svg("svg", { role: "img", "aria-label": label, ...size }, ...content));
}

/** A bar whose filled part is a share of its width. */
function bar(part, colour) {
  const width = `${100 * Math.min(part ?? 0, 1)}%`;
  const groove = svg("rect", { class: "groove", width: "100%", height: "100%", rx: 3 });
  return svg("svg", { class: "bar", "aria-hidden": "true" }, groove, svg("rect", { class: colour, width, height: "100%", rx: 3 }));
}
