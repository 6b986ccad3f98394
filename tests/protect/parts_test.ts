import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type AgentFile, AGENTS, type Given } from "../../src/protect/agent_files.ts";
import {
  gatewayCommand,
  isGateway,
  proxied,
  proxyCommand,
} from "../../src/protect/gateway_command.ts";
import { SettingsError } from "../../src/protect/json_edit.ts";
import { tomlAt, tomlValue } from "../../src/protect/toml_edit.ts";

const GATEWAY = { agent: "x", policy: "/p.yaml", log: "/k.log", deno: "/bin/deno" };

function given(agent: string, isStrict: boolean): Given {
  return { agent, socket: "/s/kernel.sock", isStrict, gateway: { ...GATEWAY, agent } };
}

/** As `protect` and `unprotect` do it, with and without the copy of what was there. */
function apply({ parts }: AgentFile, text: string, how: Given, first = text): string {
  const cleaned = parts(how).filter(({ isWanted }) => !isWanted)
    .reduce((now, { part }) => part.remove(now, first), text);
  return parts(how).filter(({ isWanted }) => isWanted)
    .reduce((now, { part }) => part.apply(now), cleaned);
}
function remove({ parts }: AgentFile, text: string, first: string | null | undefined): string {
  return parts(given("claude", false)).reduce((now, { part }) => part.remove(now, first), text);
}

const plain = (json: string) => json.replaceAll(/\s|,(?=\s*[}\]])/g, "");

/** By the member in which an agent has its MCP servers. */
const JSON_FILES: Readonly<Record<string, string>> = {
  claude:
    '{\n  "mcpServers": {\n    "ev": { "command": "node", "args": ["a b.js", "--", "x"] },\n    "web": { "type": "http", "url": "https://x" },\n    "bare": { "command": "srv" }\n  },\n  "z": [1,2]\n}\n',
  gemini:
    '{\n\t// mine\n\t"mcpServers": { "ev": { "command": "node", "args": [] } },\n\t"tools": { "core": ["x"] },\n}\n',
  copilot: '{"mcpServers":{"ev":{"type":"local","command":"node","args":["a"],"tools":["*"]}}}',
  opencode:
    '{\n  "mcp": { "ev": { "type": "local", "command": ["node", "a"] } },\n  "permission": { "bash": "ask" }\n}\n',
  vscode: '{\n  "servers": { "ev": { "command": "node", "args": ["a"] } }\n}\n',
};

for (const [agent, text] of Object.entries(JSON_FILES)) {
  for (const isStrict of AGENTS[agent]?.noStrict === undefined ? [false, true] : [false]) {
    Deno.test(`${agent}${isStrict ? " --strict" : ""}: what goes into a file comes out again`, () => {
      for (const file of AGENTS[agent]?.files ?? []) {
        const how = given(agent, isStrict);
        let once: string;
        try {
          once = apply(file, text, how);
        } catch (error) {
          // Hooks of an agent that ignores such files.
          assert(error instanceof SettingsError);
          continue;
        }
        assertEquals(apply(file, once, how, text), once, "twice is once");
        assertEquals(plain(remove(file, once, text)), plain(text));
        // Somebody has added something meanwhile.
        const changed = once.replace("{", '{ "later": 1,');
        assertEquals(plain(remove(file, changed, text)), plain(text.replace("{", '{ "later": 1,')));
        assertEquals(remove(file, text, text), text);
        if (!isStrict) continue;
        // From strict back to hooks and wrapped servers.
        const loose = apply(file, once, given(agent, false), text);
        assertEquals(plain(loose), plain(apply(file, text, given(agent, false))));
      }
    });
  }
}

Deno.test("each server that is started by a command gets the kernel in front, in its place", () => {
  const [, file] = AGENTS["claude"]?.files ?? [];
  assert(file !== undefined);
  const text = JSON_FILES["claude"] ?? "";
  const once = apply(file, text, given("claude", false));
  const { ev, web, bare } = JSON.parse(once).mcpServers;
  assertEquals(ev.args.slice(ev.args.indexOf("--") + 1), ["node", "a b.js", "--", "x"]);
  assert(ev.args.includes("--name=ev"), ev.args.join());
  assertEquals(web, { type: "http", url: "https://x" });
  assertEquals(proxied(bare), { command: "srv", args: [] });
  const notes = file.parts(given("claude", false)).flatMap(({ part }) => part.notes?.(text) ?? []);
  assertEquals(notes.length, 1);
  assertStringIncludes(notes.join(), '"web"');
});

Deno.test("a server of the gateway's name that is another's is not written over", () => {
  const [, file] = AGENTS["claude"]?.files ?? [];
  const [, toml] = AGENTS["codex"]?.files ?? [];
  assert(file !== undefined && toml !== undefined);
  const text = '{"mcpServers": {"kernel": {"command": "other"}}}';
  assertThrows(() => apply(file, text, given("claude", true)), SettingsError, "another name");
  assertThrows(
    () => apply(toml, '[mcp_servers.kernel]\nurl = "https://x"\n', given("codex", true)),
    SettingsError,
    "another name",
  );
});

Deno.test("arguments that look like ours are no sign of what a program does", () => {
  const ours = proxyCommand({ command: "srv", args: ["a"] }, { ...GATEWAY, name: "s" });
  assertEquals(proxied(ours), { command: "srv", args: ["a"] });
  const serves = gatewayCommand(GATEWAY);
  assertEquals([isGateway(serves), proxied(serves)], [true, undefined]);
  for (const { command, args } of [ours, serves]) {
    for (
      const fake of [
        { command: "/tmp/evil.sh", args },
        { command, args: ["src/cli/main.ts", ...args.slice(args.indexOf("mcp"))] },
        {
          command,
          args: args.map((word) => word.replace(/^(.*)src.cli.main.ts$/, "/evil/main.ts")),
        },
        { command, args: ["eval", ...args] },
      ]
    ) {
      assertEquals([isGateway(fake), proxied(fake)], [false, undefined], fake.command);
    }
  }
});

Deno.test("a program that only looks like ours is not taken for ours", () => {
  const ours = proxyCommand({ command: "a", args: [] }, { ...GATEWAY, name: "n" });
  assertEquals(proxied(ours), { command: "a", args: [] });
  // What stands behind "--" is another's.
  assertEquals(proxied({ command: "x", args: ["--", ...ours.args] }), undefined);
  assertEquals(proxied({ command: "x", args: ["mcp", "proxy", "--", "a"] }), undefined);
  assertEquals(proxied(gatewayCommand(GATEWAY)), undefined);
});

// deno-fmt-ignore -- a row is a line
const TOML: readonly [cell: string, text: string][] = [
  ["an empty file", ""],
  ["tables and comments", '# mine\nmodel = "x" # m\n\n[features]\nhooks = true\nshell_tool = true # on\n\n[mcp_servers.ev]\ncommand = "node" # c\nargs = [\n  "a", # first\n  \'b c\',\n]\n[mcp_servers.ev.env]\nK = "v"\n'],
  ["Windows line ends", 'model = "x"\r\n[mcp_servers."a b"]\r\ncommand = \'C:\\x\'\r\n'],
  ["no line end at the end", 'model = "x"\n[a]\nb = 1'],
  ["a server with a URL", '[mcp_servers.web]\nurl = "https://x"\n'],
];
for (const [cell, text] of TOML) {
  for (const isStrict of [false, true]) {
    Deno.test(`codex${isStrict ? " --strict" : ""}: ${cell} stays, and comes back`, () => {
      const [, file] = AGENTS["codex"]?.files ?? [];
      assert(file !== undefined);
      const how = given("codex", isStrict);
      const once = apply(file, text, how);
      assertEquals(apply(file, once, how, text), once);
      for (const comment of text.match(/# \w+/g) ?? []) {
        if (comment !== "# first") assertStringIncludes(once, comment);
      }
      if (isStrict) {
        assertEquals(tomlAt(once, ["web_search"]), "disabled");
        assertEquals(tomlAt(once, ["features", "shell_tool"]), false);
        assertEquals(tomlAt(once, ["mcp_servers", "kernel", "required"]), true);
      }
      assertEquals(tomlValue(remove(file, once, text)), tomlValue(text));
      const later = `${once}${once.endsWith("\n") || once === "" ? "" : "\n"}[later]\nx = 1\n`;
      assertEquals(tomlValue(remove(file, later, text)), { ...tomlValue(text), later: { x: 1 } });
      assertEquals(remove(file, text, text), text);
    });
  }
}

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly [cell: string, text: string, told: string][] = [
  ["what is no TOML", "a = ", "no TOML"],
  ["a byte order mark", "\ufeffa = 1", "byte order mark"],
  ["features in one line", "features = { hooks = true }", "write [features]"],
  ["features with dots", "features.hooks = true", "write [features]"],
];
for (const [cell, text, told] of REFUSED) {
  Deno.test(`codex --strict: ${cell} is refused, not written over`, () => {
    const [, file] = AGENTS["codex"]?.files ?? [];
    assert(file !== undefined);
    assertThrows(() => apply(file, text, given("codex", true)), SettingsError, told);
  });
}

Deno.test("a user's own denials of tools stay when those of --strict go", () => {
  const [file] = AGENTS["claude"]?.files ?? [];
  assert(file !== undefined);
  const text = '{"permissions":{"deny":["Bash","Read(./.env)"]}}';
  const once = apply(file, text, given("claude", true));
  const { deny } = JSON.parse(once).permissions;
  assert(deny.includes("Write") && deny.includes("Bash") && deny.includes("Read(./.env)"));
  assertEquals(JSON.parse(remove(file, `${once} `, text)), JSON.parse(text));
  // Without the copy nobody knows whose they are: nothing is widened.
  assertEquals(JSON.parse(remove(file, once, undefined)).permissions.deny, deny);
});
