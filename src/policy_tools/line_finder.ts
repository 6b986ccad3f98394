/**
 * Lines of the values of a scanned document.
 *
 * @module
 */
import type { OutlineNode } from "./locate.ts";
import type { LineOf } from "./problems.ts";

/**
 * Finds lines in a scanned document.
 *
 * @param root Of the document.
 * @returns The line of a value, or of the nearest value around it that has one.
 */
export function lineFinder(root: OutlineNode): LineOf {
  return (path) => {
    let node = root;
    for (const key of path) {
      const child = childOf(node, String(key));
      if (child === undefined) break;
      node = child;
    }
    return node.line;
  };
}

/** The value of a key, also if a merge key brought it in. */
function childOf(node: OutlineNode, key: string): OutlineNode | undefined {
  const own = node.children.get(key);
  if (own !== undefined) return own;
  return mergedInto(node).map((part) => part.children.get(key)).find((one) => one !== undefined);
}

/**
 * The mappings that a merge key names.
 *
 * @param node A mapping.
 * @returns None if it has no merge key.
 */
export function mergedInto(node: OutlineNode): readonly OutlineNode[] {
  const merged = node.children.get("<<");
  if (merged === undefined) return [];
  return merged.isList ? Array.from(merged.children.values()) : [merged];
}
