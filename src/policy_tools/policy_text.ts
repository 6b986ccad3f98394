/**
 * Policies as text, written by a program out of texts that nobody can trust.
 *
 * @module
 */
import { visibleJson } from "../core/record/record.ts";

/** One rule, or one example, as keys and values in their order. */
export interface WrittenItem {
  /** Lines of comment before it. */
  readonly comments: readonly string[];
  readonly entries: readonly (readonly [key: string, value: unknown])[];
}

/** The address of the JSON Schema of policies, for editors. */
export const SCHEMA_URL =
  "https://raw.githubusercontent.com/agent-kernel/kernel/main/schema/policy.schema.json";

/** The line by which editors with yaml-language-server find the schema. */
export const SCHEMA_LINE = `# yaml-language-server: $schema=${SCHEMA_URL}`;

/**
 * A comment: no text gets out of it.
 *
 * INVARIANT: line breaks, control and invisible characters stand as escapes.
 */
export function comment(text: string): string {
  return `# ${visibleJson(text).slice(1, -1).replaceAll('\\"', '"')}`;
}

/** A value in YAML's flow style, which JSON is a part of; invisible characters stand as escapes. */
export function scalar(value: unknown): string {
  if (
    typeof value === "string" && /^[a-z][a-z0-9_-]*(\.[a-z0-9_*-]+)*$/.test(value) && !isWord(value)
  ) {
    return value;
  }
  return visibleJson(value);
}

/** What some version of YAML takes for something else than a text. */
function isWord(text: string): boolean {
  return /^(y|n|yes|no|on|off|true|false|null)$/.test(text);
}

/** A list of items below a key. */
export function section(key: string, items: readonly WrittenItem[]): string[] {
  if (items.length === 0) return [];
  return [
    "",
    `${key}:`,
    ...items.flatMap(({ comments, entries }, i) => [
      ...i > 0 && comments.length > 0 ? [""] : [],
      ...comments.map((text) => `  ${comment(text)}`),
      ...entries.flatMap(([name, value], j) => {
        const start = `  ${j === 0 ? "- " : "  "}${name}:`;
        if (
          Array.isArray(value) && value.length > 1 && value.every((one) => typeof one === "string")
        ) {
          const short = `${start} [${value.map(scalar).join(", ")}]`;
          return short.length <= 100
            ? [short]
            : [start, ...value.map((one) => `      - ${scalar(one)}`)];
        }
        const one = Array.isArray(value) && value.length === 1 ? value[0] : value;
        return [`${start} ${typeof one === "string" ? scalar(one) : visibleJson(one)}`];
      }),
    ]),
  ];
}

/** Whether a number, or all in a value, is written the same way in every version of YAML. */
export function isPlain(value: unknown): boolean {
  if (typeof value === "number") return /^-?\d{1,15}(\.\d{1,10})?$/.test(String(value));
  if (value === null || typeof value !== "object") return true;
  return Object.values(value).every(isPlain);
}
