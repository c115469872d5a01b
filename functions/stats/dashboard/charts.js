"use strict";
// Charts of days, as SVG in the host's own pixels: text keeps its size on every screen.

const height = 192;
const margin = { top: 24, right: 4, bottom: 24, left: 56 };

function element(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A round number not below a value, whose half is round, too. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

/** Where days and values lie; `top` is the value at the upper edge. */
function scales(host, days, top) {
  const width = Math.max(host.clientWidth, 240);
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const step = inner.width / days.length;
  return {
    width,
    step,
    left: (index) => margin.left + index * step,
    middle: (index) => margin.left + (index + 0.5) * step,
    y: (value) => margin.top + inner.height * (1 - value / top),
  };
}

function axes(scale, days, top, format) {
  const lines = [0, top / 2, top].flatMap((value) => {
    const y = scale.y(value);
    return [
      element("line", { class: "grid", x1: margin.left, x2: scale.width - margin.right, y1: y, y2: y }),
      element("text", { class: "tick", x: margin.left - 8, y: y + 4, "text-anchor": "end" }, format(value)),
    ];
  });
  const name = days.length > 7 ? shortDate : weekday;
  const every = Math.ceil((days.length > 7 ? 64 : 32) / scale.step);
  // Counted from the end, so that today always has its name.
  const named = days.map((day, index) => [day, index]).filter(([, index]) => (days.length - 1 - index) % every === 0);
  const names = named.map(([day, index]) => {
    const last = index === days.length - 1 && days.length > 7;
    const place = { x: last ? scale.width - margin.right : scale.middle(index), y: height - 6 };
    return element("text", { class: "tick", ...place, "text-anchor": last ? "end" : "middle" }, name(day));
  });
  return [...lines, ...names];
}

/** A column a day over the whole height, which names the day's figures where one points. */
function readings(scale, days, series, format) {
  return days.map((day, index) => {
    const said = series.map(({ name, values }) => `${name}: ${format(values[index])}`);
    const area = { class: "reading", x: scale.left(index), y: 0, width: scale.step, height: height - margin.bottom };
    return element("rect", area, element("title", {}, [longDate(day), ...said].join("\n")));
  });
}

function draw(host, scale, label, ...content) {
  const size = { width: scale.width, height, viewBox: `0 0 ${scale.width} ${height}` };
  host.replaceChildren(element("svg", { role: "img", "aria-label": label, ...size }, ...content));
}

/** Stacked columns, the first series at the bottom; days that are not `chosen` step back.
 *  `least` is the value that the upper edge stands for at least. */
function columns(host, { days, series, format, label, chosen, least }) {
  const totals = days.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
  const top = ceiling(Math.max(least, ...totals));
  const scale = scales(host, days, top);
  const breadth = Math.min(scale.step * 0.72, 40);
  const stacks = days.map((_, index) => {
    let below = 0;
    const parts = series.filter(({ values }) => values[index] > 0).map(({ colour, values }) => {
      const high = scale.y(below + values[index]);
      const size = Math.max(scale.y(below) - high - 1, 0.5);
      below += values[index];
      return element("rect", { class: colour, x: scale.middle(index) - breadth / 2, y: high, width: breadth, height: size });
    });
    return element("g", { class: chosen(index) ? "" : "past" }, ...parts);
  });
  draw(host, scale, label, ...axes(scale, days, top, format), ...stacks, ...readings(scale, days, series, format));
}

/** Two lines of shares, the upper first; a day without a share interrupts them. */
function lines(host, { days, series, format, label, chosen }) {
  const scale = scales(host, days, 1);
  const last = days.length - 1;
  const drawn = series.flatMap(({ colour, values }, number) => {
    const points = values.map((value, index) => value !== null && [scale.middle(index), scale.y(value)]);
    const runs = [[]];
    for (const point of points) {
      if (point) runs.at(-1).push(point);
      else runs.push([]);
    }
    const paths = runs.filter((run) => run.length > 1).map((run) => element("path", { class: `line ${colour}`, d: `M${run.join("L")}` }));
    const dots = points.flatMap((point, index) => {
      const alone = !points[index - 1] && !points[index + 1];
      if (!point || !(days.length <= 7 || index === last || alone)) return [];
      const place = { cx: point[0], cy: point[1], r: 4 };
      return [element("circle", { class: `dot ${colour} ${chosen(index) ? "" : "past"}`, ...place })];
    });
    if (!points[last]) return [...paths, ...dots];
    const [x, y] = points[last];
    const place = { x: Math.min(x + 18, scale.width - margin.right), y: y + (number ? 19 : -9), "text-anchor": "end" };
    return [...paths, ...dots, element("text", { class: "tick latest", ...place }, format(values[last]))];
  });
  draw(host, scale, label, ...axes(scale, days, 1, wholeShare), ...drawn, ...readings(scale, days, series, format));
}

/** One bar from nothing to a share of its width. */
function bar(part, colour) {
  const width = `${100 * Math.min(part ?? 0, 1)}%`;
  const back = element("rect", { class: "groove", width: "100%", height: "100%", rx: 3 });
  return element("svg", { class: "bar", "aria-hidden": "true" }, back, element("rect", { class: colour, width, height: "100%", rx: 3 }));
}

/** From P50 to P95 on a scale from 0.5 ms to 120 s on which each power of ten is as wide. */
function range({ p50, p95 }, colour) {
  const place = (value) => {
    const part = Math.log(Math.max(value, 0.5) / 0.5) / Math.log(120_000 / 0.5);
    return `${2 + 96 * Math.min(part, 1)}%`;
  };
  const groove = element("line", { class: "groove", x1: "0%", x2: "100%", y1: "50%", y2: "50%" });
  const made = element("svg", { class: "range", "aria-hidden": "true" }, groove);
  if (p50 === null) return made;
  const [from, to] = [place(p50), place(p95)];
  made.append(element("line", { class: `line ${colour}`, x1: from, x2: to, y1: "50%", y2: "50%" }));
  made.append(element("circle", { class: colour, cx: from, cy: "50%", r: 4 }));
  made.append(element("line", { class: `line ${colour}`, x1: to, x2: to, y1: "25%", y2: "75%" }));
  return made;
}
