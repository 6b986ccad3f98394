/**
 * What is wrong with a policy, all of it at once.
 *
 * @module
 */

/** The keys and indexes that lead from the root of a document to a value. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with a policy. */
export interface PolicyProblem {
  /** Where, for people: `capabilities[2].resource`; empty for the document as a whole. */
  readonly place: string;
  /** Where, for programs: `["capabilities", 2, "resource"]`. */
  readonly path: readonly (string | number)[];
  /** Line in the text, from 1; missing for a policy that is an object. */
  readonly line?: number;
  /** What is wrong and what was expected. */
  readonly message: string;
}

/** A policy that is refused. Its message lists all problems, one a line. */
export class PolicyError extends SyntaxError {
  /** The name of this class. */
  override name = "PolicyError";
  /** Stable code of this class of errors. */
  readonly code = "POLICY_INVALID";
  /** All problems, in the order of the file. */
  readonly problems: readonly PolicyProblem[];

  /**
   * Made by the loader.
   *
   * @param source Name of the policy, for the message.
   * @param problems What is wrong with it.
   */
  constructor(source: string, problems: readonly PolicyProblem[]) {
    const lines = problems.map(({ place, line, message }) =>
      `  ${line === undefined ? "" : `line ${line}: `}${place === "" ? "" : `${place}: `}${message}`
    );
    super(`Cannot load policy "${source}":\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

/** Collects the problems of one document. An instance stands at one value of it. */
export interface Problems {
  /** The value that this instance stands at. */
  readonly path: Path;
  /** The line at which the value stands, if the document is a text. */
  readonly line: number | undefined;
  /** All problems so far, in the order of the file. */
  readonly found: readonly PolicyProblem[];
  /** The same collection at a value inside of this one. */
  at(...keys: Path): Problems;
  /** Notes that something is wrong here. */
  add(message: string): void;
}

/** `["capabilities", 2, "resource"]` as `capabilities[2].resource`. */
export function placeName(path: Path): string {
  return path.map((key, i) => typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`)
    .join("");
}
