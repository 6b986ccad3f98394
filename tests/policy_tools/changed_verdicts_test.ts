import { assertEquals, assertStringIncludes } from "@std/assert";
import { changedVerdicts } from "../../src/policy_tools/changed_verdicts.ts";
import { load } from "../core/policy/deciding.ts";

const RUNS = { action: "proc.exec", resource: "ls" };
const GETS = { action: "net.http", resource: "https://a.test/**", constraint: { method: "GET" } };
const CONNECTS = { action: "net.connect", resource: "https://a.test/" };
const MOVES = { action: ["fs.move", "fs.read", "fs.delete", "fs.write"], resource: "/w/**" };
const MOVES_ALONE = { action: "fs.move", resource: "/w/**" };
const PARTS = { action: ["fs.read", "fs.delete", "fs.write"], resource: "/**" };
const SHORT = { action: "fs.write", resource: "/w/**", constraint: { content: { max_length: 9 } } };
const GUARDED = [{ path: "/w/node_modules", what: "code of the kernel's process" }];

interface Row {
  readonly cell: string;
  readonly allow: readonly object[];
  readonly deny?: readonly object[];
  /** A part of the one line; none if nothing has changed. */
  readonly line?: string;
}

// deno-fmt-ignore -- a row is a line
const ROWS: readonly Row[] = [
  { cell: "programs beside rules for net.http", allow: [RUNS, GETS], line: "programs no longer have the network" },
  { cell: "programs beside rules for net.connect too", allow: [RUNS, GETS, CONNECTS] },
  { cell: "programs alone", allow: [RUNS] },
  { cell: "requests alone", allow: [GETS] },
  { cell: "moves where reading is denied", allow: [MOVES], deny: [{ action: "fs.read", resource: "/w/secret/**" }], line: 'fs.move is denied where rule "deny[0]" denies fs.read' },
  { cell: "moves where writing is denied", allow: [MOVES], deny: [{ action: "fs.write", resource: "/**/.git/**" }], line: "denies fs.write" },
  { cell: "moves where listing is denied", allow: [MOVES], deny: [{ action: "fs.list", resource: "/w/secret/**" }] },
  { cell: "moves elsewhere", allow: [MOVES], deny: [{ action: "fs.read", resource: "/x/**" }] },
  { cell: "moves that were denied before", allow: [MOVES], deny: [{ action: "fs.*", resource: "/w/secret/**" }] },
  { cell: "moves of what nothing else allows", allow: [MOVES_ALONE], line: "nothing there allows fs.read, fs.delete, fs.write for any params" },
  { cell: "moves of what other rules allow", allow: [MOVES_ALONE, PARTS] },
  { cell: "moves of what is allowed elsewhere", allow: [MOVES_ALONE, { ...PARTS, resource: "/x/**" }], line: "fs.move is denied" },
  { cell: "moves to where short texts may be written", allow: [{ ...MOVES, action: ["fs.move", "fs.read", "fs.delete"] }, SHORT], line: "nothing there allows fs.write" },
  { cell: "a rule of which all is guarded", allow: [{ action: ["fs.read", "fs.write"], resource: "/w/node_modules/a/**" }], line: 'fs.write in "/w/node_modules/a" is denied' },
  { cell: "a rule of which a part is guarded", allow: [{ action: "fs.write", resource: "/w/**" }] },
  { cell: "a rule that reads what is guarded", allow: [{ action: "fs.read", resource: "/w/node_modules/**" }] },
];

for (const { cell, allow, deny = [], line } of ROWS) {
  const verb = line === undefined ? "says nothing" : "tells";
  Deno.test(`changedVerdicts() ${verb} of ${cell}`, () => {
    const policy = load({ capabilities: allow, deny }, { guarded: GUARDED });
    const lines = changedVerdicts(policy);
    assertEquals(lines.length, line === undefined ? 0 : 1, lines.join("\n"));
    assertStringIncludes(lines[0] ?? "", line ?? "");
  });
}
