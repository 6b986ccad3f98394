/** The corpus: lines with the steps that they come to, or with words of their refusal. */
import type { ShellStep } from "../../../src/hooks/shell/mod.ts";
import lines from "./lines.json" with { type: "json" };

/** The folder and the home that the expected steps are for. */
export const CWD = "/w";
export const HOME = "/h";

type Row = readonly [line: string, expected: readonly string[] | string];

/** What agents write every day, what hides a command, and what only looks like it. */
export const CORPUS = lines as unknown as Readonly<
  Record<"plain" | "hostile" | "near", readonly Row[]>
>;

/** A step as the corpus writes it: words joined by `·`, and the folder if it is another one. */
export function told(step: ShellStep): string {
  const at = step.cwd === CWD ? "" : ` @${step.cwd}`;
  return step.kind === "exec" ? step.words.join("·") + at : `${step.kind} ${step.path}${at}`;
}
