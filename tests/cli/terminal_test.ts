import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { columns, escape, escapedJson } from "../../src/cli/terminal.ts";
import { GENESIS, seal } from "../../src/core/record/record.ts";
import { body, writeLog } from "../core/record/log_file.ts";
import { START } from "./command_line.ts";
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

Deno.test("columns() aligns by characters and leaves the last one free", () => {
  assertEquals(columns([["a", "bb", "c"], ["aaa", "\u{1F600}", "ccc"]]), [
    "a    bb  c",
    "aaa  \u{1F600}   ccc",
  ]);
});

const IN_TERMINAL = `
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
`;

/** Runs `agent-kernel` on a terminal of its own and gives what it showed. */
async function onTerminal(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("python3", {
    args: ["-c", IN_TERMINAL, "deno", ...START, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", TERM: "xterm" },
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
}

Deno.test("log on a terminal is a table of one escaped line a record", async () => {
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
  assertMatch(first, /^2026-01-31T12:00:00.000Z {2}OK +fs\.read +\/plain {2}rule r1 · 1\.5 ms$/);
  assertStringIncludes(second, "/a\\u000a\\u001b[2J\\u202eb\\u009b");
  assertEquals(/[^\x20-\x7e·]/.test(second), false);
});

for (const field of ["timestamp", "status", "duration_ms"] as const) {
  Deno.test(`log on a terminal escapes a forged ${field}, too`, async () => {
    using ws = new Workspace();
    const forged = body("/a", { [field]: "\x1b[2Jforged\u202e" } as never);
    const path = ws.file("forged.log", seal(forged, 0, GENESIS).line);
    const shown = await onTerminal("log", "--log-path", path);
    assertEquals(/[^\n\x20-\x7e·]/.test(shown), false, JSON.stringify(shown));
  });
}

Deno.test("log --json on a terminal prints JSON lines", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 1);
  const shown = await onTerminal("log", "--json", "--log-path", path);
  assertEquals(shown, Deno.readTextFileSync(path));
});
