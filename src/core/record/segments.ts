/**
 * The rotated segments of a log.
 *
 * @module
 */

/** The folder of a log's rotated segments. */
export function segmentFolder(log: string): string {
  return `${log}.segments`;
}

/** The path of a segment, named after the number of its first record. */
export function segmentPath(log: string, firstSeq: number): string {
  return `${segmentFolder(log)}/${String(firstSeq).padStart(12, "0")}.log`;
}

/** The rotated segments of a log, the oldest first, each with the number of its first record. */
export function segmentsOf(log: string): { readonly path: string; readonly firstSeq: number }[] {
  const folder = segmentFolder(log);
  try {
    return Array.from(Deno.readDirSync(folder))
      .filter(({ name, isFile }) => isFile && /^\d{12,}\.log$/.test(name))
      .map(({ name }) => ({ path: `${folder}/${name}`, firstSeq: Number(name.slice(0, -4)) }))
      .sort((a, b) => a.firstSeq - b.firstSeq);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
