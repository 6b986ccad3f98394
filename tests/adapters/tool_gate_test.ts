import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ToolGate } from "../../src/adapters/tool_gate.ts";
import type { ToolDef } from "../../src/agent/mod.ts";
import { CountedGate, TOOLS } from "../agent/counted_gate.ts";

const [GET] = TOOLS as [ToolDef];

Deno.test("tools cannot be adapted without a kernel, with two tools of one name, or with a bound that is not positive", () => {
  const submit = () => Promise.resolve({ status: "OK" as const });
  assertThrows(() => new ToolGate({ tools: TOOLS }), TypeError, "expected kernel or submit");
  assertThrows(
    () => new ToolGate({ submit, tools: [...TOOLS, GET] }),
    TypeError,
    'two tools have the name "get"',
  );
  for (const maxResultChars of [0, -1, NaN]) {
    assertThrows(
      () => new ToolGate({ submit, tools: TOOLS, maxResultChars }),
      RangeError,
      "expected a positive number",
    );
  }
  assertEquals([...new ToolGate({ submit, tools: TOOLS }).tools.keys()], ["get", "set"]);
});

Deno.test("values that are not JSON are recorded as INVALID, and not carried out", async () => {
  await using gate = await CountedGate.open();
  const tools = new ToolGate({ kernel: gate.kernel, tools: TOOLS });
  const cyclic: Record<string, unknown> = { key: "open/a" };
  cyclic.self = cyclic;
  for (const args of [undefined, () => {}, { key: 1n }, cyclic, '{"key": "open/a"}', 5, []]) {
    const { result } = await tools.call(GET, args);
    assertEquals([result.status, result.code], ["ERROR", "INVALID_REQUEST"]);
  }
  assertEquals(gate.effects, []);
  const records = await gate.assertAgreement();
  assertEquals(records.map(({ status }) => status), Array(7).fill("INVALID"));
});

Deno.test("a submit that resolves to something that is not an ActionResult ends the call", async () => {
  const submit = () => Promise.resolve({ status: "FINE" } as never);
  const tools = new ToolGate({ submit, tools: TOOLS });
  await assertRejects(() => tools.call(GET, { key: "a" }), TypeError, "not an ActionResult");
});
