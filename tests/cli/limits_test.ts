import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Kernel, Provider } from "@agent-kernel/kernel";
import { DatabaseSync } from "node:sqlite";
import { tableOf } from "../../src/cli/limits_table.ts";
import { limitRows } from "../../src/limits/limit_rows.ts";
import { decimalOf } from "../../src/limits/decimal.ts";
import { Workspace } from "../workspace.ts";
import { agentKernel, type Scene, submit } from "./command_line.ts";

const POLICY = `version: 1
limits:
  - { id: total, action: "*", bytes: 100MiB/forever, across: all }
capabilities:
  - id: read-data
    action: fs.read
    resource: ./data/**
    limits: { calls: 2/forever }
`;

function limitScene(ws: Workspace): Scene {
  return {
    policy: ws.file("policy.yaml", POLICY),
    log: ws.path("kernel.log"),
    note: ws.file("data/note.txt", "hello"),
  };
}

const lines = (text: string) => text.trim().split("\n").map((line) => JSON.parse(line));

Deno.test("the command line keeps what is used next to the log, shows, checks and resets it", async () => {
  using ws = new Workspace();
  const s = limitScene(ws);
  const read = () => submit(s, "fs.read", s.note, "--agent", "alice", "--json");
  const limits = (...args: string[]) => agentKernel("limits", ...args, "--log-path", s.log);

  assertEquals((await limits()).code, 1);
  assertEquals([(await read()).code, (await read()).code], [0, 0]);
  const denied = await read();
  assertEquals(denied.code, 2);
  assertEquals(JSON.parse(denied.stdout).details, { limit: "read-data.calls", left: "0" });

  const shown = await limits("--agent", "alice");
  assertEquals(lines(shown.stdout), [
    {
      limit: "read-data.calls",
      agent: "alice",
      used: "2",
      left: "0",
      window: "forever",
      renews: null,
    },
    {
      limit: "total.bytes",
      agent: null,
      used: "10",
      left: "104857590",
      window: "forever",
      renews: null,
    },
  ]);
  const bob = lines((await limits("--agent", "bob", "--policy", s.policy)).stdout);
  assertEquals(bob.map(({ limit, used, left }) => [limit, used, left]), [
    ["total.bytes", "10", "104857590"],
    ["read-data.calls", "0", "2"],
  ]);
  const checked = await limits("verify");
  assertEquals([checked.code, checked.stdout], [
    0,
    "OK: 2 counters agree with the 2 records that charge something\n",
  ]);

  assertEquals((await limits("reset", "--limit", "read-data.call")).code, 1);
  const reset = await limits("reset", "--limit", "read-data.calls");
  assertEquals([reset.code, reset.stdout, reset.stderr], [
    0,
    "read-data.calls: begins to count anew\n",
    "",
  ]);
  const [record] = Deno.readTextFileSync(s.log).trim().split("\n").slice(-1).map((l) =>
    JSON.parse(l)
  );
  assertEquals([record.action, record.target, record.status], [
    "kernel.limits.reset",
    "read-data.calls",
    "OK",
  ]);
  assertEquals((await read()).code, 0);
  assertEquals((await limits("verify")).code, 0);

  // Somebody gives himself more.
  const database = new DatabaseSync(`${s.log}.limits/ledger.db`);
  database.exec("DELETE FROM counters WHERE key LIKE '%calls%'");
  database.close();
  const found = await limits("verify", "--json");
  assertEquals(found.code, 1);
  assertEquals(JSON.parse(found.stdout).differences, [
    { limit: "read-data.calls", who: "alice", window: "forever", ledger: "0", log: ["1", "1"] },
  ]);
  Deno.removeSync(`${s.log}.limits`, { recursive: true });
  assertMatch((await limits("verify")).stdout, /^DIFFERS: .* the ledger says 0, the log /m);
});

Deno.test("limits reset asks the kernel that has the log open, which records it", async () => {
  using ws = new Workspace();
  const s = limitScene(ws);
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [{ id: "r", action: "a.b", resource: "**", limits: { calls: "1/forever" } }],
    },
    providers: [
      new Provider({
        name: "a",
        isolation: "none",
        actions: { "a.b": { kind: "name" } },
        execute: () => "done",
      }),
    ],
    logPath: s.log,
    limits: { path: `${s.log}.limits` },
    onWarning: () => {},
  });
  const act = async () => (await kernel.submit({ action: "a.b", target: "x" })).status;
  assertEquals([await act(), await act()], ["OK", "DENIED"]);
  const reset = await agentKernel("limits", "reset", "--limit", "r.calls", "--log-path", s.log);
  assertEquals([reset.code, reset.stderr], [0, ""]);
  assertStringIncludes(
    reset.stdout,
    "r.calls: a kernel has the log open; the first one that counts",
  );
  assertEquals([await act(), await act()], ["OK", "DENIED"]);
  const actions = lines(Deno.readTextFileSync(s.log)).map(({ action, status }) => [action, status]);
  assertEquals(actions[2], ["kernel.limits.reset", "OK"]);
  assertEquals((await agentKernel("limits", "verify", "--log-path", s.log)).code, 0);
});

Deno.test("logs that share a ledger are checked together, and one of them alone differs", async () => {
  using ws = new Workspace();
  const s = limitScene(ws);
  const ledger = ["--ledger", ws.path("shared")];
  const logs = [s.log, ws.path("other.log")];
  const codes = [];
  for (const log of [...logs, ...logs]) {
    codes.push((await submit({ ...s, log }, "fs.read", s.note, ...ledger)).code);
  }
  assertEquals(codes, [0, 0, 2, 2]);
  const both = logs.flatMap((log) => ["--log-path", log]);
  assertEquals((await agentKernel("limits", "verify", ...ledger, ...both)).code, 0);
  assertEquals((await agentKernel("limits", "verify", ...ledger, "--log-path", s.log)).code, 1);
  assertEquals((await agentKernel("limits", ...ledger, ...both)).code, 64);
});

Deno.test("explain and validate-policy show limits", async () => {
  using ws = new Workspace();
  const s = limitScene(ws);
  const args = ["--policy", s.policy];
  const explained = await agentKernel(
    "explain",
    ...args,
    "--action",
    "fs.read",
    "--target",
    s.note,
  );
  assertStringIncludes(
    explained.stdout,
    "  limits   calls 2/forever (read-data.calls), bytes 100MiB/forever across all (total.bytes)\n",
  );
  const { stdout } = await agentKernel("validate-policy", ...args);
  assertStringIncludes(stdout, "at most calls 2/forever");
  assertStringIncludes(stdout, "limit  *  bytes 100MiB/forever across all");
});

Deno.test("the table of limits lines up, and shows no control characters of agents", () => {
  const meter = { kind: "window", max: decimalOf(100), window: "2026-11-28", endsAt: 0 } as const;
  const usage = [
    {
      limit: "a.calls",
      who: "alice\x1b[2J",
      meter,
      used: decimalOf(7),
      left: decimalOf(93),
      renewsAt: undefined,
    },
    {
      limit: "b.calls",
      who: "",
      meter,
      used: decimalOf(100),
      left: decimalOf(0),
      renewsAt: undefined,
    },
  ];
  assertEquals(tableOf(limitRows(usage, {})), [
    "limit    agent           used  left  renews",
    "a.calls  alice\\u001b[2J     7    93  2026-11-28",
    "b.calls  -                100     0  2026-11-28",
  ]);
});
