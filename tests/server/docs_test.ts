/** The commands of docs/server.md, as a reader types them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { recordsOf } from "../records.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { START } from "../cli/command_line.ts";

const PAGE = Deno.readTextFileSync(`${ROOT}/docs/server.md`);
const blocks = (language: string) =>
  Array.from(
    PAGE.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms")),
    ([, text = ""]) => text,
  );

/** What the answers hold, in the order in which the page asks. */
const ANSWERS: readonly (readonly string[])[] = [
  ['"version":', '"actions":["fs.'],
  ['"status":"OK"', '"bytes_written":4', '"reversible":true'],
  ['"status":"DENIED"', '"code":"NO_RULE"'],
  ['"decision":"approve"', '"id":"reports"'],
  ['"status":"OK"', '"record_id"'],
  ['"rolled_back":["'],
  ['"limit":', '"agent":"alice"'],
  ['{"questions":[]}'],
  ['"status":"DENIED"', "/etc/passwd"],
  ["event: record"],
  ['"rollback":true', '"listens":['],
  ['"approved":true,"by":"boss"'],
];

Deno.test("each command of docs/server.md does what the page says", async () => {
  using ws = new Workspace();
  const port = freePort();
  const start = START.slice(0, -1).map((word) => `'${word}'`).join(" ");
  ws.file("bin/agent-kernel", `#!/bin/sh\nexec deno ${start} '${ROOT}/src/cli/main.ts' "$@"\n`);
  Deno.chmodSync(ws.path("bin/agent-kernel"), 0o755);
  const [policy = ""] = blocks("yaml");
  ws.file("policy.yaml", policy);
  const [setup = "", requests = "", question = "", unit = "", ...more] = blocks("sh");
  assertEquals(more, []);
  assert(setup.endsWith("&\n"));
  const script = [
    "set -eu",
    `PATH='${ws.path("bin")}':$PATH`,
    // Each answer is a line of its own.
    'curl() { command curl "$@"; ended=$?; echo; echo "--"; return $ended; }',
    ...[setup, "server=$!"],
    "until command curl -s http://127.0.0.1:7317/ > /dev/null; do sleep 0.1; done",
    ...[requests, question],
    "while ! grep -q OK c.json; do sleep 0.1; done",
    unit,
    "agent-kernel stop > /dev/null",
    "wait $server",
  ].join("\n").replaceAll("7317", String(port));
  const { code, stdout, stderr } = await new Deno.Command("/usr/bin/timeout", {
    args: ["120", "/bin/sh", "-c", script],
    cwd: ws.root,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const shown = text.decode(stdout) + text.decode(stderr);
  assertEquals(code, 0, shown);
  const answers = text.decode(stdout).split("--\n").map((answer) => answer.trim())
    .filter((answer) => answer !== "");
  assertEquals(answers.length, ANSWERS.length, shown);
  for (const [i, expected] of ANSWERS.entries()) {
    for (const part of expected) assertStringIncludes(answers[i] ?? "", part);
  }
  assertEquals(Deno.readTextFileSync(ws.path("data/reports/c.txt")), "c");
  assertStringIncludes(Deno.readTextFileSync(ws.path("agent-kernel.service")), "ExecStart=");
  const agents = new Set((await recordsOf(ws.path("kernel.log"))).map(({ agent }) => agent));
  assertEquals(agents, new Set(["alice"]));
});

Deno.test("docs/server.md names every operation of the API, and every option of serve", async () => {
  const { describeApi } = await import("../../src/server/resident.ts");
  const { COMMAND } = await import("../../src/cli/serve.ts");
  const { POLICY_OPTIONS } = await import("../../src/cli/request_options.ts");
  const { paths } = describeApi() as { paths: Record<string, object> };
  for (const path of Object.keys(paths)) {
    const written = path.replace("/v1/approvals/{id}", "/v1/approvals/ID")
      .replace("{agent}", "AGENT").replace("{event}", "EVENT");
    assertStringIncludes(PAGE, written);
  }
  const own = Object.keys(COMMAND.options).filter((name) => !Object.hasOwn(POLICY_OPTIONS, name));
  for (const name of own) assertStringIncludes(PAGE, `\`--${name}`);
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
