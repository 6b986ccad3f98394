/**
 * Collects what is wrong with a policy, with the lines of its text.
 *
 * @module
 */
import { nearest } from "../near.ts";
import { type Path, placeName, type PolicyProblem, type Problems } from "../core/policy/problem.ts";

/** Finds the line of a value in the text of a document. */
export type LineOf = (path: Path) => number | undefined;

/** The problems of one document, with their lines if it is a text. */
export class DocumentProblems implements Problems {
  readonly #lineOf: LineOf;
  readonly #found: PolicyProblem[];
  /** The value that this instance stands at. */
  readonly path: Path;

  /**
   * @param lineOf Finds lines, if the document is a text.
   * @param at For {@linkcode DocumentProblems.at} only.
   */
  constructor(
    lineOf: LineOf = () => undefined,
    at: { readonly path: Path; readonly found: PolicyProblem[] } = { path: [], found: [] },
  ) {
    this.#lineOf = lineOf;
    this.#found = at.found;
    this.path = at.path;
  }

  /** The same collection at a value inside of this one. */
  at(...keys: Path): Problems {
    return new DocumentProblems(this.#lineOf, {
      path: [...this.path, ...keys],
      found: this.#found,
    });
  }

  /** Notes that something is wrong here. */
  add(message: string): void {
    const { path, line } = this;
    const problem = { place: placeName(path), path, message: withGuess(message) };
    this.#found.push(line === undefined ? problem : { ...problem, line });
  }

  /** The line at which the value stands, if the document is a text. */
  get line(): number | undefined {
    return this.#lineOf(this.path);
  }

  /** All problems so far, in the order of the file. */
  get found(): readonly PolicyProblem[] {
    return this.#found.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  }
}

/** How messages say that something is none of the known ones. */
const UNKNOWN = /^(?:Unknown key|There is no \w+) "([^"]*)"(?: here)?, expected one of (.+)$/s;

/** The message, with what was likely meant. */
function withGuess(message: string): string {
  const [, wrong = "", known = ""] = UNKNOWN.exec(message) ?? [];
  const near = wrong === "" ? undefined : nearest(wrong, known.split(", "));
  return near === undefined ? message : `${message}; did you mean "${near}"?`;
}
