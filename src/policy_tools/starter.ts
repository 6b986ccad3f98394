/**
 * A first policy for agents that work in a folder.
 *
 * @module
 */
import { comment, SCHEMA_LINE, section, type WrittenItem } from "./policy_text.ts";
import { GUIDING_FILES, GUIDING_FOLDERS, SECRET_FILES, SECRET_FOLDERS } from "./sensitive.ts";

/** What agents are to be allowed. */
export interface StarterAnswers {
  readonly writes: boolean;
  readonly git: "none" | "look" | "commit";
  /** Command lines of programs, each as its words. */
  readonly scripts: readonly (readonly string[])[];
  /** Patterns of URLs that may be read. */
  readonly urls: readonly string[];
  /** Names of MCP servers. */
  readonly servers: readonly string[];
  /** Whether it is only tried. */
  readonly shadow: boolean;
}

const CWD = { exists: true };

function rule(
  comments: readonly string[],
  entries: Readonly<Record<string, unknown>>,
): WrittenItem {
  return { comments, entries: Object.entries(entries) };
}

/** The text of the policy; relative patterns, so that the folder can be moved. */
export function starterPolicy(answers: StarterAnswers): string {
  const { writes, git, scripts, urls, servers, shadow } = answers;
  const byProgram = Map.groupBy(scripts, ([program = ""]) => program);
  const capabilities = [
    rule(["Everything in this folder can be read, but for what is denied below"], {
      id: "read",
      action: ["fs.read", "fs.list", "fs.stat"],
      resource: [".", "./**"],
    }),
    ...writes
      ? [rule(["and changed"], {
        id: "write",
        action: ["fs.write", "fs.mkdir", "fs.delete", "fs.move"],
        resource: "./**",
      })]
      : [],
    ...gitRules(git),
    ...Array.from(
      byProgram,
      ([program, all]) =>
        rule([
          "Scripts of the project, word for word: whoever changes its files decides what they do",
        ], {
          id: `run-${program}`,
          action: "proc.exec",
          resource: program,
          constraint: { cwd: CWD, args: { in: all.map(([, ...args]) => args) } },
        }),
    ),
    ...urls.length === 0 ? [] : [rule(["Read, and nothing sent"], {
      id: "web",
      action: "net.http",
      resource: urls,
      constraint: { method: "GET" },
    })],
    ...servers.length === 0
      ? []
      : [rule(["Tools of MCP servers: each of them, until you name those that you mean"], {
        id: "mcp",
        action: "mcp.call",
        resource: servers.map((name) => `${name}/**`),
      })],
  ];
  const changing = ["fs.write", "fs.delete", "fs.mkdir", "fs.move"];
  const deny = [
    rule([], {
      id: "secrets",
      action: "fs.*",
      resource: [`./**/{${SECRET_FILES.join(",")}}`, `./**/{${SECRET_FOLDERS.join(",")}}/**`],
      reason: "secrets are not for agents",
    }),
    ...writes
      ? [rule(["Who writes there decides what git, editors and agents run"], {
        id: "settings",
        action: changing,
        resource: [`./**/{${GUIDING_FILES.join(",")}}`, `./**/{${GUIDING_FOLDERS.join(",")}}/**`],
        reason: "what stands there is obeyed by git, editors and agents",
      })]
      : [],
  ];
  const example = (action: string, target: string, expect: string, more: object = {}) =>
    rule([], { action, target, ...more, expect });
  const examples = [
    example("fs.read", "src/example.txt", "allow"),
    example("fs.read", ".env", "deny"),
    example("fs.read", "../example.txt", "deny"),
    example("fs.write", "src/example.txt", writes ? "allow" : "deny"),
    example("fs.write", ".git/config", "deny"),
    example("net.http", "https://example.invalid/", "deny"),
  ];
  return `${
    [
      SCHEMA_LINE,
      comment(
        "What agents may do in this folder. What no rule allows is denied; a deny rule beats every allow.",
      ),
      comment("All keys: docs/policy.md. After a change: agent-kernel test-policy policy.yaml"),
      "version: 1",
      ...shadow
        ? [
          "# Tried only: what would be denied is done, and recorded. Take this line out to enforce it.",
          "mode: shadow",
        ]
        : [],
      ...section("capabilities", capabilities),
      ...section("deny", deny),
      "",
      comment("Decided each time the policy is loaded; one that does not hold refuses it"),
      ...section("examples", examples).slice(1),
    ].join("\n")
  }\n`;
}

/** As in `policies/agents/coding.yaml`: options that run programs are none of these. */
function gitRules(git: StarterAnswers["git"]): WrittenItem[] {
  if (git === "none") return [];
  const refuse = ["%G", "%+G", "%-G", "% G", ":"];
  const look = [
    rule(["git looks at the history; files that it names are decided like fs.read"], {
      id: "git-look",
      action: "proc.exec",
      resource: "git",
      paths: { first: "none", operands: "fs.read", refuse },
      constraint: {
        "cwd": CWD,
        "args.0": { in: ["status", "log", "ls-files", "rev-parse"] },
        "args": {
          max_length: 50,
          options: [
            "--{oneline,stat,name-only,name-status,porcelain,short,branch,show-toplevel,abbrev-ref}",
            "-{s,b,n}",
            "-{,n}[0-9]",
            "-{,n}[0-9][0-9]",
          ],
        },
      },
    }),
    rule(
      ["git diff --no-ext-diff --no-textconv: without these it runs programs of the repository"],
      {
        id: "git-diff",
        action: "proc.exec",
        resource: "git",
        paths: { first: "none", operands: "fs.read", refuse },
        constraint: {
          "cwd": CWD,
          "args": {
            // Else the configuration of the repository would name programs that it runs.
            prefix: ["diff", "--no-ext-diff", "--no-textconv"],
            max_length: 50,
            options: [
              "--{stat,name-only,name-status,no-ext-diff,no-textconv,cached,staged}",
              "-U[0-9]",
            ],
          },
        },
      },
    ),
  ];
  if (git === "look") return look;
  return [
    ...look,
    rule([], {
      id: "git-commit",
      action: "proc.exec",
      resource: "git",
      paths: { first: "none", operands: "fs.read", values: ["-m", "--message"] },
      constraint: {
        "cwd": CWD,
        "args.0": { in: ["add", "commit"] },
        "args": { max_length: 50, options: ["-{m,v,q}", "--{message,quiet,verbose}"] },
      },
    }),
  ];
}
