"use strict";
// Numbers, dates and money in the reader's locale; a missing value becomes a dash.

const missing = "–";

const formatter = (options) => {
  const format = new Intl.NumberFormat(undefined, options);
  return (value) => (value === null || value === undefined ? missing : format.format(value));
};

const count = formatter({});
const share = formatter({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

const inUnit = (unit, digits) => formatter({ style: "unit", unit, maximumFractionDigits: digits });
const megabytes = inUnit("megabyte", 1);
const tenths = inUnit("millisecond", 1);
const whole = inUnit("millisecond", 0);

/** Always in milliseconds, so that the durations of a column can be compared. */
function duration(milliseconds) {
  return (milliseconds >= 10 ? whole : tenths)(milliseconds);
}

/** A sum of durations, in the largest unit of which there is at least one. */
function longDuration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return missing;
  const units = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]];
  const [unit, size] = units.find((each) => milliseconds >= each[1]) ?? units.at(-1);
  return inUnit(unit, 1)(milliseconds / size);
}

const dollars = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" };
const cents = formatter(dollars);
const belowOneCent = formatter({ ...dollars, maximumSignificantDigits: 2 });

/** An answer costs a fraction of a cent, so small amounts have two significant digits. */
function money(amount) {
  return amount > 0 && amount < 0.01 ? belowOneCent(amount) : cents(amount);
}

const dates = (options) => {
  const format = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", ...options });
  return (day) => format.format(new Date(day));
};
const longDate = dates({ weekday: "short", day: "numeric", month: "short" });
const shortDate = dates({ day: "numeric", month: "short" });
const weekday = dates({ weekday: "short" });

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** A part of a total; null if the total is 0. */
function ratio(part, total) {
  return total ? part / total : null;
}

/** Formats of the page's values, by `data-format`. */
const formats = { count, share, money, duration, longDuration };
