import { assertEquals, assertStringIncludes } from "@std/assert";
import { agentKernel } from "./command_line.ts";
import { agentArgs, agentScene } from "./agent_scene.ts";
import { Workspace } from "../workspace.ts";

/** What the second process gets beyond what the policy implies. */
const ROWS: readonly {
  readonly model: string;
  readonly baseURL?: string;
  readonly more: readonly string[];
}[] = [
  {
    model: "gpt-5",
    more: ["--allow-net=api.openai.com:443", "--allow-env=OPENAI_API_KEY"],
  },
  {
    model: "anthropic/claude-sonnet-4-5",
    more: ["--allow-net=api.anthropic.com:443", "--allow-env=ANTHROPIC_API_KEY"],
  },
  { model: "ollama/llama3", more: ["--allow-net=127.0.0.1:11434"] },
  { model: "ollama/llama3", baseURL: "http://[::1]:8080/v1", more: ["--allow-net=[::1]:8080"] },
  {
    model: "azure/mine",
    baseURL: "https://me.openai.azure.com/openai/v1",
    more: ["--allow-net=me.openai.azure.com:443", "--allow-env=AZURE_OPENAI_API_KEY"],
  },
];

for (const { model, baseURL, more } of ROWS) {
  Deno.test(`agent --model ${model}${baseURL ? ` --base-url ${baseURL}` : ""} permits its second process what the policy implies, and ${more.join(" ")}`, async () => {
    using ws = new Workspace();
    const files = agentScene(ws, []);
    const { policy, log } = files;
    const implied = await agentKernel("permissions", "--policy", policy, "--log-path", log);
    const where = baseURL === undefined ? [] : ["--base-url", baseURL];
    // It ends before it asks anybody: the log is no file that can be opened.
    Deno.mkdirSync(log);
    const args = agentArgs(files, model, ...where, "--verbose", "Hello");
    const { stderr } = await agentKernel(...args);
    const printed = stderr.split("\n")[0]?.replace("agent-kernel: deno run ", "").split(" ") ?? [];
    assertEquals(
      printed.map((flag) => flag.replace(/^'(.*)'$/, "$1")).sort(),
      [...implied.stdout.trim().split(" "), ...more].sort(),
    );
  });
}

Deno.test("agent with a scripted model may read the script and use 127.0.0.1, beside what the policy implies", async () => {
  using ws = new Workspace();
  const files = agentScene(ws, [{ text: "Hello" }]);
  const { policy, log, script } = files;
  const implied = await agentKernel("permissions", "--policy", policy, "--log-path", log);
  const args = agentArgs(files, `scripted:${script}`, "--verbose", "Hello");
  const { code, stderr } = await agentKernel(...args);
  assertEquals(code, 0);
  const flags = new Set(stderr.split("\n")[0]?.replace("agent-kernel: deno run ", "").split(" "));
  const before = new Set(implied.stdout.trim().split(" "));
  const values = (set: Set<string>) =>
    new Set([...set].flatMap((flag) => {
      const [name = "", list = ""] = flag.split("=");
      return list.split(",").map((value) => `${name}=${value}`);
    }));
  assertEquals(
    [...values(flags).difference(values(before))].sort(),
    [`--allow-net=127.0.0.1`, `--allow-read=${script}`],
  );
  assertEquals([...values(before).difference(values(flags))], []);
});

Deno.test("agent keeps private networks denied, but for the range of the model's host", async () => {
  using ws = new Workspace();
  const files = agentScene(ws, []);
  Deno.writeTextFileSync(
    files.policy,
    'capabilities:\n  - { action: net.http, resource: "https://api.example.com/**" }\n',
  );
  Deno.mkdirSync(files.log);
  const denied = async (model: string) => {
    const { stderr } = await agentKernel(...agentArgs(files, model, "--verbose", "Hello"));
    return /--deny-net=([^'\s]*)/.exec(stderr)?.[1]?.split(",") ?? [];
  };
  const remote = await denied("gpt-5");
  const local = await denied("ollama/llama3");
  assertEquals(remote.filter((range) => !local.includes(range)), ["127.0.0.0/8"]);
  assertEquals(local.includes("10.0.0.0/8"), true);
});

const WRONG: readonly (readonly [string, readonly string[], string])[] = [
  ["no model", ["Hello"], "--model is missing"],
  ["no prompt", ["--model", "gpt-5"], "the prompt is missing"],
  ["a prompt without quotes", ["--model", "gpt-5", "read", "it"], "needs quotes"],
  ["a host that is not known", ["--model", "acme/x", "Hello"], 'Cannot find model "acme/x"'],
  ["a host without an address", ["--model", "azure/x", "Hello"], "--base-url"],
  [
    "an address that is none",
    ["--model", "gpt-5", "--base-url", "file:///x", "Hello"],
    "file:///x",
  ],
  ["tools that are not known", ["--model", "gpt-5", "--tools", "fs,ftp", "Hello"], '"ftp"'],
  ["a limit that is no number", ["--model", "gpt-5", "--max-turns", "0", "Hello"], "--max-turns"],
];
for (const [what, more, named] of WRONG) {
  Deno.test(`agent is wrong usage, exit code 64, with ${what}`, async () => {
    using ws = new Workspace();
    const { policy, log } = agentScene(ws, []);
    const args = ["agent", "--policy", policy, "--log-path", log, ...more];
    const { code, stdout, stderr } = await agentKernel(...args);
    assertEquals({ code, stdout }, { code: 64, stdout: "" }, stderr);
    assertStringIncludes(stderr, named);
  });
}
