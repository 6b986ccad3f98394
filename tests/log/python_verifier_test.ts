/**
 * The Python verifier of docs/audit-log.md, run as it is printed there, against the one of this package.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { verifyAuditLog } from "../../src/log/verifier.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { body, filesOf, linesOf, openLog } from "../core/record/log_file.ts";

const BLOCKS = Array.from(
  Deno.readTextFileSync(`${ROOT}/docs/audit-log.md`).matchAll(/^```python\n([^]*?)^```$/gm),
  ([, code = ""]) => code,
);
const [VERIFIER = ""] = BLOCKS;

const HOSTILE = [
  ...["plain", "日本/\u{1F600}", "x\ny", "\ud800", "\u2028", "\x1b[2J", '"}', "\\u000a"],
  ...[',"hash":"' + "0".repeat(64) + '"}', "\ufeff", "\0", "a\r\nb"],
];

/** How the documented program ends. */
function python(path: string): { readonly ok: boolean; readonly output: string } {
  const { success, stdout, stderr } = new Deno.Command("python3", { args: ["-c", VERIFIER, path] })
    .outputSync();
  const text = new TextDecoder();
  return { ok: success, output: text.decode(stdout) + text.decode(stderr) };
}

/** A log of two records for each hostile text, in one file or in several. @returns Its path. */
async function writeHostile(ws: Workspace, rotated: boolean): Promise<string> {
  // Characters that mean something to glob.
  const path = ws.path("a[0]*.log");
  const log = await openLog(path, rotated ? { rotate: { bytes: 1500 } } : {});
  for (const text of HOSTILE) {
    await log.append(body(text));
    await log.append(body("/x", { error: text, agent: text, params_values: { text } }));
  }
  await log.close();
  assertEquals(filesOf(path).length > 3, rotated);
  return path;
}

Deno.test("docs/audit-log.md has one Python verifier, of ten lines", () => {
  assertEquals(BLOCKS.length, 1);
  const lines = VERIFIER.split("\n").filter((line) => line !== "");
  assertEquals(lines.length, 10);
});

for (const rotated of [false, true]) {
  const what = rotated ? "a rotated log" : "a log";

  Deno.test(`the documented Python finds ${what} in order, with the same head`, async () => {
    using ws = new Workspace();
    const path = await writeHostile(ws, rotated);
    const { ok, records, head } = await verifyAuditLog(path);
    assertEquals([ok, records], [true, 2 * HOSTILE.length]);
    assertEquals(python(path), { ok: true, output: `OK: ${records} records, head ${head}\n` });
  });

  const damages: Readonly<Record<string, (lines: string[]) => string[]>> = {
    "a changed byte": (lines) => lines.with(1, lines[1]?.replace("fs.read", "fs.reed") ?? ""),
    "a removed line": (lines) => lines.toSpliced(1, 1),
    "a repeated line": (lines) => lines.toSpliced(1, 0, lines[1] ?? ""),
    "a moved line": (lines) => lines.with(0, lines[1] ?? "").with(1, lines[0] ?? ""),
    "an empty line": (lines) => lines.toSpliced(1, 0, "\n"),
    "another line": (lines) => lines.toSpliced(1, 0, "{}\n"),
    "a torn line": (lines) => lines.with(-1, lines.at(-1)?.slice(0, -20) ?? ""),
    "a missing line feed": (lines) => lines.with(-1, lines.at(-1)?.slice(0, -1) ?? ""),
  };
  for (const [damage, change] of Object.entries(damages)) {
    Deno.test(`the documented Python finds ${damage} in ${what}, in the same line`, async () => {
      using ws = new Workspace();
      const path = await writeHostile(ws, rotated);
      const second = filesOf(path)[rotated ? 1 : 0] ?? "";
      Deno.writeTextFileSync(second, change(linesOf(second)).join(""));
      const { ok, problem } = await verifyAuditLog(path);
      assertEquals(ok, false);
      const found = python(path);
      assertEquals(found.ok, false);
      assertStringIncludes(found.output, `AssertionError: line ${problem?.line}: `);
    });
  }
}

Deno.test("the documented Python finds a segment that is missing", async () => {
  using ws = new Workspace();
  const path = await writeHostile(ws, true);
  for (const segment of filesOf(path).slice(0, 2).reverse()) {
    Deno.removeSync(segment);
    const found = python(path);
    assertEquals(found.ok, false);
    assertStringIncludes(found.output, "out of place");
    assertEquals((await verifyAuditLog(path)).ok, false);
  }
});

Deno.test("neither verifier sees whole lines cut off at the end, as documented", async () => {
  using ws = new Workspace();
  const path = await writeHostile(ws, true);
  Deno.writeTextFileSync(path, "");
  const { ok, records, head } = await verifyAuditLog(path);
  assert(ok && records < 2 * HOSTILE.length);
  assertEquals(python(path).output, `OK: ${records} records, head ${head}\n`);
});
