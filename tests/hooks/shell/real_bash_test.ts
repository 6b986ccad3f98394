/** Whatever the real bash does with a line that was read is among its steps. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readShell, type ShellStep } from "../../../src/hooks/shell/mod.ts";
import { CORPUS } from "./lines.ts";
import { line, mutated } from "./random_lines.ts";
import { type Mode, MODES, RealBash, unforeseen } from "./real_bash.ts";

/** Lines that wait, signal, or read the profile of a login. */
const NOT_RUN = /^kill |^bash -lc |^while (?:true|!)|^until |^(?:bash|sh) [a-z]/;
const RUNS = 150;
const SEED = 4242;

/** What a line does in the given modes and was not foreseen; `undefined`: it is refused, or not to be run. */
async function surprises(
  text: string,
  { bash, modes }: { readonly bash: RealBash; readonly modes: readonly Mode[] },
): Promise<string[] | undefined> {
  const reading = await readShell(text, { cwd: bash.folder, home: bash.home });
  if ("refusal" in reading || NOT_RUN.test(text) || startsShell(reading.steps)) return undefined;
  for (const step of reading.steps) if (step.kind === "exec") bash.stub(step.words[0]);
  const found: string[] = [];
  for (const mode of modes) {
    const happened = await bash.run(text, mode);
    found.push(...unforeseen(happened, reading.steps).map((one) => `${text}\n${mode}: ${one}`));
  }
  return found;
}

/** A shell that is a step of its own runs a file, which is no stub. */
function startsShell(steps: readonly ShellStep[]): boolean {
  return steps.some((step) =>
    step.kind === "exec" && ["bash", "sh", "env", "nice", "timeout"].includes(step.words[0])
  );
}

Deno.test("the comparison with bash sees programs, folders, files and names", async () => {
  using bash = new RealBash();
  for (const name of ["p", "q"]) bash.stub(name);
  const happened = await bash.run("cd a && p 'x y' > out; q z; nothing-like-it", MODES[0]);
  assertEquals(unforeseen(happened, []), [
    `ran {"words":["p","x y"],"cwd":"${bash.folder}/a"}`,
    `ran {"words":["q","z"],"cwd":"${bash.folder}/a"}`,
    `wrote ${bash.folder}/a/out`,
    "looked for nothing-like-it",
  ]);
  assertEquals((await bash.run("p || q", MODES[0])).exec.length, 1);
  assertEquals((await bash.run("p || q", MODES[1])).exec.length, 2);
});

Deno.test("bash does nothing beyond the steps of the lines of the corpus", async () => {
  using bash = new RealBash();
  let run = 0;
  for (const [text] of [...CORPUS.plain, ...CORPUS.near]) {
    const found = await surprises(text, { bash, modes: [MODES[0], MODES[1]] });
    if (found !== undefined) run++;
    assertEquals(found ?? [], []);
  }
  assert(run > 300, `${run} lines were run`);
});

Deno.test("bash does nothing beyond the steps of random lines", async () => {
  using bash = new RealBash();
  for (const name of ["p", "q", "ls", "cat", "x", "yy"]) bash.stub(name);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(line, async (text) => {
      const found = await surprises(text, { bash, modes: MODES });
      if (found !== undefined) run++;
      assertEquals(found ?? [], []);
    }),
    { numRuns: RUNS * 3, seed: SEED },
  );
  assert(run > RUNS / 4, `${run} lines were run`);
});

Deno.test("bash does nothing beyond the steps of lines in which characters were changed", async () => {
  using bash = new RealBash();
  for (const name of ["p", "q", "ls", "cat", "x", "yy"]) bash.stub(name);
  const simple = [...CORPUS.plain, ...CORPUS.near].map(([text]) => text)
    .filter((text) => text.length < 80 && !/[/~]|\.\.|while|until|kill|bash|sh /.test(text));
  assert(simple.length > 100);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(mutated(simple), async (text) => {
      // A change may make a path of the root, or a loop without end.
      if (/\/|~|\bkill\b/.test(text)) return;
      const found = await surprises(text, { bash, modes: [MODES[0], MODES[1]] });
      if (found !== undefined) run++;
      assertEquals(found ?? [], []);
    }),
    { numRuns: RUNS * 2, seed: SEED },
  );
  assert(run > RUNS / 4, `${run} lines were run`);
});
