import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { hookCommand } from "../../src/protect/hook_command.ts";
import { HOOK_SETTINGS } from "../../src/protect/installation.ts";
import {
  installedHooks,
  SettingsError,
  withHooks,
  withoutHooks,
} from "../../src/protect/settings_file.ts";
import { Workspace } from "../workspace.ts";

const OPTIONS = { socket: "/s/kernel.sock", deno: "/bin/deno" };

const FILES: Readonly<Record<string, string>> = {
  "an empty object": "{}\n",
  "other settings with comments":
    '{\n  // mine\n  "model": "opus", /* and */\n  "a": [1,2 , 3]\n}\n',
  "other hooks":
    '{\n\t"hooks": {\n\t\t"PreToolUse": [\n\t\t\t{ "matcher": "Bash", "hooks": [{ "type": "command", "command": "x" }] }\n\t\t],\n\t\t"Stop": []\n\t}\n}\n',
  "Windows line ends": '{\r\n  "a": 1\r\n}\r\n',
  "a trailing comma": '{\n  "a": 1,\n}\n',
};

for (const [agent, { entries }] of Object.entries(HOOK_SETTINGS)) {
  for (const [cell, text] of Object.entries(FILES)) {
    Deno.test(`${agent}: hooks go into ${cell}, once, and come out again`, () => {
      const ours = entries({ agent, ...OPTIONS });
      const once = withHooks(text, ours);
      const names = ours.map(({ path }) => String(path.at(-1)));
      assertEquals(Array.from(installedHooks(once).keys()).sort(), names.toSorted());
      assertEquals(withHooks(once, ours), once);
      for (const line of text.split("\n").filter((line) => /mine|"model"|"a":/.test(line))) {
        assertStringIncludes(once, line.replace(/,?\r?$/, ""));
      }
      const out = withoutHooks(once);
      assertEquals(installedHooks(out).size, 0);
      const plain = (json: string) => json.replaceAll(/\s|,(?=\s*[}\]])/g, "");
      assertEquals(plain(out), plain(text));
      assertEquals(withoutHooks(text), text);
    });
  }
}

Deno.test("a new socket takes the place of the old one", () => {
  const entries = HOOK_SETTINGS["claude"]?.entries;
  const old = withHooks("{}", entries?.({ agent: "claude", ...OPTIONS }) ?? []);
  const now = withHooks(old, entries?.({ agent: "claude", ...OPTIONS, socket: "/t/k.sock" }) ?? []);
  assertEquals(now.includes("/s/kernel.sock"), false);
  assertEquals(installedHooks(now).size, 5);
});

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly [string, string][] = [
  ["no JSON", "not json"],
  ["a list", "[]"],
  ["hooks that are a list", '{"hooks": []}'],
  ["an event that is a text", '{"hooks": {"PreToolUse": "x"}}'],
];
for (const [cell, text] of REFUSED) {
  Deno.test(`${cell} is refused, not written over`, () => {
    const entries = HOOK_SETTINGS["claude"]?.entries({ agent: "claude", ...OPTIONS }) ?? [];
    assertThrows(() => withHooks(text, entries), SettingsError);
  });
}

Deno.test("the line of a hook refuses the call if its program is missing, slow to fail, or odd", async () => {
  const sh = async (line: string) => {
    const { code, stderr } = await new Deno.Command("/bin/sh", {
      args: ["-c", line],
      stdin: "null",
    })
      .output();
    return [code, stderr.length > 0];
  };
  const line = (deno: string) => hookCommand("before", { agent: "claude", ...OPTIONS, deno });
  assertEquals(await sh(line("/nowhere/deno")), [2, true]);
  assertEquals(await sh(line("/bin/false")), [2, true]);
  assertEquals(await sh(line(Deno.execPath())), [2, true]);
  assertEquals(await sh(line("/with space/it's")), [2, true]);
  const after = hookCommand("after", { agent: "claude", ...OPTIONS, deno: "/nowhere/deno" });
  assertEquals((await sh(after))[0], 0);
});

Deno.test("the line of a hook runs no program that another PATH could name", async () => {
  using ws = new Workspace();
  for (const name of ["timeout", "deno", "echo", "true", "exit"]) {
    const program = ws.file(`bin/${name}`, `#!/bin/sh\n: > ${ws.path("ran")}\n`);
    Deno.chmodSync(program, 0o755);
  }
  const options = { agent: "claude", socket: ws.path("s/kernel.sock") };
  for (const more of [{}, { timeout: null }]) {
    const { code, stderr } = await new Deno.Command("/bin/sh", {
      args: ["-c", hookCommand("before", { ...options, ...more })],
      env: { PATH: ws.path("bin") },
      stdin: "null",
    }).output();
    assertEquals([code, stderr.length > 0], [2, true]);
    assertThrows(() => Deno.lstatSync(ws.path("ran")), Deno.errors.NotFound);
  }
});
