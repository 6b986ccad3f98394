import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { KeyError, readCheckpoints } from "../../src/checkpoint/checkpoint.ts";
import {
  checkpointNeeds,
  type CheckpointOptions,
  CheckpointWitness,
  type WitnessContext,
} from "../../src/checkpoint/witness.ts";
import { AuditLogError } from "../../src/core/record/audit_log_error.ts";
import { GENESIS } from "../../src/core/record/record.ts";
import { Workspace } from "../workspace.ts";
import { checkpoint, keyFile, keyPair, madeUp, ManualTimer, ORIGIN } from "./checkpoint_file.ts";

const [A, B, C] = [madeUp("a"), madeUp("b"), madeUp("c")];

/** A witness, what it warned of, and its time. */
function witness(
  ws: Workspace,
  { syncLog = () => {}, ...options }: Partial<CheckpointOptions & WitnessContext> = {},
) {
  const timer = new ManualTimer();
  const warnings: string[] = [];
  const logPath = ws.path("kernel.log");
  const made = new CheckpointWitness(
    { key: options.key ?? keyFile(ws), ...options },
    { logPath, timer, onWarning: (line) => warnings.push(line), syncLog },
  );
  return { witness: made, timer, warnings, file: `${logPath}.checkpoints` };
}

/** Sizes of the checkpoints in a file. */
function sizes(path: string): string {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return "no file";
  }
  return Array.from(
    readCheckpoints(text, keyPair().verifier),
    (read) => read.found === "checkpoint" ? read.checkpoint.size : read.found,
  ).join(" ");
}

/** A server that keeps what it is sent. */
function serve(answer: (request: Request) => Response | Promise<Response>) {
  const received: { method: string; type: string | null; url: URL; body: string }[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { method, headers, url } = request;
      const body = await request.text();
      received.push({ method, type: headers.get("content-type"), url: new URL(url), body });
      return answer(request);
    },
  );
  return {
    received,
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** As the permission to run "deno" names it. */
const DENO = (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/deno`)
  .find(isFile) ?? "";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A program that runs this script; it may write into the workspace. */
function command(ws: Workspace, script: string, ...args: string[]): string {
  const file = ws.file("program.ts", script);
  const flags = `run -q --no-prompt --no-lock --allow-write=${ws.root} --allow-env`;
  return [`command:${DENO}`, flags, file, ...args].join(" ");
}

Deno.test("publish() has the checkpoint in the local file when it returns", async () => {
  using ws = new Workspace();
  const { witness: one, file, warnings } = witness(ws);
  const published = one.publish(10, A);
  assertEquals(Deno.readTextFileSync(file), checkpoint(10, A));
  await published;
  await one.publish(20, B);
  assertEquals(Deno.readTextFileSync(file), checkpoint(10, A) + checkpoint(20, B));
  assertEquals((Deno.statSync(file).mode ?? 0) & 0o7777, 0o600);
  assertEquals(warnings, []);
  await one.close();
});

Deno.test("publish() of the same state twice writes one checkpoint", async () => {
  using ws = new Workspace();
  const { witness: one, file } = witness(ws);
  await one.publish(0, GENESIS);
  await one.publish(0, GENESIS);
  assertEquals(sizes(file), "0");
});

Deno.test("written() signs a checkpoint each thousand records", async () => {
  using ws = new Workspace();
  const { witness: one, file } = witness(ws);
  for (const size of [1, 999, 1000, 1001, 1999, 2000, 4500, 5499, 5500]) {
    one.written(size, A);
  }
  assertEquals(sizes(file), "1000 2000 4500 5500");
  await one.close();
  assertEquals(sizes(file), "1000 2000 4500 5500");
});

Deno.test("written() signs a checkpoint a minute after a record that is in none", async () => {
  using ws = new Workspace();
  const { witness: one, file, timer } = witness(ws);
  assertEquals(timer.waiting, 0);
  one.written(1, A);
  timer.pass(59_999);
  one.written(2, B);
  assertEquals(sizes(file), "no file");
  timer.pass(1);
  assertEquals(Deno.readTextFileSync(file), checkpoint(2, B));
  assertEquals(timer.waiting, 0, "nothing to wait for");
  timer.pass(1e6);
  one.written(3, C);
  assertEquals(sizes(file), "2");
  timer.pass(60_000);
  assertEquals(sizes(file), "2 3");
  await one.close();
});

Deno.test("written() follows everyRecords and everySeconds", async () => {
  using ws = new Workspace();
  const { witness: one, file, timer } = witness(ws, { everyRecords: 3, everySeconds: 5 });
  for (const size of [1, 2, 3, 4]) one.written(size, A);
  timer.pass(5000);
  assertEquals(sizes(file), "3 4");
  await one.close();
});

Deno.test("close() publishes what is in no checkpoint yet, and stops the clock", async () => {
  using ws = new Workspace();
  const { witness: one, file, timer } = witness(ws);
  one.written(7, A);
  const closed = one.close();
  assertEquals(sizes(file), "7");
  await closed;
  assertEquals(timer.waiting, 0);
});

Deno.test("close() of a witness that was told of nothing writes nothing", async () => {
  using ws = new Workspace();
  const { witness: one, file } = witness(ws);
  await one.close();
  assertEquals(sizes(file), "no file");
});

Deno.test("a checkpoint is written only after the log reached the disk", async () => {
  using ws = new Workspace();
  const seen: string[] = [];
  const { witness: one, file, warnings } = witness(ws, {
    syncLog() {
      seen.push(sizes(file));
      if (seen.length > 1) throw new Error("disk is gone");
    },
  });
  await one.publish(1, A);
  await one.publish(2, B);
  assertEquals(seen, ["no file", "1"]);
  assertEquals(sizes(file), "1");
  assertEquals(warnings, ["Cannot sign a checkpoint of 2 records: disk is gone"]);
});

Deno.test("a local file that cannot be written is told, does not stop the others, is tried again", async () => {
  using ws = new Workspace();
  const { witness: one, file, warnings } = witness(ws, { also: ws.path("copy") });
  ws.folder("kernel.log.checkpoints");
  one.written(1000, A);
  one.written(1001, A);
  assertEquals(warnings.length, 1, "not again with each write");
  assertStringIncludes(
    warnings[0] ?? "",
    `Cannot write the checkpoint of 1000 records to "${file}"`,
  );
  Deno.removeSync(file);
  await one.close();
  assertEquals([sizes(file), sizes(ws.path("copy"))], ["1001", "1001"]);
});

Deno.test("a torn checkpoint in the file stays there, marked, and the next one can be read", async () => {
  using ws = new Workspace();
  const torn = checkpoint(10, A).slice(0, -20);
  const file = ws.file("kernel.log.checkpoints", checkpoint(5, C) + torn);
  const { witness: one } = witness(ws);
  await one.publish(20, B);
  assertEquals(Deno.readTextFileSync(file), `${checkpoint(5, C)}${torn}\n\n${checkpoint(20, B)}`);
  assertEquals(sizes(file), "5 torn 20");
});

Deno.test("newest is the last checkpoint of the file, also behind many others", () => {
  using ws = new Workspace();
  assertEquals(witness(ws).witness.newest, undefined);
  const many = Array.from({ length: 100 }, (_, i) => checkpoint(i + 1, A)).join("");
  ws.file("kernel.log.checkpoints", many);
  assertEquals(witness(ws).witness.newest, { origin: ORIGIN, size: 100, head: A });
  ws.file("kernel.log.checkpoints", many + checkpoint(200, B, keyPair(2)) + "torn");
  assertEquals(witness(ws).witness.newest?.size, 100);
});

Deno.test("records since the newest checkpoint of the file count", async () => {
  using ws = new Workspace();
  const file = ws.file("kernel.log.checkpoints", checkpoint(500, A));
  const { witness: one } = witness(ws);
  one.written(1499, B);
  assertEquals(sizes(file), "500");
  one.written(1500, B);
  assertEquals(sizes(file), "500 1500");
  await one.close();
});

Deno.test("accept() refuses a log that is shorter than the newest checkpoint, or another", () => {
  using ws = new Workspace();
  witness(ws).witness.accept(0, GENESIS);
  const file = ws.file("kernel.log.checkpoints", checkpoint(10, A));
  const { witness: one } = witness(ws);
  one.accept(10, A);
  one.accept(11, B);
  const refused = (size: number, head: string, reason: string) =>
    assertThrows(() => one.accept(size, head), AuditLogError, reason);
  refused(9, B, "has 9 records");
  refused(0, GENESIS, "its end is missing");
  refused(10, B, `10 records in "${file}"`);
});

Deno.test("checkpointNeeds() names what each destination has to be permitted, and what is guarded", () => {
  const also = [
    "/var/copy of log",
    "command:/usr/bin/logger  -t agent",
    "https://example.com/log?token=s3cret",
    "http://[::1]:8080/",
  ];
  const { permissions, guards, destinations } = checkpointNeeds(
    { key: "/etc/key", also },
    "/k.log",
  );
  assertEquals(permissions, {
    read: ["/etc/key", "/k.log.checkpoints", "/var/copy of log"],
    write: ["/k.log.checkpoints", "/var/copy of log"],
    net: ["[::1]:8080", "example.com:443"],
    run: ["/usr/bin/logger"],
  });
  assertEquals(guards, [
    { path: "/etc/key", what: "checkpoint key", secret: true },
    { path: "/var/copy of log", what: "destination of checkpoints" },
    { path: "/usr/bin/logger", what: "destination of checkpoints" },
  ]);
  assertEquals(destinations.map(({ name }) => name), [
    "/var/copy of log",
    "command:/usr/bin/logger",
    "https://example.com",
    "http://[::1]:8080",
  ]);
});

Deno.test("checkpointNeeds() takes a relative file for the one in the working folder", () => {
  const { permissions, guards } = checkpointNeeds({ key: "/etc/key", also: "copy" }, "/k.log");
  assertEquals(permissions.write, ["/k.log.checkpoints", `${Deno.cwd()}/copy`].sort());
  assertEquals(guards.at(-1)?.path, `${Deno.cwd()}/copy`);
});

Deno.test("publish() appends to a second file too", async () => {
  using ws = new Workspace();
  const copy = ws.file("copy", checkpoint(1, A));
  const { witness: one, file } = witness(ws, { also: copy });
  await one.publish(10, B);
  assertEquals([sizes(file), sizes(copy)], ["10", "1 10"]);
});

Deno.test("a second destination that fails is told, and gets the next checkpoint", async () => {
  using ws = new Workspace();
  const copies = [ws.path("late", "copy"), ws.path("copy")];
  const { witness: one, file, warnings } = witness(ws, { also: copies });
  await one.publish(10, A);
  assertEquals(sizes(file), "10");
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0] ?? "", `the checkpoint of 10 records to "${copies[0]}"`);
  ws.folder("late");
  await one.publish(20, B);
  assertEquals(copies.map(sizes), ["20", "10 20"]);
  assertEquals(warnings.length, 1);
});

Deno.test("a second destination that failed gets the last checkpoint when the log is closed", async () => {
  using ws = new Workspace();
  const copies = [ws.path("late", "copy"), ws.path("copy")];
  const { witness: one, file } = witness(ws, { everyRecords: 1, also: copies });
  one.written(1, A);
  await one.publish(1, A);
  ws.folder("late");
  await one.close();
  assertEquals([file, ...copies].map(sizes), ["1", "1", "1"]);
});

Deno.test("publish() gives the note to a program, with its arguments and an empty environment", async () => {
  using ws = new Workspace();
  const script = `
    const note = await new Response(Deno.stdin.readable).text();
    const env = Object.keys(Deno.env.toObject());
    Deno.writeTextFileSync(Deno.args[0], JSON.stringify({ note, args: Deno.args.slice(1), env }));
  `;
  const also = command(ws, script, ws.path("got"), " $HOME", ";touch", ws.path("shell"));
  const { witness: one, warnings } = witness(ws, { also });
  await one.publish(10, A);
  assertEquals(warnings, []);
  const { note, args, env } = JSON.parse(Deno.readTextFileSync(ws.path("got")));
  assertEquals(note, checkpoint(10, A));
  assertEquals(args, ["$HOME", ";touch", ws.path("shell")]);
  // Deno itself sets these two.
  const own = ["PATH", "DENO_NODE_SHIM_ACTIVE"];
  assertEquals(env.filter((name: string) => !own.includes(name)), []);
  assertEquals(sizes(ws.path("shell")), "no file");
});

Deno.test("a program that fails is told with its exit code, without its arguments", async () => {
  using ws = new Workspace();
  const also = command(ws, "Deno.exit(3);", "--token=s3cret");
  const { witness: one, file, warnings } = witness(ws, { also });
  await one.publish(10, A);
  assertEquals(sizes(file), "10");
  assertEquals(warnings, [
    `Cannot send the checkpoint of 10 records to "command:${DENO}": it ended with exit code 3; the next one will be sent`,
  ]);
});

Deno.test("a program that reads nothing and succeeds is not told", async () => {
  using ws = new Workspace();
  const { witness: one, warnings } = witness(ws, { also: command(ws, "Deno.exit(0);") });
  await one.publish(10, A);
  assertEquals(warnings, []);
});

Deno.test("a program that is not there, or is not permitted, is told", async () => {
  using ws = new Workspace();
  const { witness: one, file, warnings } = witness(ws, { also: "command:/none/program" });
  await one.publish(10, A);
  assertEquals([sizes(file), warnings.length], ["10", 1]);
  assertStringIncludes(warnings[0] ?? "", "command:/none/program");
});

Deno.test("a program that does not end is ended after half a minute", async () => {
  using ws = new Workspace();
  const also = command(ws, "setInterval(() => {}, 1000);");
  const { witness: one, timer, warnings } = witness(ws, { also });
  const published = one.publish(10, A);
  await Promise.resolve(); // The program is started behind a microtask.
  assertEquals(timer.waiting, 1);
  timer.pass(30_000);
  await published;
  assertEquals(timer.waiting, 0);
  assertStringIncludes(warnings[0] ?? "", "it did not end within 30 seconds");
});

Deno.test("publish() posts the note to a server", async () => {
  using ws = new Workspace();
  await using server = serve(() => new Response("thanks", { status: 201 }));
  const also = `${server.origin}/log?token=s3cret`;
  const { witness: one, warnings, timer } = witness(ws, { also });
  await one.publish(10, A);
  assertEquals(warnings, []);
  const [{ method, type, url, body } = { url: new URL(also) }] = server.received;
  assertEquals({ method, type, body }, {
    method: "POST",
    type: "text/plain; charset=utf-8",
    body: checkpoint(10, A),
  });
  assertEquals(`${url.pathname}${url.search}`, "/log?token=s3cret");
  assertEquals(timer.waiting, 0);
});

Deno.test("a server that refuses is told without path and query, and asked again", async () => {
  using ws = new Workspace();
  const answers = [500, 302, 200];
  await using server = serve(() => {
    const status = answers.shift() ?? 0;
    return new Response(null, { status, headers: { location: "/elsewhere" } });
  });
  const also = `${server.origin}/hook/s3cret?token=s3cret`;
  const { witness: one, file, warnings } = witness(ws, { also });
  for (const size of [1, 2, 3]) await one.publish(size, A);
  assertEquals(sizes(file), "1 2 3");
  assertEquals(server.received.map(({ url }) => url.pathname), Array(3).fill("/hook/s3cret"));
  assertEquals(warnings.map((line) => line.split('": ')[1]), [
    "it answered 500; the next one will be sent",
    "it answered 302; the next one will be sent",
  ]);
  for (const line of warnings) assert(!line.includes("s3cret"), line);
});

Deno.test("a server that is not there is told without path and query", async () => {
  using ws = new Workspace();
  const { origin } = await (async () => {
    await using server = serve(() => new Response());
    return server;
  })();
  const { witness: one, file, warnings } = witness(ws, { also: `${origin}/s3cret?k=s3cret#x` });
  await one.publish(1, A);
  assertEquals([sizes(file), warnings.length], ["1", 1]);
  assertStringIncludes(warnings[0] ?? "", `to "${origin}": `);
  assertStringIncludes(warnings[0] ?? "", "Connection refused");
  assert(!warnings[0]?.includes("s3cret"), warnings[0]);
});

Deno.test("a server that does not answer is given up after half a minute", async () => {
  using ws = new Workspace();
  const asked = Promise.withResolvers<void>();
  const end = Promise.withResolvers<Response>();
  await using server = serve(() => (asked.resolve(), end.promise));
  const { witness: one, timer, warnings } = witness(ws, { also: server.origin });
  const published = one.publish(1, A);
  await asked.promise;
  timer.pass(30_000);
  await published;
  assertStringIncludes(warnings[0] ?? "", "it did not answer within 30 seconds");
  end.resolve(new Response());
});

Deno.test("a slow destination gets one checkpoint at a time, and of those that wait the newest", async () => {
  using ws = new Workspace();
  const asked = Promise.withResolvers<void>();
  const first = Promise.withResolvers<Response>();
  const answers = [first.promise];
  await using server = serve(() => (asked.resolve(), answers.shift() ?? new Response()));
  const { witness: one, file } = witness(ws, { also: server.origin });
  const published = one.publish(1, A);
  await asked.promise;
  const later = [one.publish(2, B), one.publish(3, C)];
  assertEquals(sizes(file), "1 2 3");
  first.resolve(new Response());
  await Promise.all([published, ...later]);
  assertEquals(server.received.map(({ body }) => body), [checkpoint(1, A), checkpoint(3, C)]);
});

const BAD_DESTINATIONS = [
  "",
  "ftp://example.com/log",
  "commmand:/bin/true",
  "constructor:x",
  "command:",
  "command:true",
  "command:./publish",
  "http://",
];
for (const also of BAD_DESTINATIONS) {
  Deno.test(`new CheckpointWitness() refuses the destination "${also}"`, () => {
    using ws = new Workspace();
    assertThrows(() => witness(ws, { also }), RangeError, "Cannot publish checkpoints");
  });
}

for (const value of [0, -1, NaN, Infinity]) {
  Deno.test(`new CheckpointWitness() refuses ${value} as number of records or seconds`, () => {
    using ws = new Workspace();
    for (const name of ["everyRecords", "everySeconds"]) {
      assertThrows(() => witness(ws, { [name]: value }), RangeError, `${name} is ${value}`);
    }
  });
}

Deno.test("new CheckpointWitness() refuses a key that others may read", () => {
  using ws = new Workspace();
  const key = keyFile(ws);
  Deno.chmodSync(key, 0o644);
  assertThrows(() => witness(ws, { key }), KeyError, "chmod 600");
});
