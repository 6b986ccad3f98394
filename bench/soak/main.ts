/**
 * A kernel under load for minutes.
 *
 *     deno task soak [minutes]
 */
import { ROOT } from "../fixture.ts";
import { megabytes, soak } from "./soak.ts";

const minutes = Number(Deno.args[0] ?? 2);
if (Deno.args.length > 1 || !(minutes > 0)) {
  console.error("Usage: deno task soak [minutes]");
  Deno.exit(2);
}

Deno.mkdirSync(`${ROOT}/.tmp`, { recursive: true });
const folder = Deno.realPathSync(Deno.makeTempDirSync({ dir: `${ROOT}/.tmp`, prefix: "soak-" }));
const end = performance.now() + minutes * 60_000;
try {
  const report = await soak({
    folder,
    enough: () => performance.now() >= end,
    // About 100 MB of log a lap.
    lap: 200_000,
    onLap: (line) => console.log(line),
  });
  const { submits, laps, crashes, reloads, rotations, heap, resident, problems } = report;
  console.log(
    `${submits} submits, ${laps} laps, ${crashes} calls lost to crashes, ${reloads} reloads, ` +
      `${rotations} rotations`,
  );
  for (const [name, growth] of [["heap", heap], ["resident", resident]] as const) {
    if (growth === undefined) console.log(`${name}: too short to tell`);
    else console.log(`${name}: ${megabytes(growth.level)}, rose by ${megabytes(growth.rise)}`);
  }
  for (const problem of problems.slice(0, 50)) console.log(`PROBLEM: ${problem}`);
  if (problems.length > 50) console.log(`and ${problems.length - 50} more problems`);
  if (problems.length === 0) console.log("Nothing was lost, nothing leaked");
  Deno.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  Deno.removeSync(folder, { recursive: true });
}
