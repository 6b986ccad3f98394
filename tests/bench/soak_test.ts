/** The soak in short: that it sees what it has to see. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { growthOf } from "../../bench/soak/growth.ts";
import { ROOT, Workspace } from "../workspace.ts";

Deno.test("soak() loses no record and leaks nothing over crashes, reloads, rotations and laps", async () => {
  using workspace = new Workspace();
  const { report, laps } = await alone("soak", workspace.root);
  assertEquals(report.problems, []);
  // What a good report rests on has happened.
  assert(report.submits >= 3600, `${report.submits} submits`);
  assert(report.laps >= 3, `${report.laps} laps`);
  assertEquals(laps, report.laps);
  assert(report.crashes >= 3, `${report.crashes} crashes`);
  assertEquals(report.reloads, 2);
  assert(report.rotations >= 6, `${report.rotations} rotations`);
});

Deno.test({
  name: "census() sees a file that is open and a Worker that lives",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using workspace = new Workspace();
    const { before, during } = await alone("census", workspace.root);
    assertEquals([during.files > before.files, during.workers], [true, before.workers + 1]);
  },
});

/** In a process of its own: in this one, other tests open files and start Workers meanwhile. */
async function alone(what: string, folder: string) {
  const args = ["run", "-q", "--no-prompt", "-P=bench", `${ROOT}/tests/bench/alone.ts`];
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: [...args, what, folder],
    cwd: ROOT,
  }).output();
  const text = new TextDecoder();
  assert(success, text.decode(stderr));
  return JSON.parse(text.decode(stdout));
}

const MB = 1e6;
/** A heap that breathes by 5 MB and holds what `held` says, in so many looks. */
function breathing(held: (i: number) => number, looks = 240): number[] {
  return Array.from({ length: looks }, (_, i) => held(i) + ((i * 7) % 24) / 24 * 5 * MB);
}

Deno.test("growthOf() tells a heap that grows from one that breathes", () => {
  const cases: [what: string, sizes: number[], grows: boolean][] = [
    ["level", breathing(() => 40 * MB), false],
    ["a leak", breathing((i) => 40 * MB + i * 0.2 * MB), true],
    ["growth in the warm-up only", breathing((i) => 40 * MB + Math.min(i, 80) * MB), false],
    ["one burst", breathing((i) => i === 200 ? 200 * MB : 40 * MB), false],
    ["shrinking", breathing((i) => 100 * MB - i * 0.2 * MB), false],
    ["a rise that is small", breathing((i) => 40 * MB + i * 0.02 * MB), false],
  ];
  for (const [what, sizes, grows] of cases) assertEquals(growthOf(sizes).grows, grows, what);
});

Deno.test("growthOf() gives the rise of a leak in bytes", () => {
  const { level, rise } = growthOf(breathing((i) => 40 * MB + i * 0.2 * MB));
  // 160 looks after the warm-up, seven eighths of them from trough to trough.
  assert(Math.abs(rise - 28 * MB) < 2 * MB, `${rise}`);
  assert(level > 60 * MB && level < 80 * MB, `${level}`);
});

Deno.test("growthOf() refuses what is too short to tell", () => {
  assertThrows(() => growthOf([1, 2, 3]), RangeError, "3 sizes");
});
