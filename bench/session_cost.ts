/**
 * What a session costs: a submit with and without one, and the memory of a session that has seen 10,000 results.
 *
 *     deno run -P=bench --v8-flags=--expose-gc bench/session_cost.ts
 *
 * Both sides decide the same requests; without a session the rules demand the same by plain constraints. The figure is
 * the ratio of the fastest batches of many, taken in turns, so that a busy machine slows both or neither.
 */
import { type ActionRequest, Kernel, Provider } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";

const BATCH = 50;
const ROUNDS = 60;

const READS = { action: ["mail.read", "contacts.search"], resource: "**" };
const send = (rule: object): typeof READS => ({ action: ["mail.send"], resource: "**", ...rule });
const PLAIN = {
  capabilities: [
    READS,
    send({ constraint: { to: { each: { glob: "*@example.org" } }, body: { max_length: 5000 } } }),
  ],
};
const SESSION = {
  sources: [{ id: "contacts", action: "contacts.search", fields: "items.*.email" }],
  capabilities: [
    READS,
    send({
      constraint: {
        to: { each: { from: ["prompt", "contacts"], as: "email" } },
        body: { links: { from: "prompt" } },
      },
      params: "only",
    }),
  ],
};
const CONTACTS = {
  items: Array.from(
    { length: 10 },
    (_, i) => ({ name: `Person ${i}`, email: `p${i}@example.org` }),
  ),
};
const text = (length: number) =>
  "Dear all, the meeting moves to ten; bring the plan. ".repeat(100).slice(0, length);
const REQUESTS: Record<string, ActionRequest> = {
  "read, no params": { action: "mail.read", target: "inbox" },
  "read of a source": { action: "contacts.search", target: "all" },
  "send, 100 bytes": {
    action: "mail.send",
    target: "out",
    params: { to: ["p1@example.org"], body: text(60) },
  },
  "send, 1 KB": {
    action: "mail.send",
    target: "out",
    params: { to: ["p1@example.org"], body: text(960) },
  },
  "send, 4 KB": {
    action: "mail.send",
    target: "out",
    params: { to: ["p1@example.org"], body: text(4000) },
  },
};

Deno.mkdirSync(".tmp", { recursive: true });
const folder = Deno.realPathSync(Deno.makeTempDirSync({ dir: ".tmp" }));
Deno.mkdirSync(`${folder}/out`);
REQUESTS["write, 1 KB, Worker"] = {
  action: "fs.write",
  target: `${folder}/out/a`,
  params: { content: text(960) },
};
try {
  const open = (policy: object, name: string) =>
    Kernel.open({
      policy,
      providers: [
        new FilesystemProvider(),
        new Provider({
          name: "world",
          isolation: "none",
          actions: {
            "mail.read": { kind: "name", effect: "none" },
            "contacts.search": { kind: "name", effect: "none" },
            "mail.send": { kind: "name" },
          },
          execute: ({ action }) => action === "contacts.search" ? CONTACTS : "A short mail",
        }),
      ],
      logPath: `${folder}/${name}.log`,
      onWarning: () => {},
    });
  const out = `${folder}/out/**`;
  PLAIN.capabilities.push({ action: ["fs.write"], resource: out });
  SESSION.capabilities.push(
    {
      ...{ action: ["fs.write"], resource: out, params: "only" },
      constraint: { content: { links: { from: "prompt" } } },
    } as typeof READS,
  );
  await using plain = await open(PLAIN, "plain");
  await using kernel = await open(SESSION, "session");
  await using session = await kernel.session({
    prompt: "Write to the team",
    actions: ["mail.*", "contacts.search", "fs.*"],
  });
  await session.submit(REQUESTS["read of a source"] as ActionRequest);
  for (const [name, request] of Object.entries(REQUESTS)) {
    const best = { without: Infinity, within: Infinity };
    for (let round = 0; round < ROUNDS; round++) {
      best.without = Math.min(best.without, await batch(() => plain.submit(request)));
      best.within = Math.min(best.within, await batch(() => session.submit(request)));
    }
    const ratio = best.within / best.without;
    console.log(
      `${name.padEnd(19)} ${best.without.toFixed(0).padStart(5)} µs without, ${
        best.within.toFixed(0).padStart(5)
      } µs in a session: × ${ratio.toFixed(2)}`,
    );
  }
  await memory(kernel);
} finally {
  Deno.removeSync(folder, { recursive: true });
}

async function batch(submit: () => Promise<{ status: string }>): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < BATCH; i++) {
    if ((await submit()).status !== "OK") throw new Error("A submit was refused");
  }
  return 1000 * (performance.now() - start) / BATCH;
}

/** The heap of one session after 10,000 results of ten new values each: more than its bounds. */
async function memory(kernel: Kernel): Promise<void> {
  const heap = () => {
    (globalThis as unknown as { gc?: () => void }).gc?.();
    return Deno.memoryUsage().heapUsed;
  };
  await using session = await kernel.session({ prompt: "Read" });
  const before = heap();
  for (let i = 0; i < 10_000; i++) {
    for (const [n, item] of CONTACTS.items.entries()) item.email = `p${i}.${n}@example.org`;
    await session.submit({ action: "contacts.search", target: "all" });
    await session.submit({
      action: "mail.send",
      target: "out",
      params: { to: [`p${i}.0@example.org`], body: "" },
    });
  }
  const grown = (heap() - before) / 1024 / 1024;
  console.log(`10,000 results: ${JSON.stringify(session.size)}, ${grown.toFixed(1)} MiB of heap`);
}
