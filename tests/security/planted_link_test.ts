/**
 * Links that somebody whom the policy lets write has put where a rule's pattern leads through: at the
 * next load the pattern still means the place that it names. Each attack stands beside its near miss,
 * the same link where nobody could have planted it.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ActionResult, impliedPermissions, Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { processPermissions } from "../../src/launch/process_permissions.ts";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import type { PolicyWithExamples } from "../../src/policy_tools/read.ts";
import { effectOn, load, outsideCheckouts } from "../core/policy/deciding.ts";
import { agentKernel } from "../cli/command_line.ts";
import { testInSandbox } from "../providers/process/programs.ts";
import { run, Workspace } from "../workspace.ts";

const WORLD = outsideCheckouts(denoWorld({ searchPath: ["/usr/bin", "/bin"] }));
const FILES = {
  actions: ["fs.read", "fs.write", "fs.move", "fs.list", "fs.stat", "fs.mkdir", "fs.delete"],
};

type Rule = readonly [action: string | readonly string[], resource: string | readonly string[]];

/** `$` stands for the workspace, in which `out` is what no rule names. */
interface Row {
  readonly cell: string;
  readonly links: readonly (readonly [link: string, goal: string])[];
  /** Files that are made besides. */
  readonly files?: readonly string[];
  readonly allow: readonly Rule[];
  readonly deny?: readonly Rule[];
  readonly changeable?: readonly string[];
  /** The action and target, in the last place a `cwd`. */
  readonly asks: readonly [action: string, target: string, cwd?: string];
  readonly expected: "allow" | "deny";
  /** The link that a warning names; none if all are followed. */
  readonly warns?: string;
}

const READ: Rule = ["fs.read", "$/w/inbox/**"];
const WRITES: Rule = ["fs.write", "$/w/**"];
const OUT = ["w/inbox", "$/out"] as const;
const SECRET = ["fs.read", "$/w/inbox/secret"] as const;

// deno-fmt-ignore -- a row is a line
const ROWS: readonly Row[] = [
  { cell: "a folder in a folder that may be written", links: [OUT], allow: [WRITES, READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a folder in a folder that may be read", links: [OUT], allow: [["fs.read", "$/w/**"], READ], asks: SECRET, expected: "allow" },
  { cell: "the real path behind it", links: [OUT], allow: [WRITES, READ], asks: ["fs.read", "$/out/secret"], expected: "deny", warns: "w/inbox" },
  { cell: "the real path behind a trusted link", links: [OUT], allow: [READ], asks: ["fs.read", "$/out/secret"], expected: "allow" },
  { cell: "a folder beside one that may be written", links: [OUT], allow: [["fs.write", "$/work/**"], READ], asks: SECRET, expected: "allow" },
  { cell: "the folder itself that may be written", links: [["w", "$/out"]], allow: [WRITES], asks: ["fs.write", "$/w/secret"], expected: "allow" },
  { cell: "a file", links: [["w/f", "$/out/secret"]], allow: [WRITES, ["fs.read", "$/w/f"]], asks: ["fs.read", "$/w/f"], expected: "deny", warns: "w/f" },
  { cell: "a file that only reading is allowed on", links: [["w/f", "$/out/secret"]], allow: [["fs.read", "$/w/f"]], asks: ["fs.read", "$/w/f"], expected: "allow" },
  { cell: "a file that may itself be written", links: [["w/f", "$/out/secret"]], allow: [["fs.*", "$/w/f"]], asks: ["fs.read", "$/w/f"], expected: "deny", warns: "w/f" },
  { cell: "a name in the middle", links: [OUT], files: ["out/a/f"], allow: [WRITES, ["fs.read", "$/w/inbox/a/**"]], asks: ["fs.read", "$/w/inbox/a/f"], expected: "deny", warns: "w/inbox" },
  { cell: "a name in the middle, trusted", links: [OUT], files: ["out/a/f"], allow: [["fs.read", "$/w/inbox/a/**"]], asks: ["fs.read", "$/w/inbox/a/f"], expected: "allow" },
  { cell: "a relative goal", links: [["w/inbox", "../out"]], allow: [WRITES, READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a relative goal, trusted", links: [["w/inbox", "../out"]], allow: [READ], asks: SECRET, expected: "allow" },
  { cell: "a goal that climbs out of a name", links: [["w/inbox", "../out/../out"]], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a dangling link", links: [["w/inbox", "$/out/none"]], allow: [WRITES, ["fs.write", "$/w/inbox/**"]], asks: ["fs.write", "$/w/inbox/new"], expected: "deny", warns: "w/inbox" },
  { cell: "a dangling link, trusted", links: [["w/inbox", "$/out/none"]], allow: [["fs.write", "$/w/inbox/**"]], asks: ["fs.write", "$/w/inbox/new"], expected: "allow" },
  { cell: "a name below what is not there", links: [OUT], allow: [WRITES, ["fs.write", "$/w/inbox/none/**"]], asks: ["fs.write", "$/w/inbox/none/f"], expected: "deny", warns: "w/inbox" },
  { cell: "a name below what is not there, trusted", links: [OUT], allow: [["fs.write", "$/w/inbox/none/**"]], asks: ["fs.write", "$/w/inbox/none/f"], expected: "allow" },
  { cell: "a chain of planted links", links: [["w/inbox", "m"], ["w/m", "$/out"]], allow: [WRITES, READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a trusted link to a planted one", links: [["cur", "$/w/inbox"], OUT], allow: [WRITES, ["fs.read", "$/cur/**"]], asks: ["fs.read", "$/cur/secret"], expected: "deny", warns: "w/inbox" },
  { cell: "a trusted link to a trusted one", links: [["cur", "$/w/inbox"], OUT], allow: [["fs.read", "$/cur/**"]], asks: ["fs.read", "$/cur/secret"], expected: "allow" },
  { cell: "a trusted link above a planted one", links: [["alias", "$/w"], OUT], allow: [WRITES, ["fs.read", "$/alias/inbox/**"]], asks: ["fs.read", "$/alias/inbox/secret"], expected: "deny", warns: "alias/inbox" },
  { cell: "what may be written under another name", links: [["alias", "$/w"], OUT], allow: [["fs.write", "$/alias/**"], READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "what may be written, both under another name", links: [["alias", "$/w"], OUT], allow: [["fs.write", "$/alias/**"], ["fs.read", "$/alias/inbox/**"]], asks: ["fs.read", "$/alias/inbox/secret"], expected: "deny", warns: "alias/inbox" },
  { cell: "what may be read under another name", links: [["alias", "$/w"], OUT], allow: [["fs.read", "$/alias/**"], READ], asks: SECRET, expected: "allow" },
  { cell: "two planted links, the first makes nothing changeable", links: [["w/a", "$"], ["cur", "$/out"]], allow: [WRITES, ["fs.write", "$/w/a/**"], ["fs.read", "$/cur/**"]], asks: ["fs.read", "$/cur/secret"], expected: "allow", warns: "w/a" },
  { cell: "a folder where things may be moved", links: [OUT], allow: [["fs.move", "$/w/**"], READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a folder where things may be deleted", links: [OUT], allow: [["fs.delete", "$/w/**"], READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a folder where folders may be made", links: [OUT], allow: [["fs.mkdir", "$/w/**"], READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a folder that may be listed", links: [OUT], allow: [[["fs.list", "fs.stat"], "$/w/**"], READ], asks: SECRET, expected: "allow" },
  { cell: "a folder in which a pattern may be written", links: [OUT], allow: [["fs.write", "$/w/in*"], READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "the whole file system may be written", links: [OUT], allow: [["fs.write", "/**"], READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a home of programs", links: [OUT], allow: [READ], changeable: ["$/w"], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a home of programs elsewhere", links: [OUT], allow: [READ], changeable: ["$/home"], asks: SECRET, expected: "allow" },
  { cell: "a checkout", links: [OUT], files: ["w/.git/HEAD"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout beside", links: [OUT], files: ["repo/.git/HEAD"], allow: [READ], asks: SECRET, expected: "allow" },
  { cell: "a working tree, whose .git is a file", links: [OUT], files: ["w/.git"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout with .hg", links: [OUT], files: ["w/.hg/dirstate"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout with .svn", links: [OUT], files: ["w/.svn/wc.db"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout with .jj", links: [OUT], files: ["w/.jj/repo/x"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout with .sl", links: [OUT], files: ["w/.sl/x"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout with .bzr", links: [OUT], files: ["w/.bzr/x"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout with .fslckout", links: [OUT], files: ["w/.fslckout"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout with _FOSSIL_", links: [OUT], files: ["w/_FOSSIL_"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout with CVS", links: [OUT], files: ["w/CVS/Root"], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a checkout beside one of Mercurial", links: [OUT], files: ["repo/.hg/dirstate", "w/.hgignore"], allow: [READ], asks: SECRET, expected: "allow" },
  { cell: "a checkout whose .git is a link to nowhere", links: [OUT, ["w/.git", "$/none"]], allow: [READ], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "deep in a checkout", links: [["w/a/b/docs", "$/out"]], files: ["w/.git/HEAD"], allow: [["fs.read", "$/w/a/b/docs/**"]], asks: ["fs.read", "$/w/a/b/docs/secret"], expected: "deny", warns: "w/a/b/docs" },
  { cell: "a checkout under another name", links: [["alias", "$/w/a"], ["w/a/docs", "$/out"]], files: ["w/.git/HEAD"], allow: [["fs.read", "$/alias/docs/**"]], asks: ["fs.read", "$/alias/docs/secret"], expected: "deny", warns: "alias/docs" },
  { cell: "a link to a checkout", links: [["cur", "$/repo"]], files: ["repo/.git/HEAD", "repo/f"], allow: [["fs.read", "$/cur/**"]], asks: ["fs.read", "$/cur/f"], expected: "allow" },
  { cell: "a link that is a checkout's own name", links: [["w/repo", "$/out"]], files: ["out/.git/HEAD"], allow: [["fs.read", "$/w/repo/**"]], asks: ["fs.read", "$/w/repo/secret"], expected: "allow" },

  { cell: "a listing of the folder", links: [OUT], allow: [WRITES, ["fs.list", "$/w/inbox"]], asks: ["fs.list", "$/w/inbox"], expected: "deny", warns: "w/inbox" },
  { cell: "a listing of the folder, trusted", links: [OUT], allow: [["fs.list", "$/w/inbox"]], asks: ["fs.list", "$/w/inbox"], expected: "allow" },
  { cell: "a deletion behind it", links: [OUT], allow: [WRITES, ["fs.delete", "$/w/inbox/**"]], asks: ["fs.delete", "$/w/inbox/secret"], expected: "deny", warns: "w/inbox" },
  { cell: "a deletion behind it, trusted", links: [OUT], allow: [["fs.delete", "$/w/inbox/**"]], asks: ["fs.delete", "$/w/inbox/secret"], expected: "allow" },
  { cell: "a deletion of what a link leads to", links: [["w/f", "$/out/secret"]], allow: [["fs.delete", "$/w/f"]], asks: ["fs.delete", "$/out/secret"], expected: "deny", warns: "w/f" },
  { cell: "a deletion of the link itself", links: [["w/f", "$/out/secret"]], allow: [["fs.delete", "$/w/f"]], asks: ["fs.delete", "$/w/f"], expected: "allow", warns: "w/f" },
  { cell: "a working directory", links: [OUT], allow: [WRITES, ["fs.read", "$/w/inbox"], ["proc.exec", "true"]], asks: ["proc.exec", "true", "$/w/inbox"], expected: "deny", warns: "w/inbox" },
  { cell: "a working directory, trusted", links: [OUT], allow: [["fs.read", "$/w/inbox"], ["proc.exec", "true"]], asks: ["proc.exec", "true", "$/w/inbox"], expected: "allow" },
  { cell: "a variable", links: [OUT], allow: [WRITES, ["fs.read", "${WS}/w/inbox/**"]], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "braces", links: [OUT], allow: [WRITES, ["fs.read", "$/w/{none,inbox}/**"]], asks: SECRET, expected: "deny", warns: "w/inbox" },
  { cell: "a deny rule for the goal's name keeps both forms", links: [OUT], allow: [WRITES, ["fs.read", "$/**"]], deny: [["fs.read", "$/w/inbox/**"]], asks: ["fs.read", "$/out/secret"], expected: "deny" },
  { cell: "a deny rule elsewhere", links: [OUT], allow: [WRITES, ["fs.read", "$/**"]], deny: [["fs.read", "$/w/other/**"]], asks: ["fs.read", "$/out/secret"], expected: "allow" },
  { cell: "a rule that names the goal too", links: [OUT], allow: [WRITES, READ, ["fs.read", "$/out/**"]], asks: SECRET, expected: "allow", warns: "w/inbox" },
];

function build({ links, files = [] }: Row): Workspace {
  const ws = new Workspace();
  ws.file("out/secret", "secret");
  for (const name of files) ws.file(name);
  for (const [name, goal] of links) ws.link(name, goal.replace("$", ws.root));
  return ws;
}

function loadRow(ws: Workspace, { allow, deny = [], changeable = [] }: Row): PolicyWithExamples {
  const path = (text: string) => text.replace(/^\$(?=\/|$)/, ws.root);
  const rules = (list: readonly Rule[]) =>
    list.map(([action, resource]) => ({ action, resource: [resource].flat().map(path) }));
  return load({ capabilities: rules(allow), deny: rules(deny) }, {
    world: WORLD,
    variables: { WS: ws.root },
    changeable: changeable.map(path),
  });
}

/** What a process under the policy could read and change. */
function reach(policy: PolicyWithExamples): string[] {
  const { read, write } = processPermissions(policy, [FILES]).allow;
  return [read, write].flatMap((grants) => grants === true ? ["/"] : grants);
}

for (const row of ROWS) {
  const { cell, asks: [action, target, cwd], expected, warns } = row;
  Deno.test(`A link on the way of a pattern: ${cell} → ${expected}`, () => {
    using ws = build(row);
    const policy = loadRow(ws, row);
    const at = (text: string) => text.replace("$", ws.root);
    const params = cwd === undefined ? {} : { cwd: at(cwd) };
    assertEquals(effectOn(policy, action, at(target), params, WORLD), expected);
    const warnings = policy.warnings.filter((line) => line.includes("which is not followed"));
    const names = row.allow.some(([, resource]) => resource === "$/out/**" || resource === "$/**");
    if (warns === undefined) assertEquals(warnings, []);
    else {
      const goal = row.links.find(([name]) =>
        name === warns || warns === name.replace("w/", "alias/") ||
        warns === name.replace("w/a/", "alias/")
      )?.[1] ?? "";
      assertEquals(warnings.length, 1, warnings.join("\n"));
      assertStringIncludes(warnings[0] ?? "", `the link "${ws.path(warns)}" -> "${at(goal)}"`);
    }
    const isOutside = (path: string) => path === ws.path("out") || path.startsWith(ws.path("out/"));
    // A trusted link, or another rule, gives the goal; a planted one never.
    if (warns !== undefined && !names && expected === "deny") {
      assertEquals(reach(policy).filter(isOutside), []);
    }
  });
}

Deno.test("a warning of a link shows what its goal would hide", () => {
  using ws = new Workspace();
  ws.link("w/inbox", "/etc\n\x1b[2Kagent-kernel: all is well");
  const row = { allow: [WRITES, READ] } as unknown as Row;
  const { warnings } = loadRow(ws, row);
  assertStringIncludes(warnings.join("\n"), '-> "/etc\\u000a\\u001b[2Kagent-kernel');
  assertEquals(warnings.join().includes("\x1b"), false);
});

for (const question of ["realPath", "readLink"] as const) {
  Deno.test(`a link that appears while a policy is loaded, after any ${question}, is not followed`, () => {
    // The link appears after each of the looks at its place in turn.
    for (let turn = 1, asked = Infinity; turn <= asked; turn++) {
      using ws = new Workspace();
      ws.file("out/secret", "secret");
      ws.folder("w");
      asked = 0;
      const look = (path: string) => {
        const answer = WORLD[question](path);
        if (path === ws.path("w/inbox") && ++asked === turn) ws.link("w/inbox", ws.path("out"));
        return answer;
      };
      const rules = [WRITES, READ].map(([action, resource]) => ({
        action,
        resource: String(resource).replace("$", ws.root),
      }));
      const policy = load({ capabilities: rules }, { world: { ...WORLD, [question]: look } });
      assert(asked > 0);
      assertEquals(reach(policy).filter((path) => path.startsWith(ws.path("out"))), []);
      assertEquals(effectOn(policy, "fs.read", ws.path("out/secret"), {}, WORLD), "deny");
    }
  });
}

const CASE = [
  { action: ["fs.write", "fs.list"], resource: "$/work/**" },
  { action: "fs.read", resource: ["$/work", "$/work/inbox/**"] },
  { action: "proc.exec", resource: "tar", constraint: { args: { prefix: ["-xf"] } } },
];

function caseOptions(ws: Workspace, warnings: string[] = []) {
  const text = JSON.stringify({ capabilities: CASE }).replaceAll("$", ws.root);
  return {
    policy: JSON.parse(text) as object,
    providers: [new FilesystemProvider(), new ProcessProvider({ sandbox: "required" })],
    logPath: ws.path("log/kernel.log"),
    searchPath: ["/usr/bin", "/bin"],
    onWarning: (line: string) => warnings.push(line),
  };
}

function code({ status, code }: ActionResult): string {
  return status === "OK" ? "OK" : code ?? "";
}

testInSandbox("an archive with a link, unpacked by a program, widens nothing", async () => {
  using ws = new Workspace();
  for (const folder of ["work", "log", "pack", "etc"]) ws.folder(folder);
  const secret = ws.file("etc/passwd", "root:x:0:0");
  ws.link("pack/inbox", ws.path("etc"));
  run(
    "python3",
    "-c",
    "import sys, tarfile; tar = tarfile.open(sys.argv[1], 'w'); tar.add(sys.argv[2], 'inbox'); tar.close()",
    ws.path("work/evil.tar"),
    ws.path("pack/inbox"),
  );
  const before = impliedPermissions(caseOptions(ws));
  const warnings: string[] = [];
  await using kernel = await Kernel.open(caseOptions(ws, warnings));
  const read = { action: "fs.read", target: secret };
  const attempts = [
    read,
    { action: "fs.read", target: ws.path("work/inbox/passwd") },
    { action: "fs.list", target: ws.path("work/inbox") },
    {
      action: "proc.exec",
      target: "tar",
      params: { args: ["-xf", ws.path("work/evil.tar")], cwd: ws.path("work/inbox") },
    },
  ];
  assertEquals(code(await kernel.submit(read)), "NO_RULE");
  const args = ["-xf", ws.path("work/evil.tar")];
  const unpacked = await kernel.submit({
    action: "proc.exec",
    target: "tar",
    params: { args, cwd: ws.path("work") },
  });
  assertEquals((unpacked.data as { stderr: string } | undefined)?.stderr, "", unpacked.error);
  assertEquals(Deno.readLinkSync(ws.path("work/inbox")), ws.path("etc"));
  const said = warnings.length;
  await kernel.reload(caseOptions(ws).policy);
  const news = warnings.slice(said).join("\n");
  assertStringIncludes(news, `"${ws.path("work/inbox")}" -> "${ws.path("etc")}"`);
  for (const request of attempts) {
    assertEquals(code(await kernel.submit(request)), "NO_RULE", JSON.stringify(request));
  }
  await kernel.close();
  {
    await using next = await Kernel.open(caseOptions(ws));
    for (const request of attempts) {
      assertEquals(code(await next.submit(request)), "NO_RULE", JSON.stringify(request));
    }
    const own = await next.submit({
      action: "fs.write",
      target: ws.path("work/note"),
      params: { content: "fine" },
    });
    assertEquals(code(own), "OK", own.error);
  }
  assertEquals(impliedPermissions(caseOptions(ws)).flags, before.flags);
  assertEquals(impliedPermissions(caseOptions(ws)).workers, before.workers);
});

Deno.test("a cloned repository that holds a link widens nothing, by no command of the command line", async () => {
  using ws = new Workspace();
  const key = ws.file("home/.ssh/id", "key");
  ws.file("source/README.md", "read me");
  // The second process may look at the goal, for another rule, but not for a checkout.
  ws.file(
    "policy.yaml",
    `capabilities:
  - { action: fs.read, resource: ./repo/docs/** }
  - { action: fs.stat, resource: ./home/** }
`,
  );
  const options = ["--policy", ws.path("policy.yaml"), "--log-path", ws.path("kernel.log")];
  const before = await agentKernel("permissions", ...options);
  const git = (...args: string[]) =>
    run("git", "-c", "user.name=t", "-c", "user.email=t@example.com", ...args);
  ws.link("source/docs", "../home/.ssh");
  git("init", "-q", ws.path("source"));
  git("-C", ws.path("source"), "add", ".");
  git("-C", ws.path("source"), "commit", "-qm", "docs");
  git("clone", "-q", ws.path("source"), ws.path("repo"));
  assertEquals(Deno.readTextFileSync(ws.path("repo/docs/id")), "key");
  const after = await agentKernel("permissions", ...options);
  assertEquals([after.code, after.stdout], [0, before.stdout]);
  assertStringIncludes(after.stderr, `"${ws.path("repo/docs")}" -> "../home/.ssh"`);
  for (const target of [key, ws.path("repo/docs/id")]) {
    const { stdout } = await agentKernel(
      ...["submit", ...options, "--action", "fs.read", "--target", target],
    );
    assertEquals((JSON.parse(stdout) as ActionResult).code, "NO_RULE", stdout);
    const { code } = await agentKernel(
      ...["explain", ...options, "--action", "fs.read", "--target", target],
    );
    assertEquals(code, 2);
  }
});

testInSandbox("a sandbox shows nothing that a planted link leads to, and says so", async () => {
  using ws = new Workspace();
  ws.file("out/secret", "secret");
  ws.file("plain/f", "plain");
  ws.link("repo/docs", ws.path("out"));
  ws.folder("log");
  const warnings: string[] = [];
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: "fs.read", resource: [ws.path("repo/docs/**"), ws.path("plain/**")] },
        { action: "proc.exec", resource: "/bin/sh" },
      ],
    },
    providers: [new ProcessProvider({ sandbox: "required" })],
    logPath: ws.path("log/kernel.log"),
    onWarning: (line) => warnings.push(line),
  });
  const cat = async (name: string) => {
    const args = ["-c", `cat ${ws.path(name)}`];
    const { data, error } = await kernel.submit({
      action: "proc.exec",
      target: "/bin/sh",
      params: { args },
    });
    assert(data !== undefined, error);
    return data as { stdout: string; hidden?: string[] };
  };
  assertEquals((await cat("repo/docs/secret")).stdout, "");
  assertEquals((await cat("out/secret")).stdout, "");
  const { stdout, hidden } = await cat("plain/f");
  assertEquals([stdout, hidden], ["plain", [ws.path("repo/docs")]]);
  const told = warnings.find((line) => line.includes("programs do not see"));
  assertStringIncludes(told ?? "", `"${ws.path("repo/docs")}"`);
});
