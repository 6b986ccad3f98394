/**
 * A process that does and undoes things is killed (SIGKILL) at random moments, again and again: what it
 * did can be undone by the next one, byte for byte.
 *
 * `KILL_ROUNDS` sets the number of rounds, `KILL_SEED` repeats the moments of an earlier run as far
 * as the machine lets it.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { ROOT } from "../workspace.ts";
import { recordsOf } from "../core/record/log_file.ts";
import { Scene } from "./scene.ts";
import { randomFrom } from "./tree_model.ts";

const ROUNDS = Number(Deno.env.get("KILL_ROUNDS") ?? 12);
const SEED = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const VICTIM = fromFileUrl(new URL("./model_victim.ts", import.meta.url));

/** Runs a victim and kills it. @returns What it answered. */
async function kill(root: string, seed: number, random: () => number): Promise<string[]> {
  const child = new Deno.Command("deno", {
    args: [
      "run",
      "-q",
      "--no-prompt",
      "--allow-read",
      `--allow-write=${root}`,
      VICTIM,
      root,
      `${seed}`,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const enough = 1 + Math.floor(random() * 60);
  const within = random() * 8;
  const answers: string[] = [];
  let line = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (line + text).split("\n");
    line = lines.pop() ?? "";
    answers.push(...lines);
    if (answers.length < enough) continue;
    // Somewhere within one of the next.
    const until = performance.now() + within;
    while (performance.now() < until);
    child.kill("SIGKILL");
    break;
  }
  const { signal } = await child.status;
  assertEquals([signal, await errors], ["SIGKILL", ""]);
  return answers;
}

/** What a killed provider leaves beside its files; see `docs/filesystem.md`. */
function removeLeftovers(folder: string): number {
  let removed = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (name.startsWith(".agent-kernel-")) {
      Deno.removeSync(path, { recursive: true });
      removed++;
    } else if (isDirectory) removed += removeLeftovers(path);
  }
  return removed;
}

Deno.test(`what a process did that was killed ${ROUNDS} times is undone byte for byte`, async () => {
  const told = `seed ${SEED}`;
  const random = randomFrom(SEED);
  await using scene = await Scene.open({
    capabilities: (root) => [{ action: "fs.*", resource: `${root}/w/**` }],
  });
  for (const [i, name] of ["a", "b", "d/a"].entries()) {
    const path = scene.ws.file(`w/${name}`, `first ${name}`.repeat(100));
    Deno.chmodSync(path, 0o600 + i);
    Deno.utimeSync(path, 1, new Date(1_600_000_000_123 + i));
  }
  const begin = scene.tree();
  let answers = 0, pending = 0, leftovers = 0, undone = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = scene.tree();
    await scene.stop();
    const since = new Date();
    const lines = await kill(scene.ws.root, Math.floor(random() * 2 ** 32), random);
    assertEquals(lines.filter((line) => /^undone (?!OK)/.test(line)), [], told);
    answers += lines.length;
    leftovers += removeLeftovers(scene.path(""));
    await scene.start();
    assertEquals(scene.store.damaged <= 1, true);
    const fresh = scene.store.list().filter(({ at }) => at >= since.toISOString());
    pending += fresh.filter(({ state }) => state === "pending").length;
    // Some of what was done stays, and is undone together with what comes later.
    if (random() < 0.4) continue;
    const report = await scene.layer.rollbackAll({ since });
    assertEquals(report.status, "OK", `${JSON.stringify(report.stopped)}, ${told}`);
    assertEquals(scene.tree(), before, told);
    undone += report.rolledBack.length;
  }
  const report = await scene.layer.rollbackAll();
  assertEquals(report.status, "OK", `${JSON.stringify(report.stopped)}, ${told}`);
  assertEquals(scene.tree(), begin, told);
  assertEquals(scene.store.bytes, 0);
  undone += report.rolledBack.length;

  // Each rollback is on record, with what it undoes; and so is each action.
  const records = recordsOf(scene.ws.path("kernel.log"));
  const ids = new Set(records.map(({ record_id }) => record_id));
  for (const { undoes } of records) assert(undoes === undefined || ids.has(undoes), told);
  assert(answers > ROUNDS && undone > 0, `${answers} answers, ${undone} undone, ${told}`);
  if (Deno.env.has("KILL_ROUNDS")) {
    console.log(
      `${ROUNDS} rounds: ${answers} answers, ${pending} pending, ${leftovers} leftovers, ` +
        `${undone} undone, ${records.length} records, ${told}`,
    );
  }
});
