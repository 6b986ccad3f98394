import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { lockFor, LOCKS } from "../locks.ts";
import { startRegistry } from "../package/jsr_registry.ts";
import { ROOT } from "../workspace.ts";
import { commandsOf, EmptyMachine, type Ended, partsOf } from "./newcomer.ts";

const PARTS = partsOf(Deno.readTextFileSync(`${ROOT}/README.md`));
const texts = (language: string) =>
  PARTS.filter((part) => part.language === language).map(({ text }) => text);

/** What is not run, with the reason. Everything else in README.md that a shell takes is. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "agent-kernel serve --policy policies/agents/coding.yaml --var REPO=$PWD --base $PWD &":
    "tests/cli/serve_test.ts and tests/clients run it: it is for an agent that people have, and does not end",
  'agent-kernel protect claude      # or codex, gemini, qwen, copilot, …; "unprotect" takes it back':
    "tests/cli/serve_test.ts and tests/clients run it: it is for an agent that people have, and does not end",
  "agent-kernel doctor":
    "tests/cli/serve_test.ts and tests/clients run it: it is for an agent that people have, and does not end",
  "agent-kernel suggest             # the one rule that each denial would need":
    "tests/cli/suggest_test.ts runs it: it is about the log of that kernel",
  "agent-kernel protect claude --strict --policy policies/agents/coding.yaml --var REPO=$PWD --base $PWD":
    "tests/clients runs it: it is for an agent that people have",
  "agent-kernel mcp proxy -- COMMAND":
    "tests/cli/mcp_proxy_test.ts runs it: COMMAND stands for a server that people have",
  "npx -y": "the beginning of a command, which stands above it",
  "deno task bench:injection": "takes a minute; its figures are in docs/prompt-injection.md",
  "deno task bench": "takes minutes; tests/bench/ has the tests of the suite",
  "deno task test": "stands above, with npx",
  "deno task test:slow": "has this test in it",
  "deno task test:clients": "downloads a gigabyte; CI runs it",
  "deno task ok": "has all tests in it",
};

/** What cannot be run as it stands: a part of a command, what stands in its place, and why. */
const INSTEAD: readonly (readonly [part: string, by: string, why: string])[] = [
  ["deno task test ", "deno task test tests/core/json_test.ts ", "all of them take ten minutes"],
  ["--model gpt-5", "--model scripted:../script.json", "a real model wants a key"],
];

/** Commands that end with something else than 0, because they deny. */
const CODES: Readonly<Record<string, number>> = { "agent-kernel explain": 2 };

/** Where the text says that a command is typed, if it is not where the one before was. */
const FOLDERS: Readonly<Record<string, string>> = {
  "npx -y deno task demo": "agent-kernel",
  "sh agent-kernel/src/cli/install.sh": ".",
  "deno add": "another-agent",
  "deno cache": "my-agent",
  "deno run -P=examples": "agent-kernel",
  "deno task": "agent-kernel",
  "sh src": "agent-kernel",
  "agent-kernel submit": "my-agent",
};

/** Files that the text gives, by their language and number, or the reason why nothing is made of one. */
const FILES: Readonly<Record<string, readonly ({ path: string } | { notUsed: string })[]>> = {
  "ts ignore": [
    { path: "my-agent/main.ts" },
    { notUsed: "asks a real model; tests/examples/examples_test.ts runs agents" },
  ],
  yaml: [{ path: "policy/policy.yaml" }],
  text: [
    { notUsed: "what the demo prints, in short" },
    { notUsed: "what main.ts prints" },
    { notUsed: "a picture" },
  ],
};

/** What is done before a command, by its beginning. */
const BEFORE: Readonly<Record<string, (machine: EmptyMachine) => Promise<void> | void>> = {
  // The project to which it is added; Deno looks for one in the folders above, and the test's is there.
  "deno add": (machine) => machine.file("another-agent/deno.json", "{}"),
  "deno run -P=agent-kernel": async (machine) => {
    const { stdout } = await machine.type(
      "agent-kernel permissions --policy policy.yaml --log-path kernel.log --format deno-json",
    );
    const config = JSON.parse(machine.read("my-agent/deno.json"));
    machine.file("my-agent/deno.json", JSON.stringify({ ...config, ...JSON.parse(stdout) }));
  },
  "agent-kernel agent": (machine) => machine.file("script.json", '[{ "text": "It says hello." }]'),
};

/** What is held against what a command printed, by its beginning. */
const AFTER: Readonly<Record<string, (ended: Ended, machine: EmptyMachine) => void>> = {
  "npx -y deno task demo": ({ stdout }, machine) => {
    for (const line of texts("text")[0]?.split("\n") ?? []) assertStringIncludes(stdout, line);
    // Those that it uses, and no others.
    assertEquals(machine.packages(), [
      "@cfworker/json-schema",
      "@opentelemetry/api",
      "argparse",
      "fast-check",
      "js-yaml",
      "openai",
      "pure-rand",
      "ws",
      "zod",
    ]);
  },
  "eval": ({ stdout, stderr }) => assertEquals({ stdout, stderr }, { stdout: PRINTED, stderr: "" }),
  "deno run -P=agent-kernel": ({ stdout }) => assertEquals(stdout, PRINTED),
  "deno add": (_, machine) =>
    assertStringIncludes(machine.read("another-agent/deno.json"), "jsr:@agent-kernel/kernel@^"),
  "agent-kernel agent": ({ stdout }) => assertStringIncludes(stdout, "It says hello."),
};
const PRINTED = texts("text")[1] ?? "";

/** What a table has for a command: the entry with its longest beginning. */
function entryFor<T>(table: Readonly<Record<string, T>>, command: string): T | undefined {
  const fitting = Object.keys(table).filter((start) => command.startsWith(start));
  const [longest = ""] = fitting.sort((a, b) => b.length - a.length);
  return table[longest];
}

function instead(command: string): string {
  return INSTEAD.reduce((text, [part, by]) => text.replace(part, by), command);
}

const COMMANDS = PARTS.flatMap(({ language, text }) =>
  language === "inline" ? [text] : /^sh\b/.test(language) ? commandsOf(text) : []
);

Deno.test("the test of the README knows what each of its blocks is, and no table has more than the README", () => {
  const files = Object.entries(FILES).map(([language, known]) => [language, known.length]);
  for (const [language, count] of files) assertEquals(texts(String(language)).length, count);
  const known = ["inline", "sh", "sh ignore", ...Object.keys(FILES)];
  assertEquals(PARTS.filter(({ language }) => !known.includes(language)), []);
  const has = (start: string) => COMMANDS.some((command) => command.startsWith(start));
  for (const table of [CODES, FOLDERS, BEFORE, AFTER]) {
    for (const start of Object.keys(table)) assert(has(start), start);
  }
  for (const command of Object.keys(NOT_RUN)) assert(COMMANDS.includes(command), command);
  for (const [part] of INSTEAD) assert(COMMANDS.some((one) => one.includes(part)), part);
});

Deno.test("the commands of the README work as they stand, in their order, on an empty machine", async (t) => {
  using machine = new EmptyMachine();
  await using registry = startRegistry();
  const used: Record<string, number> = {};
  for (const { language, text } of PARTS) {
    const file = FILES[language]?.[used[language] = (used[language] ?? -1) + 1];
    if (file !== undefined && "path" in file) machine.file(file.path, text);
    const commands = language === "inline"
      ? [text]
      : /^sh\b/.test(language)
      ? commandsOf(text)
      : [];
    for (const command of commands.filter((one) => !Object.hasOwn(NOT_RUN, one))) {
      await t.step(command.split("\n")[0] ?? "", async () => {
        const folder = entryFor(FOLDERS, command);
        if (folder !== undefined) machine.enter(folder);
        await entryFor(BEFORE, command)?.(machine);
        const jsr: Record<string, string> = command.includes("jsr:")
          ? { JSR_URL: registry.url }
          : {};
        const ended = await machine.type(instead(command), jsr);
        assertEquals(ended.code, entryFor(CODES, command) ?? 0, ended.stdout + ended.stderr);
        entryFor(AFTER, command)?.(ended, machine);
      });
    }
  }
  const { code, stderr } = await machine.type(
    "agent-kernel test-policy --policy ../policy/policy.yaml",
  );
  assertEquals(code, 0, stderr);
});

Deno.test("lock files of demo and command line are parts of the project's", () => {
  for (const [path, packages] of Object.entries(LOCKS)) {
    assertEquals(Deno.readTextFileSync(`${ROOT}/${path}`), lockFor(packages), path);
  }
});
