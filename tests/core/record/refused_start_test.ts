import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AuditLogError, Kernel } from "../../../mod.ts";
import { checkpoint, keyFile } from "../../checkpoint/checkpoint_file.ts";
import { afterCrash, body, exists, linesOf, openAndClose, openLog, recordsOf } from "./log_file.ts";
import { Workspace } from "../../workspace.ts";

/** What a kernel that was killed left: so many records and intents. @returns The path of the log. */
async function killed(ws: Workspace, records: number, intents: number): Promise<string> {
  const log = await openLog(ws.path("before.log"));
  for (let i = 0; i < records; i++) await log.append(body(`/data/${i}`));
  for (let i = 0; i < intents; i++) await log.intend(body(`/under-way/${i}`));
  const path = afterCrash(log.path, ws.path("kernel.log"));
  await log.close();
  return path;
}

/** Opens the log under a policy that allows nothing, and closes it. */
async function start(ws: Workspace): Promise<void> {
  const kernel = await Kernel.open({
    policy: { capabilities: [] },
    logPath: ws.path("kernel.log"),
    checkpoints: { key: keyFile(ws) },
    onWarning: () => {},
  });
  await kernel.close();
}

function interrupted(path: string): string[] {
  return recordsOf(path).filter(({ status }) => status === "INTERRUPTED").map(({ target }) =>
    target
  );
}

/** The files of the log and what is in them. */
function filesOf(path: string): (string | undefined)[] {
  return ["", ".journal", ".torn", ".checkpoints", ".segments"].map((suffix) =>
    exists(path + suffix) ? Deno.readTextFileSync(path + suffix) : undefined
  );
}

const UNDER_WAY = ["/under-way/0", "/under-way/1", "/under-way/2"];

for (const left of [0, 10, 18, 19]) {
  Deno.test(`a start is refused, and loses no intent, when ${left} of 20 signed records are left`, async () => {
    using ws = new Workspace();
    const path = await killed(ws, 20, 3);
    const good = Deno.readTextFileSync(path);
    ws.file("kernel.log.checkpoints", checkpoint(20, recordsOf(path).at(-1)?.hash ?? ""));
    Deno.writeTextFileSync(path, linesOf(path).slice(0, left).join(""));
    const before = filesOf(path);
    // With the records of the three intents, 18 would be more than 20.
    const error = await assertRejects(() => start(ws), AuditLogError);
    assertStringIncludes(error.message, `has ${left} records`);
    assertEquals(filesOf(path), before);
    // The owner puts the right file back.
    Deno.writeTextFileSync(path, good);
    await start(ws);
    assertEquals(interrupted(path), UNDER_WAY);
  });
}

Deno.test("a start is refused when another record stands in the place of the last signed one", async () => {
  using ws = new Workspace();
  const path = await killed(ws, 20, 3);
  ws.file("kernel.log.checkpoints", checkpoint(20, "a".repeat(64)));
  const before = filesOf(path);
  const error = await assertRejects(() => start(ws), AuditLogError);
  assertStringIncludes(error.message, "it was written anew");
  assertEquals(filesOf(path), before);
});

/** Ends of a log, of which a start that is not refused would change each. */
const ENDS: readonly (readonly [string, (path: string) => void])[] = [
  ["with a torn line", (path) => Deno.writeTextFileSync(path, '{"timestamp', { append: true })],
  ["without its last line feed", (path) => Deno.truncateSync(path, Deno.statSync(path).size - 1)],
  ["in order", () => {}],
];
for (const [what, change] of ENDS) {
  for (const intents of [0, 3]) {
    Deno.test(`a refused log ${what} stays as it was, its journal of ${intents} intents too`, async () => {
      using ws = new Workspace();
      const path = await killed(ws, 2, intents);
      change(path);
      Deno.writeTextFileSync(`${path}.journal`, '{"record_id":"torn', { append: true });
      const before = filesOf(path);
      const seen: number[] = [];
      const accept = (size: number) => {
        seen.push(size);
        throw new Error("not this one");
      };
      const witness = { accept, written: () => {}, close: () => Promise.resolve() };
      await assertRejects(() => openLog(path, { witness }), AuditLogError, "not this one");
      assertEquals(seen, [2]);
      assertEquals(filesOf(path), before);
      await openAndClose(path);
      assertEquals(interrupted(path).slice(0, intents), UNDER_WAY.slice(0, intents));
      assertEquals(linesOf(path).length, 2 + intents + (what.includes("torn") ? 1 : 0));
    });
  }
}
