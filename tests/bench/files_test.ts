import { assert, assertEquals } from "@std/assert";
import { benchFiles } from "../../bench/runner.ts";
import { ROOT } from "../workspace.ts";

Deno.test("each file of benchmarks registers workloads, which the suite can list and time", () => {
  const files = benchFiles(ROOT);
  assert(files.length >= 10);
  const texts = files.map((name) =>
    [name, Deno.readTextFileSync(`${ROOT}/bench/${name}`)] as const
  );
  assertEquals(texts.filter(([, text]) => !text.includes('from "./workload.ts"')), []);
  // A bare Deno.bench leaves no samples, and the suite ends there.
  assertEquals(texts.filter(([, text]) => text.includes("Deno.bench(")).map(([name]) => name), []);
});
