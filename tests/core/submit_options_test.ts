import { assertEquals, assertStringIncludes } from "@std/assert";
import { type AuditRecord, Kernel, Provider } from "@agent-kernel/kernel";
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
    const decisions = data as { allowed: boolean; code: string; target: string; rule?: string }[];
    assertEquals(decisions.map(({ allowed, code }) => [allowed, code]), [
      [true, "ALLOWED"],
      [false, "DENY_RULE"],
      [false, "NO_RULE"],
      [false, "INVALID_TARGET"],
      [false, "INVALID_REQUEST"],
      [false, "INVALID_REQUEST"],
      [true, "ALLOWED"],
    ]);
    assertEquals(decisions[0]?.target, ws.path("in/a.txt"));
    assertEquals(decisions[1]?.rule, "secret");
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
