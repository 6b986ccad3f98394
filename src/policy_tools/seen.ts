/**
 * What was done, as it is kept to learn of it.
 *
 * @module
 */

/** Params, and how often they were given. */
export interface Variant {
  readonly params: Readonly<Record<string, unknown>>;
  count: number;
}

/** What was done with one target by one agent. */
export interface Seen {
  readonly action: string;
  readonly target: string;
  readonly agent: string | undefined;
  count: number;
  readonly first: string;
  last: string;
  /** The params, by their digest, and how often. */
  readonly variants: Map<string, Variant>;
}

/** How far a proposal goes beyond what was done. */
export interface Generalisation {
  /**
   * `literal`: not at all. `folder`: all in a folder of which several were. `prefix`: all below a folder
   * below which several were.
   */
  readonly by: "literal" | "folder" | "prefix";
  /** Several are at least so many. @default 2 */
  readonly examples?: number;
}
