import { assertEquals, assertStringIncludes } from "@std/assert";
import { userSettings } from "../../src/hooks/settings.ts";
import { switchedOff } from "../../src/protect/switches.ts";

// deno-fmt-ignore -- a row is a line
const OFF: readonly [file: string, text: string][] = [
  [".claude/settings.json", '{"disableAllHooks": true}'],
  [".claude/settings.json", '{"disable\\u0041llHooks": true}'],
  [".claude/settings.json", '\ufeff{"disableAllHooks": true}'],
  [".claude/settings.json", '{"disableAllHooks": true, "disableAllHooks": false}'],
  [".claude/settings.local.json", '{"a": {}, "disableAllHooks"\n:\ntrue}'],
  [".claude/settings.local.json", '{"allowManagedHooksOnly": true}'],
  [".claude/settings.json", '{"disableAllHooks": tru'],
  [".qwen/settings.json", '{"disableAllHooks": /* why */ true,}'],
  [".gemini/settings.json", '{"hooksConfig": {"x": {}, "enabled": false}}'],
  [".gemini/settings.json", '{"hooksConfig": {"enabled": "$NOTHING"}}'],
  [".gemini/settings.json", '{"hooksConfig": {"disabled": ["a"]}}'],
  [".gemini/settings.json", '{"hooksConfig": {"disabled": []}, "hooksConfig": {"enabled": false}}'],
  [".gemini/settings.json", '{"tools": {"enableHooks": false}}'],
  [".codex/config.toml", "[features]\nhooks = false\n"],
  [".codex/config.toml", "[ features ] # x\r\n  hooks=false # y\r\n"],
  [".codex/config.toml", "features.hooks = false"],
  [".codex/config.toml", 'features . "h\\u006foks" = false'],
  [".codex/config.toml", "features = { a = true, 'hooks' = false }"],
  [".codex/config.toml", "[profiles.x.features]\nhooks = false"],
  [".codex/config.toml", '[hooks.state."/a:pre_tool_use:0:0"]\nenabled = false'],
];
// deno-fmt-ignore -- a row is a line
const ON: readonly [file: string, text: string][] = [
  [".claude/settings.json", ""],
  [".claude/settings.json", '{"disableAllHooks": false, "a": {"disableAllHooks": true}}'],
  [".claude/settings.json", '{"a": "\\"disableAllHooks\\": true" /* c */}'],
  [".gemini/settings.json", '{"hooksConfig": {"enabled": true, "disabled": []}, "hooks": {}}'],
  [".codex/config.toml", "# hooks = false\n[features]\nhooks = true\nwebhooks = false\n[tools]\nenabled = false"],
];

const tell = (file: string, text: string, folder: string) =>
  switchedOff(
    "/w",
    (name) => `/home/u/${name}`,
    (path) => path === `${folder}/${file}` ? text : undefined,
  ).map(({ what }) => what);

Deno.test("what switches hooks off is told, in the workspace and in the home folder", () => {
  for (const [file, text] of OFF) {
    for (const folder of ["/w", "/home/u"]) {
      const told = tell(file, text, folder);
      assertEquals(told.length, 1, `${file} ${text}: ${told}`);
      assertStringIncludes(told.join(), `${folder}/${file}`);
    }
  }
  for (const [file, text] of ON) assertEquals(tell(file, text, "/w"), [], text);
});

Deno.test("a settings file that cannot be read may switch hooks off", () => {
  const told = switchedOff("/w", (name) => `/w/${name}`, (path) => {
    if (path.endsWith(".qwen/settings.json")) throw new Deno.errors.PermissionDenied("no");
    return undefined;
  });
  assertEquals(told, [
    { agent: "qwen", what: "/w/.qwen/settings.json cannot be read, and may switch hooks off" },
  ]);
});

Deno.test("managed settings, and those that a variable puts elsewhere, are looked at as well", () => {
  const files: Readonly<Record<string, string>> = {
    "/etc/claude-code/managed-settings.json": '{"allowManagedHooksOnly": true}',
    "/etc/gemini-cli/settings.json": '{"hooksConfig": {"enabled": false}}',
    "/etc/codex/managed_config.toml": "[features]\nhooks = false",
    "/elsewhere/config.toml": "[features]\nhooks = false",
  };
  const user = (name: string) =>
    userSettings(name, "/home/u", { CODEX_HOME: "/elsewhere", XDG_CONFIG_HOME: "/xdg" });
  const told = switchedOff("/w", user, (path) => files[path]);
  assertEquals(told.map(({ agent }) => agent), ["claude", "gemini", "codex", "codex"]);
  for (const path of Object.keys(files)) {
    assertEquals(told.filter(({ what }) => what.startsWith(`${path} `)).length, 1, path);
  }
});
