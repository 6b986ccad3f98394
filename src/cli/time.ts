/**
 * Moments on the command line: as options, and for a person.
 *
 * @module
 */
import { UsageError } from "./command.ts";

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** A moment, given as a time or as an age. @throws {UsageError} It is neither. */
export function timeOf(text: string): Date {
  const age = /^(\d+)([smhd])$/.exec(text);
  const time = age === null
    ? Date.parse(text)
    : Date.now() - Number(age[1]) * (UNITS[age[2] ?? ""] ?? 0);
  if (Number.isNaN(time)) {
    throw new UsageError(
      `"${text}" is neither a time (2026-01-31T12:00:00Z) nor an age (10m, 2h, 7d)`,
    );
  }
  return new Date(time);
}

/**
 * A timestamp of a record for a person: `2026-01-31 13:00:00`, in the time zone of the terminal (`TZ`).
 *
 * @param timestamp ISO 8601; anything else stays as it is.
 */
export function localTime(timestamp: string): string {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return timestamp;
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}
