import { assertEquals } from "@std/assert";
import { Kernel, Provider, ProviderError } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { outgoingTextsOf, secretTextsOf } from "../../src/provenance/secret_texts.ts";
import { Workspace } from "../workspace.ts";

const SECRET = "hidden-secret-value-0001";

const RESULTS: Readonly<Record<string, unknown>> = {
  "a value": { a: SECRET },
  "a key": { [SECRET]: 1 },
  "a key of JSON": `{"${SECRET}": 1}`,
  "a key that JSON has twice": `{"k": "${SECRET}", "k": "x"}`,
  "a text beside structured content": {
    content: [{ type: "text", text: SECRET }],
    structuredContent: { ok: true },
  },
  "an embedded resource": {
    content: [{ type: "resource", resource: { uri: "x:y", text: SECRET } }],
  },
  "a header": { status: 200, headers: { "set-cookie": SECRET }, body: "hi" },
  "deep below": JSON.parse(`${"[".repeat(60)}"${SECRET}"${"]".repeat(60)}`),
};

/** A kernel with a secret source, and a place to send something to. */
async function opened(workspace: Workspace): Promise<Kernel> {
  const resource = `${workspace.root}/files/**`;
  const world = new Provider({
    name: "world",
    isolation: "none",
    actions: { "tool.read": { kind: "name", effect: "none" }, "mail.send": { kind: "name" } },
    execute: ({ action, target }) => {
      if (target === "error") throw new ProviderError("BROKEN", `Cannot read ${SECRET}`);
      return action === "tool.read" ? RESULTS[target] : "sent";
    },
  });
  return await Kernel.open({
    policy: {
      sources: [
        { id: "tool", action: "tool.read", secret: true },
        { id: "files", action: "fs.read", resource: `${workspace.root}/files/hr/**`, secret: true },
      ],
      capabilities: [
        { action: ["fs.read", "fs.write", "fs.move", "fs.delete"], resource },
        { action: ["tool.read", "mail.send"], resource: "**" },
      ],
    },
    providers: [new FilesystemProvider(), world],
    logPath: workspace.path("kernel.log"),
    onWarning: () => {},
  });
}

Deno.test("a secret is found again wherever in a result it was", async () => {
  using workspace = new Workspace();
  await using kernel = await opened(workspace);
  for (const target of [...Object.keys(RESULTS), "error"]) {
    await using session = await kernel.session();
    const params = { body: `It is ${SECRET}.` };
    const send = { action: "mail.send", target: "out", params };
    assertEquals((await session.submit(send)).status, "OK");
    await session.submit({ action: "tool.read", target });
    assertEquals([target, (await session.submit(send)).code], [target, "SECRET_DISCLOSED"]);
  }
});

Deno.test("a secret is found in each place of the params", async () => {
  using workspace = new Workspace();
  await using kernel = await opened(workspace);
  await using session = await kernel.session();
  await session.submit({ action: "tool.read", target: "a value" });
  const deep = JSON.parse(`${"[".repeat(50)}"${SECRET}"${"]".repeat(50)}`);
  const escaped = `{"a": "\\u0068${SECRET.slice(1)}"}`;
  for (const params of [{ [SECRET]: 1 }, { a: { [SECRET]: 1 } }, { a: deep }, { a: escaped }]) {
    const { code } = await session.submit({ action: "mail.send", target: "out", params });
    assertEquals(code, "SECRET_DISCLOSED", JSON.stringify(params));
  }
});

Deno.test("nothing is moved out of a secret source; within it it may be", async () => {
  using workspace = new Workspace();
  workspace.file("files/hr/a", SECRET);
  workspace.file("files/hr/b", SECRET);
  await using kernel = await opened(workspace);
  const path = (name: string) => workspace.path(`files/${name}`);
  const move = async (from: string, to: string) => {
    const params = { to: path(to) };
    const { code, status } = await kernel.submit({ action: "fs.move", target: path(from), params });
    return code ?? status;
  };
  assertEquals(await move("hr/a", "a"), "SECRET_DISCLOSED");
  assertEquals(await move("hr/b", "hr/c"), "OK");
});

Deno.test("names of fields and what each answer has are no secrets", () => {
  const data = {
    status: 200,
    headers: { "Content-Type": "application/json", "x-token": "abc" },
    body: '{"description": "x", "account": 12345678901234567891, "Anne Miller": [true]}',
  };
  assertEquals(
    new Set(secretTextsOf(data)),
    new Set(["200", "abc", "x", "12345678901234567891", "Anne Miller"]),
  );
  assertEquals(
    secretTextsOf({ content: [{ type: "text", mimeType: "text/plain", text: "a b" }] }),
    ["a b"],
  );
  assertEquals(
    new Set(outgoingTextsOf({ description: ["x", 1] })),
    new Set(["description", "x", "1"]),
  );
});
