/**
 * Redirects: each hop is decided again. A server that may be asked cannot lead the agent elsewhere.
 *
 *     deno run -P=examples examples/05_providers/http_redirects.ts
 */
import { Kernel, readAuditLog } from "@agent-kernel/kernel";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;
const logPath = `${root}/kernel.log`;

const reached: string[] = [];
await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
  const { pathname, origin } = new URL(request.url);
  reached.push(pathname);
  const leadsTo: Record<string, string> = {
    "/docs/old": "/docs/new",
    "/docs/trap": "/admin/delete-everything",
    "/docs/metadata": "http://169.254.169.254/latest/meta-data/",
  };
  const to = leadsTo[pathname];
  return to === undefined
    ? new Response("a page")
    : Response.redirect(new URL(to, origin).href, 302);
});
const origin = `http://127.0.0.1:${server.addr.port}`;

{
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "net.http", resource: `${origin}/docs/**` }] },
    providers: [new HttpProvider()],
    logPath,
    onWarning: () => {},
  });
  for (const page of ["old", "trap", "metadata"]) {
    const target = `${origin}/docs/${page}`;
    const { status, data, error } = await kernel.submit({ action: "net.http", target });
    const { body, url } = Object(data);
    console.log(page, "→", status, (error ?? `${body}, at ${url}`).replaceAll(origin, "…"));
  }
}
console.log("reached:", reached.join(" "));
let records = 0;
for await (const line of readAuditLog(logPath)) if ("record" in line) records++;
console.log("records:", records);
