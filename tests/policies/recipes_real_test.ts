/** What the recipes say of the tools, seen with the tools themselves. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { authorizeWithPaths } from "../../src/argument_paths/decision.ts";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import { load } from "../core/policy/deciding.ts";
import { Programs, testInSandbox } from "../providers/process/programs.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { EVERYDAY } from "./everyday.ts";

const recipeText = (tool: string) =>
  Deno.readTextFileSync(join(ROOT, "policies/recipes", `${tool}.yaml`));

/** The environment that the recipe for git asks for, as its comment has it. */
const GIT_ENV: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from(
    recipeText("git").matchAll(/(GIT_\w+): "([^"]*)"/g),
    ([, name = "", value = ""]) => [name, value],
  ),
);

interface Ended {
  readonly code: number;
  readonly text: string;
}

/** Runs a tool with no more of an environment than a kernel gives it. */
function run(
  cwd: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Ended {
  const { code, stdout, stderr } = new Deno.Command("/bin/sh", {
    args: ["-c", 'exec "$@"', "sh", ...words],
    cwd,
    clearEnv: true,
    env: { ...env, PATH: "/usr/bin:/bin" },
    stdin: "null",
  }).outputSync();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

const PLAIN_GIT = { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };

/** A repository whose configuration names programs wherever git may run one; each leaves its name. */
class HostileRepository extends Workspace {
  readonly repository: string;

  constructor() {
    super();
    this.repository = this.folder("repository");
    const git = (...words: string[]) => {
      const { code, text } = run(this.repository, ["git", ...words], PLAIN_GIT);
      assertEquals(code, 0, `git ${words.join(" ")}: ${text}`);
      return text.trim();
    };
    git("init", "-q", "-b", "main");
    git("config", "user.email", "a@b.test");
    git("config", "user.name", "a");
    this.file("repository/src/a.ts", "one\n");
    this.file("repository/.gitattributes", "*.ts diff=driver filter=driver\n");
    git("add", ".");
    git("commit", "-qm", "one");
    this.file("repository/src/a.ts", "two\n");
    git("commit", "-qam", "two");
    // A signed commit: the signature is for a program to check.
    const [headers = "", ...message] = git("cat-file", "commit", "HEAD").split("\n\n");
    const signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----";
    const signed = `${headers}\n${signature}\n\n${message.join("\n\n")}\n`;
    const object = git("hash-object", "-t", "commit", "-w", this.file("signed", signed));
    git("update-ref", "refs/heads/main", object);
    git("branch", "feature/x", "HEAD~1");
    git("update-ref", "refs/remotes/origin/main", "HEAD~1");
    git("tag", "v1", "HEAD~1");
    const programs: Record<string, string> = {
      "diff.external": "external",
      "diff.driver.command": "command",
      "diff.driver.textconv": "textconv",
      "filter.driver.clean": "clean",
      "gpg.program": "gpg",
      "gpg.ssh.program": "gpg_ssh",
      "core.fsmonitor": "fsmonitor",
      "core.pager": "pager",
      "core.sshCommand": "ssh",
      "core.alternateRefsCommand": "alternates",
      "trailer.sign.command": "trailer",
    };
    for (const [key, name] of Object.entries(programs)) {
      // A transport waits for git, which waits for the transport.
      const filters = name === "ssh" ? "" : "cat 2>/dev/null\n";
      const script = `#!/bin/sh\necho ${name} >> ${this.path("ran")}\n${filters}exit 0\n`;
      const path = this.file(`programs/${name}`, script);
      run(this.root, ["chmod", "+x", path]);
      git("config", key, path);
    }
    this.folder("repository/.git/hooks");
    const hook = this.file(
      "repository/.git/hooks/post-index-change",
      `#!/bin/sh\necho hook >> ${this.path("ran")}\n`,
    );
    run(this.root, ["chmod", "+x", hook]);
    git("config", "pretty.signed", "%G?");
  }

  /** The names of the programs that git ran. The file looks changed, with its size as it was. */
  programsOf(words: readonly string[], env: Readonly<Record<string, string>>): string[] {
    Deno.writeTextFileSync(this.path("ran"), "");
    this.file("repository/src/a.ts", "six\n");
    run(this.repository, ["git", ...words], env);
    return Array.from(new Set(Deno.readTextFileSync(this.path("ran")).split("\n")))
      .filter((name) => name !== "").sort();
  }
}

Deno.test("git runs programs of a repository's configuration where the recipe denies it", () => {
  using hostile = new HostileRepository();
  const ran = (line: string) => hostile.programsOf(line.split(" "), PLAIN_GIT);
  for (
    const format of ["--format=%G?", "--format=%+GS", "--pretty=format:%-GK", "--format=signed"]
  ) {
    assertEquals(ran(`log ${format}`), ["gpg"], format);
  }
  assertEquals(ran("log --show-signature"), ["gpg"]);
  assertEquals(ran("diff --no-textconv").includes("command"), true);
  assertEquals(ran("log -p").includes("textconv"), true);
  assertEquals(ran("log -S two").includes("textconv"), true);
  assertEquals(ran("blame src/a.ts").includes("textconv"), true);
  assertEquals(ran("diff --no-ext-diff --no-textconv").includes("fsmonitor"), true);
  assertEquals(ran("status").includes("fsmonitor"), true);
});

Deno.test("no line that the recipe for git allows runs one, but for the filters it names", async (t) => {
  using hostile = new HostileRepository();
  const policy = load(recipeText("git"), {
    world: denoWorld({}),
    variables: { WORKSPACE: hostile.root },
    enforceExamples: false,
  });
  const more = [
    "log --format=%H -i",
    "log --format=%(trailers:key=sign)%(describe)",
    "branch -vv",
    "log --no-ext-diff --no-textconv -p -S two",
    "log --no-ext-diff --no-textconv -G two",
    "show --no-ext-diff --no-textconv main",
    "show --no-ext-diff --no-textconv main:src/a.ts",
    "diff --no-ext-diff --no-textconv --word-diff",
    "diff --no-ext-diff --no-textconv --check",
    "diff --no-ext-diff --no-textconv --cached",
    "log --summary --numstat --follow src/a.ts",
    "ls-files -m",
    "rev-list --format=%an HEAD",
    "shortlog -sne HEAD",
    "show-ref --heads",
  ];
  const { GIT_CEILING_DIRECTORIES: _, ...env } = GIT_ENV;
  for (const line of [...EVERYDAY["git"] ?? [], ...more]) {
    await t.step(`git ${line}`, () => {
      const args = line.split(" ");
      const params = { args, cwd: hostile.repository };
      const request = { action: "proc.exec", target: "git", params };
      const { decision } = authorizeWithPaths(request, { policy, world: denoWorld({}) });
      assertEquals(decision.effect, "allow", decision.reason);
      const filters = ["worktree", "compare", "blame"].includes(decision.ruleId ?? "");
      const ran = hostile.programsOf(args, env);
      assertEquals(ran.filter((name) => !(filters && name === "clean")), []);
    });
  }
  assertEquals(hostile.programsOf(["log", "--format=%G?"], env), [], "the environment alone");
  assertEquals(hostile.programsOf(["status"], env), ["clean"], "not switched off");
});

Deno.test("the environment of the recipe for git keeps it from fetching what is missing", () => {
  using hostile = new HostileRepository();
  const { repository } = hostile;
  const git = (...words: string[]) => run(repository, ["git", ...words], PLAIN_GIT).text.trim();
  const blob = git("rev-parse", "main:src/a.ts");
  Deno.removeSync(join(repository, ".git/objects", blob.slice(0, 2), blob.slice(2)));
  const config = {
    "core.repositoryFormatVersion": "1",
    "extensions.partialClone": "origin",
    "remote.origin.promisor": "true",
    "remote.origin.url": `ext::${hostile.path("programs/ssh")}`,
    "protocol.ext.allow": "always",
  };
  for (const [key, value] of Object.entries(config)) git("config", key, value);
  const line = ["log", "-p", "--no-ext-diff", "--no-textconv"];
  assertEquals(hostile.programsOf(line, PLAIN_GIT), ["ssh"]);
  const { GIT_CEILING_DIRECTORIES: _, ...env } = GIT_ENV;
  assertEquals(hostile.programsOf(line, env), []);
});

Deno.test("the environment of the recipe for git holds in submodules, but for their filters", () => {
  using hostile = new HostileRepository();
  const sub = hostile.folder("repository/sub");
  const git = (cwd: string, ...words: string[]) => run(cwd, ["git", ...words], PLAIN_GIT);
  git(sub, "init", "-q", "-b", "main");
  git(sub, "config", "user.email", "a@b.test");
  git(sub, "config", "user.name", "a");
  hostile.file("repository/sub/a", "one\n");
  git(sub, "add", ".");
  git(sub, "commit", "-qm", "one");
  git(hostile.repository, "add", "sub");
  git(hostile.repository, "config", "--unset", "core.fsmonitor");
  git(sub, "config", "core.fsmonitor", hostile.path("programs/pager"));
  const module = '[submodule "sub"]\n\tpath = sub\n\turl = ./x\n\tignore = none\n';
  hostile.file("repository/.gitmodules", module);
  assert(hostile.programsOf(["status"], PLAIN_GIT).includes("pager"));
  const { GIT_CEILING_DIRECTORIES: _, ...env } = GIT_ENV;
  assertEquals(hostile.programsOf(["status"], env), ["clean"]);
});

Deno.test("the environment of the recipe for git counts its own entries", () => {
  const keys = Object.keys(GIT_ENV).filter((name) => name.startsWith("GIT_CONFIG_KEY_"));
  assertEquals(String(keys.length), GIT_ENV["GIT_CONFIG_COUNT"]);
  for (let i = 0; i < keys.length; i++) assert(`GIT_CONFIG_VALUE_${i}` in GIT_ENV, String(i));
});

Deno.test("policies/recipes/git.env has the variables of the recipe for git", () => {
  const lines = Deno.readTextFileSync(`${ROOT}/policies/recipes/git.env`).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const env = Object.fromEntries(lines.map((line) => line.split(/=(.*)/).slice(0, 2)));
  assertEquals({ ...env, GIT_CEILING_DIRECTORIES: "" }, {
    ...GIT_ENV,
    GIT_CEILING_DIRECTORIES: "",
  });
});

Deno.test("the everyday lines of the recipes are lines that the tools take", async (t) => {
  using ws = new Workspace();
  ws.file("outside/canary", "CANARY");
  const files = ["a.txt", "a.ts", "b.ts", "README.md", "package.json", "src/a.ts", "src/lib/x"];
  for (const name of [...files, "docs/a", "tests/a_test.ts", ".config/x", "node_modules/x"]) {
    ws.file(`work/${name}`, "TODO FIXME ../lib /usr/bin/env 5\n");
  }
  ws.folder("work/out");
  const work = ws.path("work");
  for (const tool of ["tar", "ls", "find", "grep"]) {
    for (const line of EVERYDAY[tool] ?? []) {
      if (line.includes("xz") || line.includes("J")) continue; // xz need not be installed.
      await t.step(`${tool} ${line}`, () => {
        const words = line.replaceAll("/workspace", work).replaceAll("/*", "/x").split(" ");
        const { code, text } = run(work, [tool, ...words.filter((word) => word !== "")]);
        // grep ends with 1 if it finds nothing, tar if the archive itself is in the folder.
        assert(code === 0 || code === 1 && ["grep", "tar"].includes(tool), `${code}: ${text}`);
        assert(!text.includes("CANARY"));
      });
    }
  }
});

Deno.test("a tool takes -- as the value of an option, which is why it is refused there", () => {
  using ws = new Workspace();
  ws.file("list", "secret\n");
  ws.file("a", "secret\n");
  assertEquals(run(ws.root, ["grep", "-h", "-e", "--", "-f", "list", "a"]).text, "secret\n");
  assertEquals(run(ws.root, ["grep", "-e", "secret", "a"]).text, "secret\n"); // a file, no pattern
});

Deno.test("the options that the recipes have as values take the next word, all of them", () => {
  using hostile = new HostileRepository();
  const world = denoWorld({});
  const variables = { WORKSPACE: hostile.root };
  const valuesOf = (tool: string, rule: string) => {
    const policy = load(recipeText(tool), { world, variables, enforceExamples: false });
    const { after } = policy.argumentPaths?.get(rule) ?? {};
    return Array.from(after ?? []).flatMap(([option, actions]) => actions.length > 0 ? [] : option);
  };
  const { GIT_CEILING_DIRECTORIES: _, ...env } = GIT_ENV;
  let count = 0;
  // A word that is no value would be a revision or a file that is not there.
  for (
    const [rule, command] of [
      ["history", "log"],
      ["history", "rev-list"],
      ["compare", "log"],
      ["compare", "show"],
      ["compare", "diff"],
      ["blame", "blame"],
    ] as const
  ) {
    for (const option of valuesOf("git", rule)) {
      if (command === "rev-list" && option === "-n") continue; // Wants a revision anyway.
      const value = command === "blame" ? "1,1" : "1";
      const operand = command === "blame" ? ["--no-textconv", "src/a.ts"] : ["main"];
      const { code, text } = run(
        hostile.repository,
        ["git", command, option, value, ...operand],
        env,
      );
      // diff takes the value too, and then has no use for a number of commits.
      const isUsage = command === "diff" && text.startsWith("usage:");
      assert(code === 0 || isUsage, `git ${command} ${option}: ${text}`);
      count++;
    }
  }
  hostile.file("lines", "1\nword\n");
  for (const rule of ["grep", "grep-e"]) {
    for (const option of valuesOf("grep", rule)) {
      const isPattern = ["-e", "--regexp"].includes(option);
      const words = isPattern ? [option, "word"] : [option, "1", "word"];
      const { code, text } = run(hostile.root, ["grep", ...words, "lines"]);
      // Without --include=1 it would be found.
      assertEquals(code, option === "--include" ? 1 : 0, `grep ${option}: ${text}`);
      count++;
    }
  }
  assert(count > 40, String(count));
});

/** Archives that nobody would pack. */
const ARCHIVES = `
import io, os, sys, tarfile
def archive(name, *members):
    with tarfile.open(os.path.join(sys.argv[1], name), "w") as tar:
        for kind, path, content in members:
            info = tarfile.TarInfo(path)
            if kind == "file":
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content.encode()))
            else:
                info.type = tarfile.SYMTYPE if kind == "link" else tarfile.LNKTYPE
                info.linkname = content
                tar.addfile(info)
archive("names.tar", ("file", "evil/.git/config", "EVIL"), ("file", ".git/hooks/x", "EVIL"),
    ("file", "./a/.git", "gitdir: b"), ("link", "b/.git", "c"), ("hard", "d/.git", "ok"),
    ("file", "p/q/.git/config", "EVIL"), ("file", "e\\n/.git/config", "EVIL"), ("file", "ok", "ok"))
archive("through.tar", ("link", "x", ".git"), ("file", "x/config", "EVIL"))
archive("link.tar", ("link", "y", "../repository/.git"))
archive("behind.tar", ("file", "y/config", "EVIL"), ("file", "y/new", "EVIL"))
archive("hard.tar", ("hard", "h", "../repository/.git/config"))
`;

function archives(ws: Workspace): void {
  const { code, text } = run(ws.root, ["python3", "-c", ARCHIVES, ws.root]);
  assertEquals(code, 0, text);
}

function namesBelow(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) => [
    name,
    ...(isDirectory ? namesBelow(join(folder, name)) : []),
  ]).sort();
}

Deno.test("tar with --exclude=.git unpacks no .git of any name, also with fewer components", () => {
  using ws = new Workspace();
  archives(ws);
  for (const more of [[], ["--strip-components=1"], ["--exclude=*.o"], ["--keep-old-files"]]) {
    const folder = ws.folder(`unpacked${more}`);
    run(folder, ["tar", "-xf", "../names.tar", "--exclude=.git", ...more]);
    const names = namesBelow(folder);
    assertEquals(names.filter((name) => name.toLowerCase().includes("git")), [], more.join());
    // No new one by a link to a name that is not there.
    const other = ws.folder(`other${more}`);
    run(other, ["tar", "-xf", "../through.tar", "--exclude=.git", ...more]);
    assert(!namesBelow(other).includes(".git"), more.join());
  }
  const control = ws.folder("control");
  run(control, ["tar", "-xf", "../names.tar"]);
  assert(namesBelow(control).includes(".git"));
});

Deno.test("without a sandbox, tar writes through a link that an earlier archive left", () => {
  using ws = new Workspace();
  archives(ws);
  ws.file("repository/.git/config", "mine");
  const unpacked = ws.folder("unpacked");
  for (const name of ["link", "behind"]) {
    run(unpacked, ["tar", "-xf", `../${name}.tar`, "--exclude=.git"]);
  }
  assertEquals(Deno.readTextFileSync(ws.path("repository/.git/config")), "EVIL");
});

testInSandbox("in the sandbox, what tar unpacks does not change an existing .git", async () => {
  await using programs = await Programs.open((ws) => {
    archives(ws);
    ws.file("work/repository/.git/config", "mine");
    ws.folder("work/unpacked");
    const work = [ws.path("work"), ws.path("work/**")];
    return {
      allow: [
        { action: ["fs.read", "fs.write"], resource: work },
        { action: "fs.read", resource: ws.path("*.tar") },
      ],
      deny: [{
        action: ["fs.write", "fs.delete", "fs.mkdir", "fs.move"],
        resource: ws.path("work/**/.git/**"),
      }],
    };
  }, { sandbox: "required" });
  const { ws } = programs;
  const cwd = ws.path("work/unpacked");
  const unpack = async (name: string, cwd: string) =>
    (await programs.said(`tar -xf ${ws.path(name)} --exclude=.git 2>&1; true`, { cwd })).stdout;
  assertEquals(await unpack("link.tar", cwd), "");
  const failed = await unpack("behind.tar", cwd);
  assert(/Read-only|denied|not permitted/.test(failed), failed);
  await unpack("through.tar", ws.path("work/repository"));
  await unpack("hard.tar", cwd);
  assertEquals(Deno.readTextFileSync(ws.path("work/repository/.git/config")), "mine");
  assertEquals(namesBelow(ws.path("work/repository/.git")), ["config"]);
  assert(!namesBelow(cwd).includes("h"));
  // Near miss: the folder itself can be written.
  assertEquals(await unpack("names.tar", cwd), "");
  assert(namesBelow(cwd).includes("ok"));
});
