"use strict";
// The tiles of the summary, and what the reused answers would have cost with other models.

/** Dollars per million tokens of a prompt and of a completion, as in [models] of infra/cost.toml. */
const commonModels = {
  "Llama 3.1 8B": [0.1, 0.1],
  "GPT-5 mini": [0.25, 2],
  "Gemini 2.5 Flash": [0.3, 2.5],
  "Claude Haiku 4.5": [1, 5],
  "GPT-5": [1.25, 10],
  "Claude Sonnet 4.5": [3, 15],
};
const promptTokens = 1330;
const completionTokens = 250;

/** The milliseconds that requests would have waited longer without the cache; null if unknown. */
function timeSaved({ cache_hits, avg_latency_cached_ms: cached, avg_latency_uncached_ms: uncached }) {
  return cached === null || uncached === null ? null : cache_hits.l1 * Math.max(0, uncached - cached);
}

/** What each tile shows: the value of a period, its format, and how two values are compared. */
const tiles = {
  rate: { of: (period) => period.answer_hit_rate, format: share, difference: (now, before) => `${signed(100 * (now - before))} points` },
  cost: { of: (period) => period.cost_saved, format: money, isSum: true },
  time: { of: timeSaved, format: longDuration, isSum: true },
  latency: { of: (period) => period.latency_ms.all.p95, format: duration },
  errors: { of: (period) => period.latency_ms.failed.count, format: count, isSum: true, difference: (now, before) => signed(now - before, 0) },
};

/** Show the change of each tile since `previous`, which may be null, and its line of days. */
function showTiles(period, previous, days, name) {
  const isToday = name === periods[1];
  for (const [tile, { of, format, isSum, difference = relative }] of Object.entries(tiles)) {
    const [now, before] = [of(period), previous && of(previous)];
    const isKnown = typeof now === "number" && typeof before === "number";
    // The sum of a day that has not ended is not comparable.
    const change = isKnown && !(isToday && isSum) ? difference(now, before) : "";
    const former = isKnown ? `${isToday ? "yesterday" : "before"} ${format(before)}` : "";
    setText(find(`[data-tile=${tile}] .change`), [change, former].filter(Boolean).join(" · ") || "No earlier data");
    find(`[data-tile=${tile}] .spark`).replaceChildren(sparkline(days.map(of)));
  }
  const isFree = period.cost_baseline === 0 && period.cache_hits.l1 > 0;
  find("[data-tile=cost]").hidden = isFree;
  find("[data-tile=time]").hidden = !isFree;
  find("#models").hidden = !isFree;
  const rows = Object.entries(commonModels).map(([model, [prompt, completion]]) => {
    const answer = (promptTokens * prompt + completionTokens * completion) / 1e6;
    return [model, money(answer), money(answer * period.cache_hits.l1)];
  });
  fillTable("models", ["Model", "Per answer", "Reused answers"], rows);
}

function signed(value, digits = 1) {
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 ? "±0" : `${value > 0 ? "▲" : "▼"} ${size}`;
}

function relative(now, before) {
  return before ? `${signed(100 * (now / before - 1), 0)}%` : "";
}
