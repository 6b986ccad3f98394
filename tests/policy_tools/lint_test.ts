import { assertEquals, assertStringIncludes } from "@std/assert";
import type { World } from "../../src/core/resource/world.ts";
import { FLAT, load } from "../core/policy/deciding.ts";

/** A policy file in /conf; there is the name "café" in NFD, and no program with a space. */
const WORLD: World = {
  ...FLAT,
  base: "/conf",
  realPath: (path) => path.includes(" ") ? undefined : path,
  readLink: () => undefined,
  typeOf: (path) =>
    /[\u00e9\u0301]/.test(path) && path !== "/w/cafe\u0301" ? undefined : "executable",
};

const SITE = { action: "fs.read", resource: "../site/**" };

interface Row {
  readonly cell: string;
  readonly policy: object;
  /** Parts of the one warning; none if there is no warning. */
  readonly warning?: readonly string[];
}

// deno-fmt-ignore -- a row is a line
const ROWS: readonly Row[] = [
  // A deny rule that takes nothing away
  { cell: "a deny rule relative to another folder", policy: { capabilities: [SITE], deny: [{ id: "secrets", action: "fs.*", resource: ["**/.env*", "**/*.pem"] }] }, warning: ["secrets: takes nothing away", '"**/.env*" stands for "/conf/**/.env*"', '"/**/.env*" is likely meant'] },
  { cell: "a deny rule for every folder", policy: { capabilities: [SITE], deny: [{ action: "fs.*", resource: ["/**/.env*", "/**/*.pem"] }] } },
  { cell: "a deny rule relative to the folder that is meant", policy: { capabilities: [{ action: "fs.read", resource: "./**" }], deny: [{ action: "fs.*", resource: "**/.env*" }] } },
  { cell: "a deny rule of which one pattern takes something away", policy: { capabilities: [SITE], deny: [{ action: "fs.*", resource: ["/site/.env", "/etc/**"] }] }, warning: ['takes nothing away by "/etc/**":', 'anything that "/etc/**" matches'] },
  { cell: "a deny rule of which each pattern takes something away", policy: { capabilities: [SITE], deny: [{ action: "fs.*", resource: ["/site/.env", "/**/*.pem"] }] } },
  { cell: "a deny rule for the folder beside the allowed one", policy: { capabilities: [{ action: "fs.read", resource: "/w/a/**" }], deny: [{ action: "fs.read", resource: "/w/b/**" }] }, warning: ['"/w/b/**"'] },
  { cell: "a deny rule for the allowed folder itself", policy: { capabilities: [{ action: "fs.read", resource: "/w/a" }], deny: [{ action: "fs.read", resource: "/w/a/**" }] } },
  { cell: "a deny rule for a name that no allowed one can have", policy: { capabilities: [{ action: "fs.read", resource: "/w/*.txt" }], deny: [{ action: "fs.read", resource: "/w/*.pem" }] }, warning: ["takes nothing away"] },
  { cell: "a deny rule for a name that an allowed one can have", policy: { capabilities: [{ action: "fs.read", resource: "/w/*.txt" }], deny: [{ action: "fs.read", resource: "/w/secret*" }] } },
  { cell: "a deny rule for an action that nothing allows", policy: { capabilities: [SITE], deny: [{ action: "fs.write", resource: "/**" }] } },
  { cell: "a deny rule for a URL on another host", policy: { capabilities: [{ action: "net.http", resource: "https://a.test/**", constraint: { method: "GET" } }], deny: [{ action: "net.http", resource: "https://b.test/**" }] }, warning: ["takes nothing away"] },
  { cell: "a deny rule for a URL on an allowed host", policy: { capabilities: [{ action: "net.http", resource: "https://**/**", constraint: { method: "GET" } }], deny: [{ action: "net.http", resource: "https://b.test/**" }] } },
  // [admin]
  { cell: "a name in brackets", policy: { capabilities: [{ action: "fs.read", resource: "/w/[admin]/**" }] }, warning: ['"[admin]" in "/w/[admin]/**" stands for one of the characters a, d, m, i, n', '"\\[admin\\]"'] },
  { cell: "a name in escaped brackets", policy: { capabilities: [{ action: "fs.read", resource: "/w/\\[admin\\]/**" }] } },
  { cell: "a set of letters in order", policy: { capabilities: [{ action: "fs.read", resource: "/w/[abc]/**" }] } },
  { cell: "a range", policy: { capabilities: [{ action: "fs.read", resource: "/w/[a-z0-9]/**" }] } },
  // Names in brackets
  ...["[...slug]", "[[...slug]]", "[user_id]", "[2024]", "[.env]", "[a.key]", "[admin secret]"].map((name) => ({
    cell: `${name} in a deny rule`,
    policy: { capabilities: [{ action: "fs.read", resource: "/w/**" }], deny: [{ action: "fs.read", resource: `/w/${name}/x` }] },
    warning: [`for a name in brackets write "${name.replace(/[[\]]/g, "\\$&")}"`],
  })),
  ...["[0-9]", "[1234]", "[._-]", "[A-Za-z0-9_.-]", "[!admin]", "[^.]", "[abc_]", "[Mm]"].map((set) => ({
    cell: `the set ${set} in a deny rule`,
    policy: { capabilities: [{ action: "fs.read", resource: "/w/**" }], deny: [{ action: "fs.read", resource: `/w/${set}/x` }] },
  })),
  // NFC and NFD
  { cell: "a decomposed name", policy: { capabilities: [{ action: "fs.read", resource: "/w/cafe\u0301" }] }, warning: ["NFD"] },
  { cell: "a composed name where the decomposed one exists", policy: { capabilities: [{ action: "fs.read", resource: "/w/caf\u00e9" }] }, warning: ["another Unicode form"] },
  { cell: "a composed name where neither exists", policy: { capabilities: [{ action: "fs.read", resource: "/w/th\u00e9" }] } },
  { cell: "a name without accents", policy: { capabilities: [{ action: "fs.read", resource: "/w/cafe" }] } },
  // $HOME
  { cell: "a variable as shells have it", policy: { capabilities: [{ action: "fs.read", resource: "$HOME/x" }] }, warning: ['"$HOME" in "$HOME/x" means these characters', '"${HOME}"'] },
  { cell: "a variable", policy: { variables: { HOME: "/h" }, capabilities: [{ action: "fs.read", resource: "${HOME}/x" }] } },
  { cell: "a dollar in a name", policy: { capabilities: [{ action: "fs.read", resource: "/w/Outer$Inner.class" }] } },
  { cell: "an escaped dollar", policy: { capabilities: [{ action: "fs.read", resource: "/w/\\$HOME" }] } },
  // Actions
  { cell: "the action shell", policy: { capabilities: [{ action: "shell", resource: "ls" }] }, warning: ['no provider carries out "shell"', '"proc.exec" is likely meant'] },
  { cell: "the action read_file", policy: { capabilities: [{ action: "read_file", resource: "a" }] }, warning: ['"fs.read" is likely meant'] },
  { cell: "an action of one's own", policy: { capabilities: [{ action: "db.query", resource: "users" }] } },
  // Commands
  { cell: "a command line as a program", policy: { capabilities: [{ action: "proc.exec", resource: "git status" }] }, warning: ['"git status" names a program of that name', '"git" with the constraint {args: {prefix: [status]}}'] },
  { cell: "a program", policy: { capabilities: [{ action: "proc.exec", resource: "ls" }] } },
  { cell: "an interpreter without constraint", policy: { capabilities: [{ action: "proc.exec", resource: "node" }] }, warning: ['allows "node" with any arguments'] },
  { cell: "an interpreter with its version by its path", policy: { capabilities: [{ action: "proc.exec", resource: "/usr/bin/python3.11" }] }, warning: ["python3.11"] },
  { cell: "an interpreter with a constraint on another param", policy: { capabilities: [{ action: "proc.exec", resource: "node", constraint: { timeout: { max: 5 } } }] }, warning: ["any code"] },
  { cell: "an interpreter with a constraint on its arguments", policy: { capabilities: [{ action: "proc.exec", resource: "node", constraint: { args: ["--version"] } }] } },
  { cell: "an interpreter that is denied", policy: { capabilities: [{ action: "proc.exec", resource: ["wc", "ls"] }, { action: "proc.exec", resource: "node", constraint: { args: [] } }], deny: [{ action: "proc.exec", resource: "node" }] } },
  { cell: "a program whose name begins like an interpreter", policy: { capabilities: [{ action: "proc.exec", resource: "nodemon" }] } },
  ...["npm", "find", "tar", "git", "cargo", "gdb", "nohup", "nice", "timeout", "setsid", "flock", "stdbuf", "ssh", "bwrap"].map((name) => ({
    cell: `${name} without constraint`,
    policy: { capabilities: [{ action: "proc.exec", resource: name }] },
    warning: [`allows "${name}" with any arguments`],
  })),
  // Methods
  { cell: "HTTP without a method", policy: { capabilities: [{ action: "net.http", resource: "https://a.test/**" }] }, warning: ["allows every method", "{method: GET}"] },
  { cell: "HTTP with a method", policy: { capabilities: [{ action: "net.http", resource: "https://a.test/**", constraint: { method: { in: ["GET", "POST"] } } }] } },
];

for (const { cell, policy, warning } of ROWS) {
  Deno.test(`readPolicy() ${warning === undefined ? "does not warn" : "warns"} of ${cell}`, () => {
    const { warnings } = load(policy, { world: WORLD });
    assertEquals(warnings.length, warning === undefined ? 0 : 1, warnings.join("\n"));
    for (const part of warning ?? []) assertStringIncludes(warnings[0] ?? "", part);
  });
}
