/**
 * When an audit log continues in a new file.
 *
 * @module
 */
import type { CurrentFile } from "../core/record/log.ts";

/** When the log continues in a new file. */
export interface Rotation {
  /** When the file has reached so many bytes. @default never */
  readonly bytes?: number;
  /** With each new day (UTC): a file holds one, but for what is written together across midnight. @default false */
  readonly daily?: boolean;
}

/** The days of the texts are those of UTC: timestamps are RFC 3339 in UTC. */
const DAY = "2026-01-31".length;

/**
 * The condition that these options stand for.
 *
 * @returns Gets the file that is written, and the timestamp of the record that comes next, if there is one.
 */
export function rotateWhen(
  { bytes = Infinity, daily = false }: Rotation,
): (file: CurrentFile, next?: string) => boolean {
  return ({ size, since }, next) => {
    if (next === undefined) return size >= bytes;
    return daily && since !== undefined && next.slice(0, DAY) > since.slice(0, DAY);
  };
}
