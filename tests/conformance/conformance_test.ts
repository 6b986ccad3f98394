/** The official conformance suite of MCP: the gateway as a server, the provider as a client. */
import { assert, assertEquals } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { ROOT, Workspace } from "../workspace.ts";
import { NOT_APPLICABLE, SUITE } from "./scenarios.ts";

const FIXTURES = `${ROOT}/tests/conformance/fixtures`;
const DENO = ["run", "-q", "--no-prompt", "-A", "--no-lock", `--config=${ROOT}/deno.json`];

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

async function suite(...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("deno", { args: [...DENO, SUITE, ...args] })
    .output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}

/** What the suite wrote down of a scenario. */
function checksOf(folder: string, scenario: string): Check[] {
  const name = scenario.split("/").at(-1) as string;
  const found = Array.from(Deno.readDirSync(folder)).find((entry) =>
    entry.name.replace(/^server-/, "").startsWith(`${name}-20`) ||
    entry.name.startsWith(`${name}-20`)
  );
  assert(found !== undefined, `nothing of ${scenario} in ${folder}`);
  return JSON.parse(Deno.readTextFileSync(`${folder}/${found.name}/checks.json`));
}

function assertPassed(checks: readonly Check[]): void {
  const failed = checks.filter(({ status }) => status !== "SUCCESS" && status !== "INFO");
  assertEquals(failed.map(({ id, errorMessage }) => [id, errorMessage]), []);
  assert(checks.some(({ status }) => status === "SUCCESS"), "it has checked nothing");
}

const listing = await suite("list");
const scenarios = (side: string): string[] => {
  const part = listing.split(/^(?=\w+ scenarios)/m).find((part) => part.startsWith(side)) ?? "";
  return Array.from(part.matchAll(/^ {2}- (\S+)/gm), ([, name]) => name as string);
};
const servers = scenarios("Server");
const clients = scenarios("Client");

Deno.test("each scenario of the suite is run, or it is said why not", () => {
  assert(servers.length > 25 && clients.length > 20, listing);
  const known = new Set([...servers, ...clients]);
  assertEquals(Object.keys(NOT_APPLICABLE).filter((name) => !known.has(name)), []);
});

Deno.test("the gateway passes every scenario for servers that applies", async (t) => {
  using ws = new Workspace();
  const gateway = new Deno.Command("deno", {
    args: [...DENO, `${FIXTURES}/gateway_over_http.ts`, ws.root],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = gateway.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TextLineStream(),
  ).getReader();
  const { value: url } = await lines.read();
  const output = await suite(
    "server",
    "--url",
    String(url),
    "--suite",
    "all",
    "-o",
    ws.path("out"),
  );
  await lines.cancel();
  await gateway.stdin.close();
  assertEquals((await gateway.status).code, 0);
  const applicable = servers.filter((name) => !Object.hasOwn(NOT_APPLICABLE, name));
  assert(applicable.length >= 30, output);
  for (const scenario of applicable) {
    await t.step(scenario, () => assertPassed(checksOf(ws.path("out"), scenario)));
  }
});

for (const scenario of clients.filter((name) => !Object.hasOwn(NOT_APPLICABLE, name))) {
  Deno.test(`the provider passes the scenario ${scenario} for clients`, async () => {
    using ws = new Workspace();
    const command = ["deno", ...DENO, `${FIXTURES}/client.ts`].join(" ");
    await suite("client", "--command", command, "--scenario", scenario, "-o", ws.path("out"));
    assertPassed(checksOf(ws.path("out"), scenario));
  });
}
