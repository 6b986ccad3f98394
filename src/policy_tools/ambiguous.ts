/**
 * Scalars and keys that two parsers of YAML read differently, or that no number keeps.
 *
 * @module
 */
import type { Problems } from "../core/policy/problem.ts";
import { isMapping } from "../core/policy/shape.ts";
import { mergedInto } from "./line_finder.ts";
import type { OutlineNode } from "./locate.ts";

/** A number that all parsers read alike. */
const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/;
/** What YAML 1.1 and 1.2, and so parsers and readers, understand differently. */
const AMBIGUOUS =
  /^([-+]?(0[box]?[0-9a-f_]+|[0-9][0-9_]*)(:[0-5]?[0-9])*(\.[0-9_]*)?([eE][-+]?[0-9_]*)?|[-+]?\.(\d[\d_]*(e[-+]?\d+)?|inf|nan)|y|n|yes|no|on|off)$/i;

const QUOTED_MERGE = 'Has the key "<<" in quotes, which only some parsers take for a merge key';

/**
 * Notes all scalars and keys without quotes that could mean something else to another reader.
 *
 * @param root Of the scanned text.
 * @param value What the parser made of the same text.
 * @param problems Of the document.
 */
export function refuseAmbiguous(root: OutlineNode, value: unknown, problems: Problems): void {
  new Walk().node(root, value, problems);
}

/** Each mapping and list is looked at once, also if aliases lead to it many times. */
class Walk {
  readonly #seen = new Set<OutlineNode["children"]>();

  /** @param value `undefined` if it is not known, since something else overrides it. */
  node(node: OutlineNode, value: unknown, problems: Problems): void {
    if (node.plain !== undefined) scalar(node.plain, value, problems);
    if (node.children.size === 0 || this.#seen.has(node.children)) return;
    this.#seen.add(node.children);
    for (const [key, child] of node.children) {
      if (key === "<<") {
        if (!child.hasPlainKey) problems.at(key).add(QUOTED_MERGE);
        continue;
      }
      if (node.isList) {
        this.node(
          child,
          Array.isArray(value) ? value[Number(key)] : undefined,
          problems.at(Number(key)),
        );
        continue;
      }
      if (child.hasPlainKey) plainKey(key, value, problems.at(key));
      this.node(child, isMapping(value) ? value[key] : undefined, problems.at(key));
    }
    for (const part of mergedInto(node)) this.#merged(part, node, { value, problems });
  }

  #merged(
    part: OutlineNode,
    into: OutlineNode,
    { value, problems }: { readonly value: unknown; readonly problems: Problems },
  ): void {
    if (this.#seen.has(part.children)) return;
    this.#seen.add(part.children);
    for (const [key, child] of part.children) {
      const inner = isMapping(value) && !into.children.has(key) ? value[key] : undefined;
      if (key === "<<" && !child.hasPlainKey) problems.at(key).add(QUOTED_MERGE);
      if (child.hasPlainKey && key !== "<<") plainKey(key, value, problems.at(key));
      this.node(child, inner, problems.at(key));
    }
  }
}

function scalar(text: string, value: unknown, problems: Problems): void {
  if (DECIMAL.test(text)) {
    if (!isExact(text)) {
      problems.add(
        `Has the number ${text}, which would become ${
          Number(text)
        }, expected one of at most 15 digits, or a text: "${text}"`,
      );
    }
  } else if (typeof value === "number" || AMBIGUOUS.test(text)) {
    problems.add(
      typeof value === "number"
        ? `Has the number ${text}, expected a plain decimal number`
        : `Has ${text} without quotes, which YAML versions read differently, expected "${text}"`,
    );
  }
}

function plainKey(key: string, value: unknown, problems: Problems): void {
  const isRead = !isMapping(value) || Object.hasOwn(value, key);
  if (isRead && (DECIMAL.test(key) ? String(Number(key)) === key : !AMBIGUOUS.test(key))) return;
  problems.add(
    `Has the key ${key} without quotes, which parsers read differently, expected "${key}"`,
  );
}

/** Whether the number of a plain decimal has the digits that were written. */
function isExact(text: string): boolean {
  const digits = text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  const number = Number(text);
  if (!digits.includes(".")) return Number.isSafeInteger(number);
  const significant = digits.replace(/[-.]/g, "").replace(/^0+/, "").length;
  return significant <= 15 || String(number) === digits;
}
