/**
 * Conditions between `[[` and `]]`.
 *
 * @module
 */
import type { TestExpression, Word } from "npm:unbash@^6.0.4";
import { tested } from "./builtins.ts";
import type { Steps } from "./reading.ts";
import { Refusal, shown } from "./refusal.ts";
import { checkInert, valueOf, type WordOptions } from "./words.ts";

const TEXTS = new Set(["=", "==", "!=", "=~", "<", ">"]);

/**
 * Reads a condition: comparing texts does nothing, tests of files and numbers are those of `test`.
 *
 * @throws {Refusal} It may do more than to compare.
 */
export function condition(
  node: TestExpression,
  options: WordOptions & { readonly steps: Steps },
): void {
  switch (node.type) {
    case "TestLogical":
      for (const operand of node.operands) condition(operand, options);
      return;
    case "TestNot":
      condition(node.operand, options);
      return;
    case "TestGroup":
      condition(node.expression, options);
      return;
    case "TestUnary":
      if (node.operator === "-n" || node.operator === "-z") {
        checkInert(node.operand, { ...options, pattern: true });
      } else if (/^-[a-zA-Z]$/.test(node.operator) && !"votR".includes(node.operator[1]!)) {
        tested([node.operator, certain(node.operand, options)], options);
      } else throw odd(node.operator);
      return;
    case "TestBinary":
      if (TEXTS.has(node.operator)) {
        checkInert(node.left, { ...options, pattern: true });
        checkInert(node.right, { ...options, pattern: true });
      } else if (/^-(?:eq|ne|lt|le|gt|ge|nt|ot|ef)$/.test(node.operator)) {
        tested(
          [certain(node.left, options), node.operator, certain(node.right, options)],
          options,
        );
      } else throw odd(node.operator);
      return;
    default:
      throw odd("[[");
  }
}

function certain(word: Word, options: WordOptions): string {
  const value = /^"?\$[?#]"?$/.test(word.text) ? "0" : valueOf(word, options);
  if (value === undefined) throw odd(word.text);
  return value;
}

function odd(piece: string): Refusal {
  return new Refusal(
    `What this condition does is not certain: ${shown(piece)}`,
    "Compare plain texts, or use test with files that are named",
  );
}
