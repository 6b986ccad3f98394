/** Resources, prompts and completion of a server through a kernel, without a gateway. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { odd } from "../../gateway/scene.ts";
import { textOf, withMcp } from "./scene.ts";

const policy = {
  capabilities: [{
    action: ["mcp.list", "mcp.call", "mcp.read", "mcp.prompt", "mcp.complete", "mcp.sample"],
    resource: "**",
  }],
};

Deno.test("resources, prompts and what a server has are had through submit", async () => {
  await withMcp({ servers: { s: odd() }, policy }, async ({ submit, call }) => {
    assertEquals((await submit("mcp.read", "s/note:a")).data, {
      contents: [{ uri: "note://a", text: "content of note://a" }],
    });
    assertEquals((await submit("mcp.read", "s/note:a", { subscribe: true })).data, {
      subscribed: true,
    });
    assertEquals((await submit("mcp.prompt", "s/greet", { who: "you" })).data, {
      messages: [{ role: "user", content: { type: "text", text: "Hello you" } }],
    });
    const ref = { type: "ref/prompt", name: "greet" };
    const argument = { name: "who", value: "" };
    assertEquals((await submit("mcp.complete", "s", { ref, argument })).data, {
      completion: { values: [JSON.stringify(ref)] },
    });
    const { data } = await submit("mcp.list", "s", { kind: "server" });
    const { server, capabilities } = data as { server: object; capabilities: object };
    assertEquals(server, { name: "odd", version: "1" });
    assertEquals(Object.keys(capabilities).sort(), [
      ...["completions", "logging", "prompts", "resources", "tools"],
    ]);
    const { data: listed } = await submit("mcp.list", "s", { kind: "prompts" });
    const { prompts, invalid } = listed as { prompts: unknown[]; invalid: { problem: string }[] };
    assertEquals([prompts.length, invalid.length], [2, 1]);
    assertMatch(invalid[0]?.problem ?? "", /expected a string as "name"/);
    // Without a gateway nobody is asked.
    assertStringIncludes(textOf(await call("s/sample")), "-32601");
  });
});

Deno.test("what is no resource, no kind of list, no target, and nobody to ask is said", async () => {
  await withMcp({ servers: { s: odd() }, policy }, async ({ submit }) => {
    // deno-fmt-ignore -- a row is a line
    const cells: readonly (readonly [action: string, target: string, params: object, code: string])[] = [
      ["mcp.read", "s", {}, "INVALID_TARGET"],
      ["mcp.read", "s/a", {}, "INVALID_TARGET"],
      ["mcp.read", "s/FILE:/a", {}, "INVALID_TARGET"],
      ["mcp.read", "s/note:a", { subscribe: 1 }, "INVALID_PARAMS"],
      ["mcp.prompt", "s", {}, "INVALID_TARGET"],
      ["mcp.list", "s", { kind: "toString" }, "INVALID_PARAMS"],
      ["mcp.sample", "s", {}, "NO_PROVIDER"],
    ];
    for (const [action, target, params, expected] of cells) {
      const { code } = await submit(action, target, { ...params });
      assertEquals(code, expected, `${action} ${target}`);
    }
  });
});
