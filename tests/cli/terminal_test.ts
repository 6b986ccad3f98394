import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { escape, escapedJson, LineBuffer } from "../../src/cli/terminal.ts";
import { localTime } from "../../src/cli/time.ts";
import { GENESIS, seal } from "../../src/core/record/record.ts";
import { body, writeLog } from "../core/record/log_file.ts";
import { displayWidth } from "../../src/cli/table.ts";
import { agentKernel, scene, START } from "./command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";

const ESCAPED: readonly (readonly [string, string, string])[] = [
  ["an ANSI escape sequence", "\x1b[31mred", "\\u001b[31mred"],
  ["a C1 control sequence introducer", "\x9b31m", "\\u009b31m"],
  ["a line feed", "a\nb", "a\\u000ab"],
  ["a carriage return", "a\rb", "a\\u000db"],
  ["a tabulator", "a\tb", "a\\u0009b"],
  ["a backspace and a bell", "\b\x07", "\\u0008\\u0007"],
  ["NUL and DEL", "\0\x7f", "\\u0000\\u007f"],
  ["right-to-left override", "a\u202egpj", "a\\u202egpj"],
  ["bidirectional isolates", "\u2066\u2069", "\\u2066\\u2069"],
  ["a zero-width space", "a\u200bb", "a\\u200bb"],
  ["a byte order mark", "\ufeff", "\\ufeff"],
  ["line and paragraph separators", "\u2028\u2029", "\\u2028\\u2029"],
  ["a soft hyphen", "\u00ad", "\\u00ad"],
  ["a language tag beyond the BMP", "\u{E0041}", "\\udb40\\udc41"],
  ["a lone surrogate", "\ud800", "\\ud800"],
];
for (const [what, text, shown] of ESCAPED) {
  Deno.test(`escape() shows ${what} as its code`, () => {
    assertEquals(escape(text), shown);
  });
}

for (const text of ["", "plain text", "日本語", "Zürich", "\u{1F600}", "שלום", "e\u0301", '"a"']) {
  Deno.test(`escape() leaves "${text}" as it is`, () => {
    assertEquals(escape(text), text);
  });
}

const INVISIBLE: readonly (readonly [string, string])[] = [
  ["combining grapheme joiner", "\u034f"],
  ["Hangul filler", "\u3164"],
  ["half-width Hangul filler", "\uffa0"],
  ["variation selector", "\ufe0f"],
  ["variation selector supplement", "\u{E0100}"],
  ["Mongolian vowel separator", "\u180e"],
];
for (const [what, char] of INVISIBLE) {
  Deno.test(`escape() shows an invisible ${what}`, () => {
    assertEquals(escape(`a${char}b`).includes(char), false);
  });
}

Deno.test("escape() leaves no character that moves a cursor or turns the text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assertEquals(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(escape(text)), false);
  }));
});

Deno.test("escape() of a text is that of its characters, whether all are plain or not", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string(), (text, plain) => {
    const all = plain + text + plain;
    assertEquals(escape(all), Array.from(all, escape).join(""));
  }));
});

Deno.test("a LineBuffer writes 10,000 lines of 100 characters in 15 pieces, and the rest at the end", () => {
  const pieces: string[] = [];
  const out = new LineBuffer((text) => pieces.push(text));
  const lines = Array.from({ length: 10_000 }, (_, i) => `${i}`.padStart(99, "-"));
  for (const line of lines) out.print(line);
  assertEquals(pieces.length, 15);
  out.flush();
  assertEquals(pieces.join(""), lines.map((line) => `${line}\n`).join(""));
  out.flush();
  assertEquals(pieces.length, 16);
});

Deno.test("localTime() is the time that other programs of this time zone show", () => {
  const years = { min: new Date("1970-01-02"), max: new Date("2100-01-01"), noInvalidDate: true };
  fc.assert(fc.property(fc.date(years), (date) => {
    assertEquals(localTime(date.toISOString()), date.toLocaleString("sv-SE"));
  }));
});

Deno.test("localTime() leaves what is no time as it is", () => {
  assertEquals(["", "yesterday", "\x1b[2J"].map(localTime), ["", "yesterday", "\x1b[2J"]);
});

Deno.test("escapedJson() is the same JSON value, on one line", () => {
  fc.assert(fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
    const text = escapedJson(value);
    assertEquals(JSON.stringify(JSON.parse(text)), JSON.stringify(value));
    assertEquals(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text), false);
  }));
});

Deno.test("escapedJson() keeps the line feeds of its own indentation only", () => {
  assertEquals(escapedJson({ a: "b\nc" }, 2), '{\n  "a": "b\\nc"\n}');
});

/** Runs `agent-kernel` on a terminal of 80 columns and gives what it showed. */
async function onTerminal(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("python3", {
    args: ["tests/cli/terminal.py", "", "deno", ...START, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", TERM: "xterm", TZ: "Asia/Kolkata" },
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("log on a terminal is a table of one escaped line a record, in local time", async () => {
  using ws = new Workspace();
  const hostile = "/a\n\x1b[2J\u202eb\x9b";
  const path = await writeLog(ws, [
    body("/plain", { duration_ms: 1.5, rule: "r1" }),
    body(hostile, { status: "FAILED", error: hostile, agent: hostile, action: "x.y" }),
  ]);
  const [first = "", second = "", ...rest] = (await onTerminal("log", "--log-path", path)).split(
    "\n",
  );
  assertEquals(rest, [""]);
  assertMatch(first, /^2026-01-31 17:30:00 {2}OK +fs\.read +\/plain {2}rule r1 · 1\.5 ms$/);
  assertStringIncludes(second, "/a\\u000a\\u001b[2");
  assertEquals(/[^\x20-\x7e·…]/.test(second), false);
});

Deno.test("log on a terminal fits its columns, and keeps both ends of a long target", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, [
    body(`/start/${"long/".repeat(40)}end`, { rule: "r1", duration_ms: 2 }),
    body("/short", { status: "DENIED", error: "not permitted: ".repeat(20) }),
    body("/東京/".repeat(40), { action: "fs.list" }),
  ]);
  const lines = (await onTerminal("log", "--log-path", path)).trimEnd().split("\n");
  for (const line of lines) assert(displayWidth(line) <= 80, line);
  assertMatch(lines[0] ?? "", /\/start\/long.*….*end$/);
  assertMatch(lines[1] ?? "", /\/short {2}not permitted: .*…$/);
});

Deno.test("log --stats on a terminal puts the ends of numbers below each other", async () => {
  using ws = new Workspace();
  const denied = Array.from({ length: 10 }, () => body("/b", { status: "DENIED" }));
  const path = await writeLog(ws, [body("/a", { duration_ms: 1.5 }), ...denied]);
  const shown = await onTerminal("log", "--stats", "--log-path", path);
  assertStringIncludes(shown, "status  count\nDENIED     10\nOK          1\n");
});

Deno.test("validate-policy on a terminal shows fs.* as it was written", async () => {
  using ws = new Workspace();
  const { policy } = scene(ws);
  const shown = await onTerminal("validate-policy", "--policy", policy);
  assertMatch(shown, /deny +fs\.\* +\.\/data\/secret\*/);
  for (const line of shown.trimEnd().split("\n")) assert(displayWidth(line) <= 80, line);
});

Deno.test("submit is text for a person, and JSON in a pipe", async () => {
  using ws = new Workspace();
  const { policy, log, note } = scene(ws);
  ws.file("data/note.txt", "hello\n\x1b[2Jworld\n");
  const args = ["submit", "--policy", policy, "--log-path", log, "--action", "fs.read"];
  const shown = await onTerminal(...args, "--target", note);
  assertMatch(
    shown,
    /^OK {2}fs\.read {2}\S+note\.txt\n {2}rule +read-data\n {2}record +[0-9a-f-]{36}\n/,
  );
  assertStringIncludes(shown, "\nhello\n\\u001b[2Jworld\n");
  const denied = await onTerminal(...args, "--target", "/etc/passwd");
  assertMatch(denied, /^DENIED {2}fs\.read {2}\/etc\/passwd\n {2}because +not permitted/);
  assertEquals(JSON.parse((await agentKernel(...args, "--target", note)).stdout).status, "OK");
});

for (const field of ["timestamp", "status", "duration_ms"] as const) {
  Deno.test(`log on a terminal escapes a forged ${field}, too`, async () => {
    using ws = new Workspace();
    const forged = body("/a", { [field]: "\x1b[2Jforged\u202e" } as never);
    const path = ws.file("forged.log", seal(forged, 0, GENESIS).line);
    const shown = await onTerminal("log", "--log-path", path);
    assertEquals(/[^\n\x20-\x7e·…]/.test(shown), false, JSON.stringify(shown));
  });
}

Deno.test("log --json on a terminal prints JSON lines", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 1);
  const shown = await onTerminal("log", "--json", "--log-path", path);
  assertEquals(shown, Deno.readTextFileSync(path));
});
