import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type ActionResult, Kernel } from "../../../mod.ts";
import { verifyAuditLog } from "../../../src/log/verifier.ts";
import { appendOne, body, notesOf, recordsOf, writeLog } from "./log_file.ts";
import { ROOT, run, Workspace } from "../../workspace.ts";

/** Starts a program that may make no file longer than so many bytes, as on a full disk. */
const LIMITED = `
import os, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execvp(sys.argv[2], sys.argv[2:])
`;

interface Outcome {
  readonly results: readonly ActionResult[];
  readonly denied: ActionResult;
  readonly calls: readonly string[];
}

/** Two submits on a log that has room for so many bytes more. */
async function submitOnFullDisk(ws: Workspace, room: number): Promise<Outcome & { path: string }> {
  // Large, so that the limit is out of the way of the files that Deno itself writes.
  const path = await writeLog(ws, [body("/start", { error: "x".repeat(8_000_000) })]);
  const limit = String(Deno.statSync(path).size + room);
  const script = fromFileUrl(new URL("./full_disk.ts", import.meta.url));
  const flags = ["-q", "--no-prompt", `--allow-read=${ROOT}`, `--allow-write=${ws.root}`];
  return {
    ...JSON.parse(run("python3", "-c", LIMITED, limit, "deno", "run", ...flags, script, path)),
    path,
  };
}

for (const room of [0, 1, 100]) {
  Deno.test(`submit() on a log with room for ${room} bytes leaves no action without a record`, async () => {
    using ws = new Workspace();
    const { results, denied, calls, path } = await submitOnFullDisk(ws, room);
    for (const { status, code, error } of [...results, denied]) {
      assertEquals({ status, code }, { status: "ERROR", code: "AUDIT_UNAVAILABLE" });
      assertStringIncludes(error ?? "", path);
    }
    // Once the log is known to be full, nothing is done any more.
    assertEquals(calls.includes("second"), false);
    // What was done before that is put on record at the next start, from its intent.
    const policy = { capabilities: [] };
    await (await Kernel.open({ policy, logPath: path, onWarning: () => {} })).close();
    const interrupted = recordsOf(path)
      .filter(({ status, action }) => status === "INTERRUPTED" && action === "kv.put");
    assertEquals(interrupted.map(({ target }) => target), calls);
  });

  Deno.test(`a log that had room for ${room} bytes goes on without a hole later`, async () => {
    using ws = new Workspace();
    const { path } = await submitOnFullDisk(ws, room);
    await appendOne(path, "/after");
    const torn = room === 0 ? [] : [path];
    assertEquals(recordsOf(path).map(({ target }) => target), [
      "/start",
      "first",
      ...torn,
      "/after",
    ]);
    assertEquals(notesOf(path).map((note) => note.includes(`${room} bytes`)), torn.map(() => true));
    assertEquals((await verifyAuditLog(path)).records, 3 + torn.length);
  });
}
