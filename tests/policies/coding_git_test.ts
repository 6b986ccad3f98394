import { assert, assertEquals } from "@std/assert";
import { explainRequest } from "../../src/policy_tools/explained_request.ts";
import { resolveOptions } from "../../src/resolve.ts";
import { ROOT, Workspace } from "../workspace.ts";

const SECRET = "hunter22-of-the-stage";

/** Ways to look at a repository; what the preset allows of them is run. */
const LINES: readonly string[] = [
  "diff",
  "diff --stat",
  "diff -w --no-color",
  "diff --cached",
  "diff --staged --patch",
  "diff --name-only --cached",
  "diff --name-status --staged",
  "diff --stat --cached -p",
  "diff --stat HEAD",
  "diff HEAD",
  "diff @",
  "diff -w HEAD",
  "diff HEAD -- .",
  "diff -- .",
  "diff -- a.txt",
  "diff --no-color -- a.txt",
  "diff -U5 -- a.txt",
  "diff -U5 HEAD",
  "diff --word-diff HEAD",
  "diff -- .env",
  "diff main",
  "diff :.env a.txt",
  "diff --no-index a.txt .env",
  "status",
  "status -s",
  "status -v",
  "status -vv",
  "log --oneline",
  "log -p",
  "log --stat",
  "show",
  "show :.env",
  "ls-files",
  "ls-files -s",
  "cat-file -p :.env",
  "grep --cached hunter",
  "stash show -p",
];

Deno.test("what the preset for coding agents allows of git does not show a secret that was staged", async () => {
  using ws = new Workspace();
  const repo = ws.folder("repo");
  const git = async (...args: string[]) => {
    const { stdout, stderr } = await new Deno.Command("git", {
      args: ["-c", "user.name=t", "-c", "user.email=t@t", ...args],
      cwd: repo,
      env: { GIT_PAGER: "cat" },
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  };
  await git("init", "-q", "-b", "main");
  ws.file("repo/a.txt", "one\n");
  await git("add", "a.txt");
  await git("commit", "-qm", "a");
  ws.file("repo/a.txt", "two\n");
  ws.file("repo/.env", `KEY=${SECRET}\n`);
  await git("add", ".env");
  // It is there to be seen.
  assert((await git("diff", "--cached")).includes(SECRET));

  const resolved = resolveOptions({
    policy: new URL(`file://${ROOT}/policies/agents/coding.yaml`),
    variables: { REPO: repo },
    base: repo,
    logPath: ws.path("k.log"),
    searchPath: ["/usr/bin", "/bin"],
  });
  const allowed: string[] = [];
  for (const line of LINES) {
    const args = line.split(" ");
    const request = { action: "proc.exec", target: "git", params: { args, cwd: repo } };
    const { explanation } = explainRequest(request, resolved);
    if (explanation.authorized?.decision.effect !== "allow") continue;
    allowed.push(line);
    assertEquals((await git(...args)).includes(SECRET), false, line);
  }
  // What an agent needs is among them.
  for (
    const line of ["diff", "diff -- a.txt", "diff --name-only --cached", "status", "log --oneline"]
  ) {
    assert(allowed.includes(line), `${line}: ${allowed.join(", ")}`);
  }
});
