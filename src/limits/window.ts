/**
 * The windows of time in which limits count.
 *
 * @module
 */

/** How long a limit counts before it begins again. `session`: as long as the kernel is open. */
export type Period = "session" | "minute" | "hour" | "day" | "week" | "forever";

/** All periods, the short ones first. */
export const PERIODS: readonly Period[] = [
  "session",
  "minute",
  "hour",
  "day",
  "week",
  "forever",
];

/** One window: what counts together. */
export interface TimeWindow {
  /** The same for all times in it: `2026-11-28`, `2026-11-28T10:00`. */
  readonly key: string;
  /** When the next one begins, in milliseconds since the epoch; `undefined` if never. */
  readonly endsAt: number | undefined;
}

/** What a window depends on. */
export interface WindowOptions {
  /** An IANA time zone. @default "UTC" */
  readonly zone?: string | undefined;
  /** Names the session. */
  readonly session: string;
}

/** Whether there is a time zone of that name. */
export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false; // A RangeError: the name is unknown.
  }
}

/**
 * The window of a period that a time is in. Days begin at midnight of the zone, weeks on Monday
 * (ISO 8601); a day on which clocks change has 23 or 25 hours.
 *
 * @param at Milliseconds since the epoch.
 */
export function windowAt(
  period: Period,
  at: number,
  { zone = "UTC", session }: WindowOptions,
): TimeWindow {
  if (period === "forever") return { key: "forever", endsAt: undefined };
  if (period === "session") return { key: `session ${session}`, endsAt: undefined };
  const now = Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(zone);
  switch (period) {
    case "minute":
    case "hour": {
      // By the exact time: an hour that clocks repeat is two hours.
      const start = now.round({ smallestUnit: period, roundingMode: "floor" });
      const key = start.toInstant().toString({ smallestUnit: "minute" });
      return { key, endsAt: start.add({ [`${period}s`]: 1 }).epochMilliseconds };
    }
    case "day": {
      const start = now.startOfDay();
      return {
        key: start.toPlainDate().toString(),
        endsAt: start.add({ days: 1 }).startOfDay().epochMilliseconds,
      };
    }
    case "week": {
      const start = now.startOfDay().subtract({ days: now.dayOfWeek - 1 }).startOfDay();
      return {
        key: `week of ${start.toPlainDate().toString()}`,
        endsAt: start.add({ days: 7 }).startOfDay().epochMilliseconds,
      };
    }
  }
}
