import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { VERSION } from "../../src/version.ts";
import { ROOT } from "../workspace.ts";

const CONFIG = JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json")));

Deno.test("VERSION is that of deno.json, a semantic one", () => {
  assertEquals(VERSION, CONFIG.version);
  assertMatch(VERSION, /^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/);
});

Deno.test("each export of deno.json leads to a file that is published", () => {
  const entries = Object.entries(CONFIG.exports as Record<string, string>);
  assertEquals(entries.length > 0, true);
  for (const [name, path] of entries) {
    assertEquals(Deno.statSync(join(ROOT, path)).isFile, true, name);
    const published = (CONFIG.publish.include as string[]).some((one) =>
      path === `./${one}` || path.startsWith(`./${one}`)
    );
    assertEquals(published, true, name);
  }
});
