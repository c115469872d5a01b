"use strict";
// Figures as the reader's own language writes them, and what there is none of as a dash.

const none = "–";

const written = (options) => {
  const format = new Intl.NumberFormat(undefined, options);
  return (value) => (value === null || value === undefined ? none : format.format(value));
};

const count = written({});
const percent = (digits) =>
  written({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
const share = percent(1);
const wholeShare = percent(0);

const unit = (unit, digits) => written({ style: "unit", unit, maximumFractionDigits: digits });
const megabytes = unit("megabyte", 1);
const tenths = unit("millisecond", 1);
const whole = unit("millisecond", 0);

/** In milliseconds whatever their number: times in one column are there to be compared. */
function duration(milliseconds) {
  return (milliseconds >= 10 ? whole : tenths)(milliseconds);
}

const dollars = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" };
const cents = written(dollars);
const small = written({ ...dollars, maximumSignificantDigits: 2 });

/** An answer costs a fraction of a cent: what is below one keeps two digits that say something. */
function money(amount) {
  return amount > 0 && amount < 0.01 ? small(amount) : cents(amount);
}

const dates = (options) => {
  const format = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", ...options });
  return (day) => format.format(new Date(day));
};
const longDate = dates({ weekday: "short", day: "numeric", month: "short" });
const shortDate = dates({ day: "numeric", month: "short" });
const weekday = dates({ weekday: "short" });

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** A part of a whole; null where there is no whole. */
function ratio(part, whole) {
  return whole ? part / whole : null;
}
