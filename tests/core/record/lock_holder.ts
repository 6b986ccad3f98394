/**
 * Run by `lock_test.ts`: opens a kernel on a log, says so, and holds it until its input ends.
 *
 * @module
 */
import { Kernel } from "../../../mod.ts";

const [logPath = ""] = Deno.args;
const kernel = await Kernel.open({ policy: { capabilities: [] }, logPath, onWarning: () => {} });
await kernel.submit({ action: "kv.put", target: "denied" });
console.log("open");
await Deno.stdin.read(new Uint8Array(1));
await kernel.close();
