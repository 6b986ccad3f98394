import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { VERSION } from "../src/version.ts";
import { denoRun, type Ended } from "./cli/command_line.ts";
import { ROOT, Workspace } from "./workspace.ts";

/** A span as OTLP/JSON has it. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string } }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

const OFF = {};

/** Runs a program with a tracer, under no permission at all. */
function runTraced(
  ws: Workspace,
  body: string,
  env: Record<string, string>,
  args: readonly string[] = [`--config=${ROOT}/deno.json`],
): Promise<Ended> {
  const program = ws.file(
    "program.ts",
    `import { submitTracer } from "file://${ROOT}/src/telemetry.ts";
     const tracer = await submitTracer(console.error);
     ${body}`,
  );
  return denoRun(["run", "-q", "--no-prompt", "--no-lock", ...args, program], { env });
}

/** The spans of a program, received by a collector on loopback. */
async function spansOf(ws: Workspace, body: string): Promise<{ spans: Span[]; scope: unknown }> {
  const spans: Span[] = [];
  let scope: unknown;
  await using collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { resourceSpans = [] } = await request.json();
      if (new URL(request.url).pathname !== "/v1/traces") return Response.json({});
      for (const resource of resourceSpans) {
        for (const scoped of resource.scopeSpans) {
          scope = scoped.scope;
          spans.push(...scoped.spans);
        }
      }
      return Response.json({});
    },
  );
  const { code, stderr } = await runTraced(ws, body, on(collector.addr.port));
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return { spans, scope };
}

function on(port: number): Record<string, string> {
  return {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  };
}

function attributesOf(span: Span | undefined): Record<string, string | undefined> {
  return Object.fromEntries(
    span?.attributes.map(({ key, value }) => [key, value.stringValue]) ?? [],
  );
}

Deno.test("a submit arrives at a collector as a span with its attributes and times", async () => {
  using ws = new Workspace();
  const { spans, scope } = await spansOf(
    ws,
    `tracer?.record({ action: "fs.read", status: "OK", rule: "read-data", agent: "a1",
       startTime: 1769860800000, endTime: new Date(1769860801500) });`,
  );
  assertEquals(spans.length, 1);
  const [span] = spans;
  assertEquals(span?.name, "agent_kernel.submit");
  assertEquals(attributesOf(span), {
    "agent_kernel.action": "fs.read",
    "agent_kernel.status": "OK",
    "agent_kernel.rule": "read-data",
    "agent_kernel.agent": "a1",
  });
  assertEquals(span?.status.code ?? 0, 0);
  // Deno keeps times as floating-point seconds.
  assertMatch(span?.startTimeUnixNano ?? "", /^1769860800000000/);
  assertMatch(span?.endTimeUnixNano ?? "", /^1769860801500000/);
  const { name, version } = scope as { name: string; version: string };
  assertEquals([name, version], ["agent-kernel", VERSION]);
});

Deno.test("failures have the status ERROR and their code, denials have no error", async () => {
  using ws = new Workspace();
  const { spans } = await spansOf(
    ws,
    `const times = { action: "fs.read", startTime: 1, endTime: 2 };
     tracer?.record({ ...times, status: "ERROR", code: "NOT_FOUND" });
     tracer?.record({ ...times, status: "INTERRUPTED" });
     tracer?.record({ ...times, status: "DENIED", code: "NO_RULE" });`,
  );
  assertEquals(
    spans.map((span) => [
      attributesOf(span)["agent_kernel.status"],
      attributesOf(span)["agent_kernel.code"],
      span.status.code ?? 0,
      span.status.message ?? "",
    ]),
    [
      ["ERROR", "NOT_FOUND", 2, "NOT_FOUND"],
      ["INTERRUPTED", undefined, 2, "INTERRUPTED"],
      ["DENIED", "NO_RULE", 0, ""],
    ],
  );
});

Deno.test("attributes are redacted and cut, and nothing else of an outcome becomes one", async () => {
  using ws = new Workspace();
  const { spans } = await spansOf(
    ws,
    `const outcome = { action: "a".repeat(1000), status: "OK", agent: "https://a:hunter2@b",
       target: "/secret", params: "x", data: "y", error: "z", startTime: 1, endTime: 2 };
     tracer?.record(outcome);`,
  );
  assertEquals(attributesOf(spans[0]), {
    "agent_kernel.action": "a".repeat(256),
    "agent_kernel.status": "OK",
    "agent_kernel.agent": "https://a:[redacted]@b",
  });
});

Deno.test("a submit is a child of the caller's span", async () => {
  using ws = new Workspace();
  const { spans } = await spansOf(
    ws,
    `const { trace } = await import("npm:@opentelemetry/api@^1.10.0");
     await trace.getTracer("caller").startActiveSpan("turn", async (span) => {
       await Promise.resolve();
       tracer?.record({ action: "fs.read", status: "OK", startTime: 1, endTime: 2 });
       span.end();
     });`,
  );
  const turn = spans.find(({ name }) => name === "turn");
  const submit = spans.find(({ name }) => name === "agent_kernel.submit");
  assert(turn !== undefined && submit !== undefined);
  assertEquals([submit.traceId, submit.parentSpanId], [turn.traceId, turn.spanId]);
});

/** A map of imports with a module in the place of the OpenTelemetry API. */
function instead(ws: Workspace, module: string): string[] {
  const url = `file://${ws.file("instead.ts", module)}`;
  const names = ["@opentelemetry/api", "npm:@opentelemetry/api@^1.10.0"];
  const imports = Object.fromEntries(names.map((name) => [name, url]));
  return ["--no-config", `--import-map=${ws.file("map.json", JSON.stringify({ imports }))}`];
}

const NONE = `export const SpanStatusCode = {};
  export const trace = { getTracer: () => ({ startSpan: () => { throw new Error("broken"); } }) };`;
const PRINT = "console.log(tracer === undefined);";

Deno.test("without OTEL_DENO there is no tracer, and the OpenTelemetry API is not loaded", async () => {
  using ws = new Workspace();
  const args = instead(ws, `console.log("loaded"); ${NONE}`);
  for (const env of [OFF, { OTEL_DENO: "false" }]) {
    assertEquals((await runTraced(ws, PRINT, env, args)).stdout, "true\n");
  }
  // The near miss: the same program loads it when telemetry is on.
  assertEquals((await runTraced(ws, PRINT, on(9), args)).stdout, "loaded\nfalse\n");
});

Deno.test("an API that cannot be loaded is a warning, not an error", async () => {
  using ws = new Workspace();
  const args = instead(ws, `throw new Error("not today");${NONE}`);
  const { code, stdout, stderr } = await runTraced(ws, PRINT, on(9), args);
  assertEquals({ code, stdout }, { code: 0, stdout: "true\n" });
  assertStringIncludes(stderr, "submits are not traced, cannot load @opentelemetry/api: not today");
});

Deno.test("record() does not throw when the API does", async () => {
  using ws = new Workspace();
  const body = `tracer?.record({ action: "a", status: "OK", startTime: 1, endTime: 2 });${PRINT}`;
  const { code, stdout } = await runTraced(ws, body, on(9), instead(ws, NONE));
  assertEquals({ code, stdout }, { code: 0, stdout: "false\n" });
});
