import { assertEquals } from "@std/assert";
import { ROOT, Workspace } from "./workspace.ts";

interface Span {
  readonly name: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue: string };
  }[];
}

Deno.test("with OTEL_DENO each submit of a kernel arrives as a span at a real OTLP receiver", async () => {
  using ws = new Workspace();
  const spans: Span[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.json();
    for (const resource of body.resourceSpans ?? []) {
      for (const scope of resource.scopeSpans ?? []) spans.push(...(scope.spans ?? []));
    }
    return Response.json({});
  });
  const script = ws.file(
    "main.ts",
    `import { Kernel } from "${ROOT}/mod.ts";
     await using kernel = await Kernel.open({
       policy: { capabilities: [] }, logPath: "${ws.path("kernel.log")}", onWarning: () => {},
     });
     await kernel.submit({ action: "fs.read", target: "/etc/passwd", agent: "bob" });`,
  );
  const { code, stderr } = await new Deno.Command("deno", {
    args: [
      "run",
      "-q",
      "--no-prompt",
      `--config=${ROOT}/deno.json`,
      "--allow-read",
      `--allow-write=${ws.root}`,
      script,
    ],
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    },
  }).output();
  await server.shutdown();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const [span] = spans.filter(({ name }) => name === "agent_kernel.submit");
  assertEquals(
    Object.fromEntries(span?.attributes.map(({ key, value }) => [key, value.stringValue]) ?? []),
    {
      "agent_kernel.action": "fs.read",
      "agent_kernel.status": "DENIED",
      "agent_kernel.code": "NO_RULE",
      "agent_kernel.agent": "bob",
    },
  );
});
