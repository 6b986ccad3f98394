/**
 * HTTP: what comes back, also for a 404, and what is refused before a connection is made.
 *
 *     deno run -P=examples examples/05_providers/http_get.ts
 */
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;

await using server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  (request) =>
    new URL(request.url).pathname === "/v1/items"
      ? Response.json(["pen", "ink"])
      : new Response("no such thing", { status: 404 }),
);
const origin = `http://127.0.0.1:${server.addr.port}`;

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - action: net.http
    resource: ${origin}/v1/**        # the address is named: without that, a private one is refused
    constraint: { method: { in: [GET, HEAD] } }
`,
  },
  providers: [new HttpProvider()],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});

const rows: [target: string, params?: ActionRequest["params"]][] = [
  [`${origin}/v1/items`],
  [`${origin}/v1/none`],
  [`${origin}/v1/items`, { method: "delete" }],
  [`${origin}/v1/%2e%2e/admin`],
  [`http://user:secret@127.0.0.1:${server.addr.port}/v1/items`],
  ["file:///etc/passwd"],
  ["http://169.254.169.254/latest/meta-data/"],
];
for (const [target, params = {}] of rows) {
  const { status, data, error } = await kernel.submit({ action: "net.http", target, params });
  const { status_code, body } = Object(data);
  const outcome = error ?? `${status_code} ${body}`;
  console.log(target.replace(/:\d+\//, ":…/"), "→", status, outcome.replace(/:\d+\//, ":…/"));
}
