/**
 * Permits three actions, has one reported, says so, and waits to be killed: FOLDER LOG.
 *
 * @module
 */
import { Kernel } from "@agent-kernel/kernel";

const [folder = "", logPath = ""] = Deno.args;
const kernel = await Kernel.open({
  policy: { capabilities: [{ id: "work", action: "fs.*", resource: `${folder}/**` }] },
  ...{ logPath, onWarning: () => {} },
});
const ids: (string | undefined)[] = [];
for (const name of ["a", "b", "c"]) {
  const request = { action: "fs.write", target: `${folder}/${name}`, params: { content: name } };
  ids.push((await kernel.permit({ ...request, agent: "claude" })).recordId);
}
await kernel.report(ids[1] ?? "");
console.log(JSON.stringify(ids));
await Deno.stdin.read(new Uint8Array(1));
