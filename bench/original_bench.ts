/**
 * The six workloads of the original, with its sizes, and the first of them under a large policy.
 * `original/suite.py` does the same in Python.
 */
import type { Kernel } from "../mod.ts";
import { FilesystemProvider } from "../providers/filesystem/mod.ts";
import { expect, makeFolder, openKernel, rules } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const data = `${root}/data`;
Deno.mkdirSync(data);
Deno.writeTextFileSync(`${data}/data.txt`, "x".repeat(2400));

const providers = [new FilesystemProvider()];
const empty = await openKernel(root, [], { providers });
const reader = await openKernel(root, [{ action: "fs.read", resource: `${data}/**` }], {
  providers,
});
const logPath = `${root}/complete.log`;
const logged = await openKernel(root, [{ action: "fs.read", resource: `${data}/**` }], {
  providers,
  logPath,
});
const writer = await openKernel(root, [{ action: "fs.write", resource: `${root}/out/**` }], {
  providers,
});

const read = { action: "fs.read", target: `${data}/data.txt` };
const outside = { action: "fs.read", target: "/etc/passwd" };
const wrong = { action: "fs.delete", target: `${data}/data.txt` };
const group = "the original's";

workload({
  group,
  name: "2,000 × denied",
  original: "deny",
  ops: 2000,
  op: () => expect(empty, outside, "DENIED"),
});
workload({
  group,
  name: "500 × fs.read of 2.4 KB",
  original: "read",
  ops: 500,
  op: () => expect(reader, read, "OK"),
});
workload({
  group,
  name: "10 callers × 100 fs.read",
  original: "concurrent",
  ops: 1000,
  callers: 10,
  op: () => expect(reader, read, "OK"),
});
let lines = 0;
workload({
  group,
  name: "8 callers × 50 fs.read, log complete",
  original: "log",
  ops: 400,
  callers: 8,
  op: () => expect(logged, read, "OK"),
  after() {
    const found = Deno.readTextFileSync(logPath).split("\n").length - 1;
    if (found !== lines + 400) throw new Error(`${found - lines} of 400 records are in the log`);
    lines = found;
  },
});
workload({
  group,
  name: "1,000 mixed: ⅓ read, ⅓ wrong action, ⅓ outside",
  original: "mixed",
  ops: 1000,
  op: (i) =>
    i % 3 === 0
      ? expect(reader, read, "OK")
      : expect(reader, i % 3 === 1 ? wrong : outside, "DENIED"),
});
workload({
  group,
  name: "200 writes of new files",
  original: "write",
  ops: 200,
  op: (i) =>
    expect(writer, {
      action: "fs.write",
      target: `${root}/out/${Math.floor(i / 200)}/${i}.txt`,
      params: { content: `file ${i}` },
    }, "OK"),
});

// As the original does it: the provider in the same thread, and nothing between it and the process.
const inProcess = [new FilesystemProvider({ isolation: "none" })];
const bare = await openKernel(root, [{ action: "fs.read", resource: `${data}/**` }], {
  providers: inProcess,
});
const bareWriter = await openKernel(root, [{ action: "fs.write", resource: `${root}/bare/**` }], {
  providers: inProcess,
});
const without = "the same without a Worker (isolation: none)";
workload({
  group: without,
  name: "500 × fs.read of 2.4 KB, none",
  original: "read",
  ops: 500,
  op: () => expect(bare, read, "OK"),
});
workload({
  group: without,
  name: "1,000 mixed, none",
  original: "mixed",
  ops: 1000,
  op: (i) =>
    i % 3 === 0 ? expect(bare, read, "OK") : expect(bare, i % 3 === 1 ? wrong : outside, "DENIED"),
});
workload({
  group: without,
  name: "200 writes of new files, none",
  original: "write",
  ops: 200,
  op: (i) =>
    expect(bareWriter, {
      action: "fs.write",
      target: `${root}/bare/${Math.floor(i / 200)}/${i}.txt`,
      params: { content: `file ${i}` },
    }, "OK"),
});

// A kernel of promises has its callers at once; Python's single caller is what both are held against.
workload({
  group: "the first two by 64 callers",
  name: "2,000 × denied",
  original: "deny",
  ops: 2000,
  callers: 64,
  op: () => expect(empty, outside, "DENIED"),
});
workload({
  group: "the first two by 64 callers",
  name: "1,000 × fs.read of 2.4 KB",
  original: "read",
  ops: 1000,
  callers: 64,
  op: () => expect(reader, read, "OK"),
});

let large: Kernel;
for (const callers of [1, 64]) {
  workload({
    group: "the first under 10,000 rules",
    name: callers === 1 ? "2,000 × denied" : `2,000 × denied, ${callers} callers`,
    baseline: callers === 1,
    original: "deny-10000",
    async before() {
      large ??= await openKernel(root, rules(10_000, (i) => `${root}/project-${i}/**`));
    },
    ops: 2000,
    callers,
    op: () => expect(large, outside, "DENIED"),
  });
}
