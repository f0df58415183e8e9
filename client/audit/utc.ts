/** A UTC time as people write it in ISO 8601, to seconds or milliseconds: 2026-01-31T12:00:00Z. Undefined for anything else. */
export function parseUtc(text: string): number | undefined {
  const time = Date.parse(text);
  const wellFormed = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/.test(text) && time >= 0;
  // The calendar check: JavaScript reads the 30th of February as a day in March.
  return wellFormed && new Date(time).toISOString().startsWith(text.slice(0, 10)) ? time : undefined;
}
