/**
 * What records say of limits: `stages.limits.charged`, and `.folded`.
 *
 * @module
 */

/** One charge as it is on record. */
export interface ChargedField {
  /** Id of the limit. */
  readonly limit: string;
  /** A decimal. */
  readonly amount: string;
  /** Of a sum that results correct: where they tell the amount, a path in the data. */
  readonly result?: string;
  /** Set if the result has corrected the amount: what was reserved before, a decimal. */
  readonly reserved?: string;
  /** Of a window: which one. */
  readonly window?: string;
  /** When the window ends, RFC 3339; missing if never. */
  readonly until?: string;
  /** Set if it is not the agent's own, but that of all, or of requests without an agent. */
  readonly shared?: true;
}

/** Reads the charges of a record. @param stages Its member `stages`. */
export function chargedOf(stages: Readonly<Record<string, unknown>> | undefined): ChargedField[] {
  const { charged } = (stages?.["limits"] ?? {}) as { readonly charged?: unknown };
  return Array.isArray(charged) ? charged.filter(isCharged) : [];
}

function isCharged(value: unknown): value is ChargedField {
  const { limit, amount, window, until, result } = (value ?? {}) as Readonly<
    Record<string, unknown>
  >;
  return typeof limit === "string" && typeof amount === "string" &&
    (window === undefined || typeof window === "string") &&
    (until === undefined || typeof until === "string") &&
    (result === undefined || typeof result === "string");
}

/** How many refused submits a record stands for, itself one of them; `undefined` if it is not folded. */
export function foldedSubmits(
  stages: Readonly<Record<string, unknown>> | undefined,
): number | undefined {
  const { folded } = (stages?.["limits"] ?? {}) as { readonly folded?: unknown };
  const { submits } = Object(folded) as { readonly submits?: unknown };
  return Number.isSafeInteger(submits) && Number(submits) >= 1 ? Number(submits) : undefined;
}
