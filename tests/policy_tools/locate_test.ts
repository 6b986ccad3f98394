import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { load, problemsOf } from "../core/policy/deciding.ts";

/** In every layout the one mistake is the action `fs.nope`: its line has to be told. */
const LAYOUTS: Readonly<Record<string, string>> = {
  "blocks": `capabilities:
  - action: fs.read
    resource: /w/**
  - action: fs.nope
    resource: /w/**
`,
  "lists at the column of their key": `capabilities:
- action: fs.read
  resource: /w/**
- resource: /w/**
  action: fs.nope
`,
  "flows": `capabilities: [
    {action: fs.read, resource: /w/**},
    {resource: "/w/**",
     action: fs.nope}
  ]
`,
  "flows in one line": `capabilities: [{action: fs.nope, resource: /w/**}]`,
  "a whole document as a flow": `{deny: [],
 capabilities: [{action: fs.read, resource: [/a, /b]},
  {action: fs.nope, resource: /w/**}]}`,
  "JSON": `{
  "deny": [],
  "capabilities": [
    { "resource": ["/a", "/b"], "action": "fs.read" },
    {
      "resource": "/w/**",
      "action": "fs.nope"
    }
  ]
}
`,
  "JSON without spaces": `{"deny":[],"capabilities":[{"action":"fs.nope","resource":"/w"}]}`,
  "comments": `# capabilities:
#   - action: fs.nop
capabilities: # the rules
  # first
  - action: fs.read # the action
    resource: /w/** # the resource

  # second
  - # here it comes
    # soon
    action: fs.nope   # wrong
    resource: /w/a#b
`,
  "quoted keys": `"capabilities":
  - "action": 'fs.read'
    'resource': "/w/**"
  - 'resource': '/it''s'
    "action": "fs.nope"
`,
  "carriage returns":
    "capabilities:\r\n  - action: fs.read\r\n    resource: /w/**\r\n\r\n  - action: fs.nope\r\n    resource: /w/**\r\n",
  "a byte order mark": "\ufeffcapabilities:\n  - action: fs.nope\n    resource: /w/**\n",
  "document markers": `# policy
---
capabilities:
  - action: fs.nope
    resource: /w/**
...
`,
  "a block scalar": `capabilities:
  - action: fs.read
    reason: |
      action: fs.nop
      - resource: [
      # no comment
    resource: /w/**
  - action: fs.nope
    resource: /w/**
`,
  "a block scalar with an empty line": `capabilities:
  - action: fs.read
    reason: |
      one

      two
    resource: /w/**
  - action: fs.nope
    resource: /w/**
`,
  "a folded scalar that ends in empty lines": `capabilities:
  - action: fs.read
    resource: /w/**
    reason: >-
      one
      two


  - action: fs.nope
    resource: /w/**
`,
  "a block scalar with its own indentation": `capabilities:
  - action: fs.read
    reason: |2
        one
      two
    resource: /w/**
  - action: fs.nope
    resource: /w/**
`,
  "plain text over several lines": `capabilities:
  - action: fs.read
    reason: one
      two three

      four
    resource: /w/**
  - action: fs.nope
    resource: /w/**
`,
  "quoted text over several lines": `capabilities:
  - action: fs.read
    reason: "one
      two: three

      # four"
    resource: /w/**
  - action: fs.nope
    resource: /w/**
`,
  "colons and hashes in values": `capabilities:
  - action: net.http
    resource: https://h:8443/a:b/**
    reason: see http://x#y and a:b
  - action: fs.nope
    resource: /w/**
`,
  "values on the next line": `capabilities:
  - action:
      fs.read
    resource:
      /w/**
  -
    resource:
      - /w/**
    action: fs.nope
`,
  "wide indentation": `capabilities:
        -   action:   fs.read
            resource:     /w/**
        -   resource:
                -   /a
                -   /b
            action:   fs.nope
`,
  "lists in lists": `capabilities:
  - action: mcp.call
    resource: s/t
    constraint:
      a:
        in:
          - - 1
            - 2
          - - 3
            - {b: [4,
                5]}
  - action: fs.nope
    resource: /w/**
`,
  "anchors, aliases and merges": `capabilities:
  - &rule
    action: &act fs.read
    resource: /w/**
  - *rule
  - action: *act
    resource: /x
  - <<: *rule
    id: merged
    action: fs.nope
`.replace("  - *rule\n", ""),
  "values left out": `version:
deny: []
capabilities:
  - action: fs.nope
    resource: /w/**
`.replace("version:\n", "variables: {}\n"),
  "spaces at the ends of lines":
    "capabilities:  \n  - action: fs.read   \n    resource: /w/**\t\n   \n  - action: fs.nope \n    resource: /w/**\n",
  "no line break at the end": "capabilities:\n  - resource: /w/**\n    action: fs.nope",
  "commas at the end of flows":
    "capabilities: [\n  {action: fs.read, resource: /w,},\n  {action: fs.nope, resource: /w,},\n  ]",
};

for (const [layout, text] of Object.entries(LAYOUTS)) {
  Deno.test(`readPolicy() tells the line of a mistake in ${layout}`, () => {
    const line = text.split(/\r?\n/).findIndex((one) => one.includes("fs.nope")) + 1;
    assertEquals(problemsOf(text).map((problem) => problem.line), [line]);
    assertEquals(problemsOf(text.replace("fs.nope", "fs.stat")), []);
  });
}

Deno.test("readPolicy() tells the lines of all mistakes, in the order of the file", () => {
  const text = `version: 2
capabilities:
  - action: fs.raed
    resource: /w
    constraint:
      a: {is: 1}
      b: 0x10
  - action: fs.read
    resorce: /w
deny:
  - action: net.http
    resource:
      - https://h/
      - ftp://h/
examples:
  - {action: fs.read, target: /w, expect: maybe}
extra: 1
`;
  const lines = problemsOf(text).map(({ place, line }) => [line, place]);
  assertEquals(lines, lines.toSorted((a, b) => Number(a[0]) - Number(b[0])));
  assertEquals(new Set(lines.map(([line]) => line)), new Set([1, 3, 6, 7, 8, 9, 14, 16, 17]));
});

Deno.test("readPolicy() gives each rule the line at which it begins", () => {
  const policy = load(`capabilities:
  - action: fs.read
    resource: /a
  # a comment

  - {action: fs.list, resource: /b}
deny:
  -
    action: fs.stat
    resource: /c
`);
  const [first, second, third] = policy.rules.map(({ line }) => line);
  assertEquals([first, second], [2, 6]);
  assert(third === 8 || third === 9, `${third}`);
});

Deno.test("readPolicy() tells the right line in every JSON layout", () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.integer(),
      fc.constantFrom("x", "a: b", "# c", "\\", '"', "'"),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("k", "l m", "n:", "#"), tie("any"), { maxKeys: 3 }),
    ),
  })).any;
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 3 }),
      fc.array(value, { maxLength: 3 }),
      fc.constantFrom(1, 2, 8, "\t"),
      (before, after, indent) => {
        const constraint = { a: { in: [0, ...before] }, b: { MARK: 1 }, c: { in: [0, ...after] } };
        const text = JSON.stringify(
          { capabilities: [{ action: "mcp.call", resource: "s/t", constraint }] },
          null,
          indent,
        );
        const line = text.split("\n").findIndex((one) => one.includes("MARK")) + 1;
        assertEquals(problemsOf(text).map((problem) => problem.line), [line]);
      },
    ),
  );
});
