/**
 * Sending: an object as JSON, with a credential that the agent never sees.
 *
 *     deno run -P=examples examples/05_providers/http_post.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;

await using server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  async (request) => {
    const known = request.headers.get("authorization") === "Bearer s3cr3t-t0ken";
    const order = await request.json();
    // A server that tells what it was sent: the secret does not come back to the agent.
    return Response.json({ known, order, sent: Object.fromEntries(request.headers) });
  },
);
const host = `127.0.0.1:${server.addr.port}`;

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - action: net.http
    resource: http://${host}/orders
    constraint:
      method: POST
      body.item: { in: [pen, ink] }
      body.count: { min: 1, max: 10 }
`,
  },
  providers: [
    new HttpProvider({
      secrets: { SHOP: { value: "s3cr3t-t0ken", prefix: "Bearer ", hosts: [`http://${host}`] } },
    }),
  ],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});

for (const body of [{ item: "pen", count: 3 }, { item: "pen", count: 3000 }, { item: "car" }]) {
  const { status, data, error } = await kernel.submit({
    action: "net.http",
    target: `http://${host}/orders`,
    params: { method: "POST", body },
  });
  console.log(JSON.stringify(body), "→", status, error?.replace(host, "…") ?? "");
  if (data === undefined) continue;
  const { known, order, sent } = JSON.parse((data as { body: string }).body);
  console.log("  the server knew us:", known, "and got", JSON.stringify(order));
  console.log("  what it says of the header:", sent.authorization);
}
