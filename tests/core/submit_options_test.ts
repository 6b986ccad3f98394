import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type AuditRecord, DeniedError, Kernel, Provider } from "@agent-kernel/kernel";
import { AskingProvider } from "./isolation/fixtures/asking_provider.ts";
import { Workspace } from "../workspace.ts";

/** A kernel with a provider that counts its calls, and the records that it wrote. */
async function withKernel(
  body: (kernel: Kernel, ws: Workspace, calls: unknown[]) => Promise<void>,
): Promise<AuditRecord[]> {
  using ws = new Workspace();
  const calls: unknown[] = [];
  {
    await using kernel = await Kernel.open({
      policy: {
        capabilities: [
          { action: ["count.do", "asking.do"], resource: "**", id: "all" },
          { action: "fs.read", resource: ws.path("in/**") },
        ],
        deny: [{ action: "fs.read", resource: ws.path("in/secret.txt"), id: "secret" }],
      },
      providers: [
        new AskingProvider(),
        new Provider({
          name: "count",
          isolation: "none",
          actions: { "count.do": { kind: "name" } },
          execute: (request) => void calls.push(request.params),
        }),
      ],
      logPath: ws.path("kernel.log"),
      onWarning: () => {},
    });
    await body(kernel, ws, calls);
  }
  return Deno.readTextFileSync(ws.path("kernel.log")).trim().split("\n").map((l) => JSON.parse(l));
}

Deno.test("a problem that the caller found is recorded as INVALID, and nothing is done", async () => {
  const records = await withKernel(async (kernel, _, calls) => {
    const result = await kernel.submit({ action: "count.do", target: "a" }, { problem: "no JSON" });
    assertEquals([result.status, result.code], ["ERROR", "INVALID_REQUEST"]);
    assertStringIncludes(result.error ?? "", "no JSON");
    assertEquals(calls.length, 0);
  });
  assertEquals(records.map(({ status, action }) => [status, action]), [["INVALID", "count.do"]]);
});

Deno.test("prepare gets the canonical request and the id of the record before anything is done", async () => {
  await withKernel(async (kernel, _, calls) => {
    const seen: unknown[] = [];
    const result = await kernel.submit({ action: "count.do", target: "a/b" }, {
      prepare: (request, recordId) => void seen.push(request.target, recordId, calls.length),
    });
    assertEquals(seen, ["a/b", result.recordId, 0]);
    assertEquals(calls.length, 1);
  });
});

Deno.test("prepare is not called for what is denied", async () => {
  await withKernel(async (kernel) => {
    let called = false;
    const prepare = () => void (called = true);
    assertEquals(
      (await kernel.submit({ action: "x.y", target: "a" }, { prepare })).status,
      "DENIED",
    );
    assert(!called);
  });
});

Deno.test("prepare cannot change what is executed", async () => {
  await withKernel(async (kernel, _, calls) => {
    await kernel.submit({ action: "count.do", target: "a", params: { n: 1 } }, {
      prepare: ({ params }) => void ((params as Record<string, unknown>)["n"] = 2),
    });
    assertEquals(calls, [{ n: 1 }]);
  });
});

Deno.test("what prepare returns reaches the provider, and nothing like it from a request does", async () => {
  const seen: unknown[] = [];
  const provider = new Provider({
    name: "seeing",
    isolation: "none",
    actions: { "see.do": { kind: "name" } },
    execute: ({ preparation }) => void seen.push(preparation),
  });
  using ws = new Workspace();
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "see.do", resource: "**" }] },
    providers: [provider],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const request = { action: "see.do", target: "a", preparation: { restore: true } };
  const given = { expect: { size: 1 } };
  await kernel.submit(request, { prepare: () => given });
  await kernel.submit(request, { prepare: () => {} });
  await kernel.submit(request);
  assertEquals(seen, [{ expect: { size: 1 } }, undefined, undefined]);
  assert(seen[0] !== given, "a copy");
  const result = await kernel.submit(request, { prepare: () => ({ bad: () => {} }) });
  assertEquals([result.status, result.code, seen.length], ["DENIED", "PREPARATION_FAILED", 3]);
});

for (
  const [error, code] of [
    [new DeniedError("SNAPSHOT_FAILED", "no space"), "SNAPSHOT_FAILED"],
    [new Error("no space"), "PREPARATION_FAILED"],
    ["no space", "PREPARATION_FAILED"],
  ] as const
) {
  Deno.test(`a prepare that throws ${error} denies with ${code}`, async () => {
    const records = await withKernel(async (kernel, _, calls) => {
      const result = await kernel.submit({ action: "count.do", target: "a" }, {
        prepare: () => Promise.reject(error),
      });
      assertEquals([result.status, result.code, result.error], ["DENIED", code, "no space"]);
      assertEquals(calls.length, 0);
    });
    assertEquals(records.map(({ status, record_id }) => [status, record_id]), [
      ["DENIED", undefined],
    ]);
  });
}

Deno.test("undoes is put on record, and has to be the id of a record", async () => {
  const id = crypto.randomUUID();
  const records = await withKernel(async (kernel) => {
    await kernel.submit({ action: "count.do", target: "a", undoes: id });
    await kernel.submit({ action: "count.do", target: "a", undoes: "../../x" });
  });
  assertEquals(records.map(({ status, undoes }) => [status, undoes]), [
    ["OK", id],
    ["INVALID", undefined],
  ]);
});

Deno.test("a provider's question is decided like a request, canonically, and is not recorded", async () => {
  const records = await withKernel(async (kernel, ws) => {
    const { data } = await kernel.submit({
      action: "asking.do",
      target: "x",
      params: {
        ask: [
          { action: "fs.read", target: ws.path("in/./a.txt") },
          { action: "fs.read", target: ws.path("in/secret.txt") },
          { action: "fs.read", target: ws.path("in/../out") },
          { action: "fs.read", target: "\0" },
          { action: 7 },
          null,
          { target: "other" },
        ],
      },
    });
    const verdicts = data as { allowed: boolean; code: string; target: string; rule?: string }[];
    assertEquals(verdicts.map(({ allowed, code }) => [allowed, code]), [
      [true, "ALLOWED"],
      [false, "DENY_RULE"],
      [false, "NO_RULE"],
      [false, "INVALID_TARGET"],
      [false, "INVALID_REQUEST"],
      [false, "INVALID_REQUEST"],
      [true, "ALLOWED"],
    ]);
    assertEquals(verdicts[0]?.target, ws.path("in/a.txt"));
    assertEquals(verdicts[1]?.rule, "secret");
  });
  assertEquals(records.length, 1);
});

Deno.test("a no that ends the call makes it DENIED, with the rule, in one record", async () => {
  const records = await withKernel(async (kernel, ws) => {
    const result = await kernel.submit({
      action: "asking.do",
      target: "x",
      params: { heed: true, ask: [{ action: "fs.read", target: ws.path("in/secret.txt") }] },
    });
    assertEquals([result.status, result.code, result.rule], ["DENIED", "DENY_RULE", "secret"]);
    assertStringIncludes(result.error ?? "", "secret.txt");
  });
  assertEquals(records.map(({ status, rule }) => [status, rule]), [["DENIED", "secret"]]);
});

Deno.test("a provider cannot name a rule that the policy does not have", async () => {
  const [record] = await withKernel(async (kernel) => {
    const result = await kernel.submit({
      action: "asking.do",
      target: "x",
      params: { lie: true },
    });
    assertEquals([result.status, result.code, result.rule], ["DENIED", "OWN_CODE", undefined]);
  });
  assertEquals([record?.status, record?.rule], ["DENIED", undefined]);
});
