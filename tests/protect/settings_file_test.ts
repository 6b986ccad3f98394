import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { hookCommand } from "../../src/protect/hook_command.ts";
import { HOOK_SETTINGS } from "../../src/protect/installation.ts";
import {
  differences,
  installedHooks,
  withHooks,
  withoutHooks,
} from "../../src/protect/settings_file.ts";
import { SettingsError } from "../../src/protect/json_edit.ts";
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

for (const [agent, { entries, isStrict }] of Object.entries(HOOK_SETTINGS)) {
  for (const [cell, text] of Object.entries(FILES)) {
    const ours = entries({ agent, ...OPTIONS });
    if (isStrict && /comment|trailing/.test(cell)) {
      Deno.test(`${agent}: ${cell} is refused: the agent would ignore the file`, () => {
        assertThrows(() => withHooks(text, ours, isStrict), SettingsError, "ignores such a file");
        // What got in earlier, or a comment that came later.
        const once = withHooks(text, ours, false)
          .replace(/\}\s*$/, cell === "a trailing comma" ? ",\n}\n" : "}\n");
        assertThrows(() => differences(once, ours, isStrict), SettingsError, "ignores such a file");
        assertEquals(installedHooks(withoutHooks(once)).size, 0);
      });
      continue;
    }
    Deno.test(`${agent}: hooks go into ${cell}, once, and come out again`, () => {
      const once = withHooks(text, ours, isStrict);
      const names = ours.map(({ path }) => String(path.at(-1)));
      assertEquals(Array.from(installedHooks(once).keys()).sort(), names.toSorted());
      assertEquals(withHooks(once, ours, isStrict), once);
      assertEquals(differences(once, ours, isStrict), []);
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
  const old = withHooks("{}", entries?.({ agent: "claude", ...OPTIONS }) ?? [], true);
  const now = withHooks(
    old,
    entries?.({ agent: "claude", ...OPTIONS, socket: "/t/k.sock" }) ?? [],
    true,
  );
  assertEquals(now.includes("/s/kernel.sock"), false);
  assertEquals(installedHooks(now).size, 5);
});

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly [string, string][] = [
  ["no JSON", "not json"],
  ["a list", "[]"],
  ["hooks that are a list", '{"hooks": []}'],
  ["a byte order mark", "\ufeff{}"],
  ["hooks that are there twice", '{"hooks": {}, "h\\u006foks": {}}'],
  ["an event that is there twice", '{"hooks": {"PreToolUse": [], "PreToolUse": []}}'],
  ["an event that is a text", '{"hooks": {"PreToolUse": "x"}}'],
];
for (const [cell, text] of REFUSED) {
  Deno.test(`${cell} is refused, not written over`, () => {
    const entries = HOOK_SETTINGS["claude"]?.entries({ agent: "claude", ...OPTIONS }) ?? [];
    assertThrows(() => withHooks(text, entries, true), SettingsError);
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

const CLAUDE = HOOK_SETTINGS["claude"]?.entries({ agent: "claude", ...OPTIONS }) ?? [];
type Group = Record<string, unknown> & { hooks: Record<string, unknown>[] };
// deno-fmt-ignore -- a row is a line
const MEDDLED: readonly [string, (group: Group, hook: Record<string, unknown>) => void][] = [
  ["a matcher", (group) => group["matcher"] = "Write"],
  ["async", (_, hook) => hook["async"] = true],
  ["a condition", (_, hook) => hook["if"] = "Bash(git *)"],
  ["a short timeout", (_, hook) => hook["timeout"] = 0.01],
  ["no onFailure", (_, hook) => delete hook["onFailure"]],
  ["another type", (_, hook) => hook["type"] = "commandx"],
  ["another command", (_, hook) => hook["command"] = `true # ${hook["command"]}`],
];
for (const [cell, meddle] of MEDDLED) {
  Deno.test(`a hook with ${cell} is told, and protect puts its own in its place`, () => {
    const json = JSON.parse(withHooks("{}", CLAUDE, true));
    meddle(json.hooks.PreToolUse[0], json.hooks.PreToolUse[0].hooks[0]);
    const text = JSON.stringify(json);
    assertEquals(differences(text, CLAUDE, true), ["the hook for PreToolUse was changed"]);
    const again = withHooks(text, CLAUDE, true);
    assertEquals([differences(again, CLAUDE, true), JSON.parse(again).hooks.PreToolUse.length], [
      [],
      1,
    ]);
  });
}

Deno.test("hooks that are there twice, or in a list of another event, are told", () => {
  const once = withHooks("{}", CLAUDE, true);
  const twice = once.trimEnd().replace(/\}$/, ', "hooks": {"Stop": []}}');
  assertThrows(() => differences(twice, CLAUDE, true), SettingsError, "more than once");
  const json = JSON.parse(once);
  json.hooks.Stop = json.hooks.PreToolUse;
  json.hooks.SessionEnd.push(json.hooks.SessionEnd[0]);
  delete json.hooks.SessionStart;
  assertEquals(differences(JSON.stringify(json), CLAUDE, true).toSorted(), [
    "no hook for SessionStart",
    "the hook for SessionEnd was changed",
    "the hook for Stop was changed",
  ]);
});

Deno.test("a user's own hook that was added into our group stays", () => {
  const json = JSON.parse(withHooks("{}", CLAUDE, true));
  const own = { type: "command", command: "mine" };
  json.hooks.PreToolUse[0].hooks.push(own);
  json.hooks.PostToolUse[0].hooks.unshift(own);
  const text = JSON.stringify(json, undefined, 2);
  const left = { PreToolUse: [{ hooks: [own] }], PostToolUse: [{ hooks: [own] }] };
  assertEquals(JSON.parse(withoutHooks(text)), { hooks: left });
  const again = withHooks(text, CLAUDE, true);
  assertEquals(JSON.parse(again).hooks.PreToolUse[0], { hooks: [own] });
  assertEquals(differences(again, CLAUDE, true), []);
});
