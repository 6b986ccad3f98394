/** The parts of the tests of the soak that look at a whole process. Prints JSON. */
import { type Census, census } from "../../bench/soak/census.ts";
import { soak } from "../../bench/soak/soak.ts";

const [what, folder = ""] = Deno.args;

async function shortSoak(): Promise<unknown> {
  let laps = 0;
  const report = await soak({
    folder,
    enough: (submits) => submits >= 3600,
    lap: 1200,
    rotateBytes: 60_000,
    onLap: () => laps++,
  });
  return { report, laps };
}

async function counted(): Promise<{ before?: Census; during?: Census }> {
  const before = await census();
  const file = Deno.openSync(`${folder}/open.txt`, { write: true, create: true });
  const worker = new Worker(new URL("./idle_worker.ts", import.meta.url), { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
  const during = await census();
  worker.terminate();
  file.close();
  return { ...(before && { before }), ...(during && { during }) };
}

console.log(JSON.stringify(what === "soak" ? await shortSoak() : await counted()));
