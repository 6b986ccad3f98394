/**
 * What a shell command line would do, as far as that is certain.
 *
 * @module
 */
import { type ShellStep, Steps } from "./reading.ts";
import { Refusal, shown } from "./refusal.ts";
import { readLine } from "./statements.ts";

export type { ShellStep } from "./reading.ts";

/** What a line does, or why that is not certain and what to write instead. */
export type ShellReading = { readonly steps: readonly ShellStep[] } | { readonly refusal: string };

/** Characters of a line at most. */
const MAX_LINE = 64 * 1024;

/**
 * Reads a command line as Bash would run it. Every program that it can start is among the steps, and so is
 * every file that the shell itself opens, in each folder in which that may happen: what is not certain is
 * refused. The same thing twice is one step. A line without steps does nothing but to print.
 *
 * It knows nothing of functions, aliases and `CDPATH` of the shell that will run the line, and takes the
 * names of builtins for those of Bash.
 *
 * @param line The text.
 * @param options.cwd The absolute folder in which it starts.
 * @param options.home The absolute home folder, for `~`; without it `~` is refused.
 * @returns The steps, in the order in which they stand in the line, or a refusal in two sentences.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await readShell("cd src && ls 2> /dev/null", { cwd: "/w" }), {
 *   steps: [{ kind: "exec", words: ["ls"], cwd: "/w/src" }],
 * });
 * ```
 */
// deno-lint-ignore require-await -- a grammar that has to be loaded can take its place
export async function readShell(
  line: string,
  options: { readonly cwd: string; readonly home?: string },
): Promise<ShellReading> {
  const { cwd, home } = options;
  for (const path of home === undefined ? [cwd] : [cwd, home]) {
    if (!path.startsWith("/")) {
      throw new TypeError(`Cannot read from "${path}", expected an absolute path`);
    }
  }
  try {
    checkText(line);
    const steps = new Steps();
    const names = cwd.split("/").filter((name) => name !== "" && name !== ".");
    readLine(line, {
      state: { places: [{ path: `/${names.join("/")}`, own: 0 }], variables: new Map() },
      flow: { fed: false, posix: false, depth: 0 },
      home,
      steps,
    });
    return { steps: steps.list };
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error.message };
    // INVARIANT: what goes wrong while a line is read makes it no line that is allowed.
    return {
      refusal: `The line could not be read: ${
        shown(String(error))
      }. Write it as several plain calls.`,
    };
  }
}

function checkText(line: string): void {
  if (line.length > MAX_LINE) {
    throw new Refusal(
      `The line has more than ${MAX_LINE} characters`,
      "Write long texts to files, and name those",
    );
  }
  // Control characters but line breaks and tabs, halves of characters, and what is none.
  // deno-lint-ignore no-control-regex -- these are what no line may have
  const odd = /[\0-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef]|\p{Cs}|[\ufffe\uffff]/u.exec(line);
  if (odd !== null || /[\u{1fffe}\u{1ffff}\u{10fffe}\u{10ffff}]/u.test(line)) {
    throw new Refusal(
      `The line has characters that are no text: ${shown(odd?.[0] ?? "")}`,
      "Write it without them, with \\n for the ends of lines",
    );
  }
}
