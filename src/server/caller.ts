/**
 * Who asks a resident kernel, and what for.
 *
 * @module
 */

/** What a token can be for, in the order of the help. */
export const ROLES = ["act", "look", "approve"] as const;

/**
 * `act`: has actions decided and done. `look`: reads records, questions and limits. `approve`: answers questions,
 * and sees them.
 */
export type Role = typeof ROLES[number];

/** Whoever made a request. */
export interface Caller {
  /**
   * The name of its token: what `agent` means in rules and records. `undefined` for a peer at the Unix socket, whose
   * requests say it themselves.
   */
  readonly name: string | undefined;
  readonly roles: readonly Role[];
  /** The agents whose hooks it may send; `undefined` for all. */
  readonly agents: readonly string[] | undefined;
}

/**
 * A process of this user, at the Unix socket, without a token. It can read the log as a file. It does not
 * answer questions: what an agent starts runs as this user too.
 */
export const PEER: Caller = { name: undefined, roles: ["act", "look"], agents: undefined };

/** Whether a caller has one of the roles. */
export function hasRole({ roles }: Caller, wanted: readonly Role[]): boolean {
  return wanted.some((role) => roles.includes(role));
}
