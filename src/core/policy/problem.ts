/**
 * What is wrong with a policy, all of it at once.
 *
 * @module
 */
import type { OutlineNode } from "../../policy_tools/locate.ts";

/** The way from the root of a document to a value. */
export type Place = readonly (string | number)[];

/** One thing that is wrong with a policy. */
export interface PolicyProblem {
  /** Where, as in `capabilities[2].resource`; empty for the document as a whole. */
  readonly place: string;
  /** Line in the text from 1; missing for a policy given as an object. */
  readonly line?: number;
  /** What is wrong and what is expected. */
  readonly message: string;
}

/** A policy that is refused. Its message lists every problem, a line each. */
export class PolicyError extends SyntaxError {
  /** The name of this class. */
  override name = "PolicyError";
  /** Stable code of this class of errors. */
  readonly code = "POLICY_INVALID";
  /** All problems, in the order of the file. */
  readonly problems: readonly PolicyProblem[];

  /** Made by the kernel: `source` is the name of the policy. */
  constructor(source: string, problems: readonly PolicyProblem[]) {
    const lines = problems.map(({ place, line, message }) =>
      `  ${line === undefined ? "" : `line ${line}: `}${place === "" ? "" : `${place}: `}${message}`
    );
    super(`Cannot load policy "${source}":\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

/** Collects problems while a policy is read. */
export class Problems {
  readonly #found: PolicyProblem[] = [];
  readonly #outline: OutlineNode | undefined;

  constructor(outline: OutlineNode | undefined) {
    this.#outline = outline;
  }

  /** Notes a problem at a place. */
  add(place: Place, message: string): void {
    const line = this.lineOf(place);
    this.#found.push({ place: placeName(place), ...(line === undefined ? {} : { line }), message });
  }

  /** All so far, in the order of the file. */
  get found(): readonly PolicyProblem[] {
    return this.#found.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  }

  /** The line of a value, or of the nearest value around it that has one. */
  lineOf(place: Place): number | undefined {
    let node = this.#outline;
    for (const key of place) {
      const child = node === undefined ? undefined : childOf(node, String(key));
      if (child === undefined) break;
      node = child;
    }
    return node?.line;
  }

  /** How a scalar was written, if it was written without quotes on one line. */
  plainText(place: Place): string | undefined {
    let node = this.#outline;
    for (const key of place) node = node === undefined ? undefined : childOf(node, String(key));
    return node?.plain;
  }
}

function childOf(node: OutlineNode, key: string): OutlineNode | undefined {
  const own = node.children.get(key);
  if (own !== undefined) return own;
  const merged = node.children.get("<<");
  if (merged === undefined) return undefined;
  const direct = merged.children.get(key);
  if (direct !== undefined) return direct;
  for (const part of merged.children.values()) {
    const found = part.children.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `["capabilities", 2, "resource"]` as `capabilities[2].resource`. */
export function placeName(place: Place): string {
  return place.map((key, i) => typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`)
    .join("");
}
