import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { authorizeWithPaths } from "../../src/argument_paths/decision.ts";
import { FLAT, load } from "../core/policy/deciding.ts";
import { ROOT } from "../workspace.ts";
import { EVERYDAY } from "./everyday.ts";
import type { PolicyWithExamples } from "../../src/policy_tools/read.ts";

const FOLDER = join(ROOT, "policies/recipes");

function recipe(tool: string): PolicyWithExamples {
  return load(Deno.readTextFileSync(join(FOLDER, `${tool}.yaml`)), { world: FLAT });
}

/** As the kernel decides, with the paths among the arguments. */
function effectOn(
  policy: PolicyWithExamples,
  target: string,
  params: Record<string, unknown>,
): string {
  const request = { action: "proc.exec", target, params };
  return authorizeWithPaths(request, { policy, world: FLAT }).decision.effect;
}

// The known abuse of each tool, each beside what looks like it and is meant.
const SHEETS: Readonly<Record<string, { attacks: string[][]; nearMisses: string[][] }>> = {
  git: {
    attacks: [
      [],
      ["-c", "core.pager=id", "log"],
      ["-ccore.pager=id", "log"],
      ["--config-env=core.pager=X", "log"],
      ["-C", "/etc", "status"],
      ["--git-dir=/tmp/evil", "status"],
      ["--work-tree=/", "status"],
      ["--exec-path=/tmp/evil", "status"],
      ["--no-pager", "-c", "alias.x=!id", "x"],
      ["-p", "log"],
      ["clone", "ext::sh -c id"],
      ["fetch", "--upload-pack=id"],
      ["ls-remote", "--upload-pack", "id", "a"],
      ["ls-remote", "--upload-p=id", "a"],
      ["archive", "--exec=id", "--remote=."],
      ["push", "--receive-pack=id"],
      ["config", "core.fsmonitor", "id"],
      ["rebase", "-x", "id", "HEAD~1"],
      ["bisect", "run", "id"],
      ["submodule", "foreach", "id"],
      ["grep", "-O", "id"],
      ["grep", "--open-files-in-pager=id", "x"],
      ["difftool", "-x", "id"],
      ["log", "--output=/workspace/x"],
      ["log", "--outpu=/workspace/x"],
      ["log", "--output", "x"],
      ["diff", "-o", "x"],
      ["log", "-p", "--ext-diff"],
      ["log", "-p", "--ext-d"],
      ["log", "--textconv"],
      ["diff", "--no-index", "/etc/passwd", "/dev/null"],
      ["diff", "--no-ind", "a", "b"],
      ["diff", "/etc/passwd", "/dev/null"],
      ["diff", "--", "/etc/passwd", "/dev/null"],
      ["diff", "../secret", "a"],
      ["diff", "a/../../secret", "a"],
      ["blame", "--contents=/etc/passwd", "a"],
      ["blame", "--contents", "/etc/passwd", "a"],
      ["rev-parse", "--parseopt"],
      ["log", "-c", "core.pager=id"],
      ["log", "--exec=id"],
      ["log", "-n", "--", "--output=x"],
      // A program checks signatures.
      ["log", "--format=%G?"],
      ["log", "--format=%H %G?"],
      ["log", "--format=%GK"],
      ["log", "--format=%GS"],
      ["log", "--pretty=%GG"],
      ["log", "--pretty=format:%GF"],
      ["log", "--pretty=tformat:a/%GP"],
      ["log", "--format=%+G?"],
      ["log", "--format=%-GS"],
      ["log", "--format=% GK"],
      ["log", "--format=%<(10)%GT"],
      ["log", "--format=signed"],
      ["log", "--pretty=signed"],
      ["log", "--format", "%G?"],
      ["log", "--show-signature"],
      ["log", "--show-sig"],
      ["show", "--no-ext-diff", "--no-textconv", "--format=%G?"],
      ["show", "--no-ext-diff", "--no-textconv", "--show-signature"],
      ["shortlog", "--format=%GS"],
      ["shortlog", "-n", "/etc"],
      ["ls-tree", "-r", "HEAD", "../secret"],
      ["rev-list", "--format=%GS", "HEAD"],
      ["verify-commit", "HEAD"],
      ["verify-tag", "v1"],
      ["tag", "-v", "v1"],
      // diff.external, diff.NAME.command, diff.NAME.textconv.
      ["diff"],
      ["diff", "--no-ext-diff"],
      ["diff", "--no-textconv"],
      ["diff", "--", "--no-ext-diff", "--no-textconv"],
      ["diff", "--no-ext-diff", "--no-textconv", "--ext-diff"],
      ["diff", "--no-ext-diff", "--no-textconv", "--textconv"],
      ["diff", "-S", "--no-textconv", "--no-ext-diff"],
      ["show"],
      ["show", "HEAD"],
      ["log", "-p"],
      ["log", "--patch"],
      ["log", "-U3"],
      ["log", "-S", "word"],
      ["log", "-Sword"],
      ["log", "-G", "word"],
      ["log", "-p", "-S", "--no-ext-diff", "--no-textconv"],
      ["log", "-p", "-n", "--no-textconv", "--no-ext-diff"],
      ["log", "-c"],
      ["log", "--cc"],
      ["log", "-L", "1,5:a"],
      ["blame", "a"],
      ["blame", "--", "--no-textconv"],
      ["blame", "-L", "--no-textconv", "a"],
      ["cat-file", "--textconv", "HEAD:a"],
      ["cat-file", "--filters", "HEAD:a"],
      ["status", "-v"],
      ["status", "--verbose"],
      ["log", "--follow", "--", "src/../../secret"],
      ["log", "--", "src/../lib"],
      ["status", "/etc"],
      ["status", ".."],
      ["branch", "new"],
      ["branch", "-d", "main"],
      ["remote", "add", "x", "ext::sh -c id"],
      ["remote", "update"],
      ["stash"],
      ["tag", "v1"],
    ],
    nearMisses: [
      ["log"],
      ["log", "--oneline"],
      ["log", "--oneline", "-5", "--stat"],
      ["log", "-n20", "--since=yesterday", "--author=bob", "--format=%h/%s"],
      ["log", "--", "--upload-pack-notes"],
      ["log", "--", "--output=x"],
      ["log", "main..feature"],
      ["log", "HEAD~3..HEAD", "--", "src/a.ts", "docs/..notes"],
      ["show", "--no-ext-diff", "--no-textconv", "HEAD:src/a.ts"],
      ["show", "HEAD@{1}", "--no-textconv", "--no-ext-diff"],
      ["diff", "--no-ext-diff", "--no-textconv", "--cached", "--name-only"],
      ["log", "-p", "--no-ext-diff", "--no-textconv", "-S", "no-ext-diff"],
      ["log", "--format=%gs%%", "--grep=G?"],
      ["log", "--format=%x25G?"],
      ["status", "--porcelain", "-b"],
      ["blame", "--no-textconv", "src/a.ts"],
      ["ls-files", "--others", "--exclude-standard"],
      ["rev-parse", "--show-toplevel"],
    ],
  },
  ls: {
    attacks: [
      ["/etc"],
      ["..", "-la"],
      ["src/../.."],
      ["-la", "/"],
      ["--", "/etc"],
      ["-I", "--", "-w"],
      ["--dereference-command-line"],
      ["-L"],
      ["--recursiv"],
      ["-laLa"],
      ["./.."],
      [".//../"],
      ["src/../lib"],
      ["./src", "/"],
    ],
    nearMisses: [[], ["-la"], ["-laR", "src"], ["-1", "src/lib", ".notes"], ["--", "-rf"], [
      ".",
      "..notes",
    ], ["--color=never", "src"]],
  },
  grep: {
    attacks: [
      ["-f", "/etc/shadow", "a"],
      ["-f/etc/shadow", "a"],
      ["-rf", "notes", "a"],
      ["-nf", "notes"],
      ["--file=/etc/shadow", "a"],
      ["--fil=notes", "a"],
      ["--file", "notes"],
      ["", "/etc/shadow"],
      ["root", "../secret"],
      ["root", "--", "/etc/passwd"],
      ["root", "src/../../secret"],
      ["-R", "root"],
      ["-nR", "root"],
      ["--dereference-recursive", "root"],
      ["--exclude-from=/etc/shadow", "a", "b"],
      ["-D", "read", "a", "fifo"],
      ["-e", "--", "-f", "/etc/shadow"],
      ["-m", "--", "-f"],
      ["-e", "root", "/etc/passwd"],
      ["-eroot", "/etc/passwd"],
      ["-n", "--regexp", "root", "/etc/passwd"],
      ["--regexp=root", "/etc/passwd"],
      ["-A", "3", "root", "/etc/passwd"],
      ["-A", "root", "/etc/passwd", "/etc/passwd"],
      ["/etc/passwd", "/etc/passwd"],
      ["-A", "-f", "/etc/shadow", "a"],
      ["--include", "--file=/etc/shadow", "a"],
      ["root", "./../secret"],
    ],
    nearMisses: [
      ["TODO", "src/a.ts"],
      ["-rn", "TODO"],
      ["-rniE", "a|b", "src", "docs"],
      ["-m5", "-C2", "TODO", "a"],
      ["TODO", "--", "-f"],
      ["-e/etc/passwd", "src"],
      ["-r", "--include=*.ts", "import", "."],
      ["--", "--file", "a"],
    ],
  },
  tar: {
    attacks: [
      [],
      ["xf", "a.tar"],
      ["cfI", "a.tar", "id"],
      ["-xf", "a.tar", "--checkpoint=1", "--checkpoint-action=exec=id"],
      ["-xf", "a.tar", "--checkpoint-act=exec=id"],
      ["-xf", "a.tar", "--to-command=id"],
      ["-xf", "a.tar", "--to-c=id"],
      ["-xf", "a.tar", "-I", "id"],
      ["-xf", "a.tar", "-Iid"],
      ["-xIf", "id", "a.tar"],
      ["-xf", "a.tar", "--use-compress-program=id"],
      ["-xf", "a.tar", "--use-comp=id"],
      ["-cMf", "a.tar", "-F", "id"],
      ["-cf", "a.tar", "--info-script=id"],
      ["-cf", "a.tar", "--new-volume-script=id"],
      ["-xf", "host:a.tar"],
      ["-xf", "user@host:a.tar", "--rsh-command=id"],
      ["-xf", "a/b:c/d.tar"],
      ["-xf", "a.tar", "-C", "/"],
      ["-xf", "a.tar", "-C/"],
      ["-xf", "a.tar", "--directory=/"],
      ["-xf", "a.tar", "--dir=/"],
      ["-xPf", "a.tar"],
      ["-xf", "a.tar", "--absolute-names"],
      ["-cf", "/etc/cron.d/a", "a"],
      ["-cf", "a.tar", "/etc/shadow"],
      ["-cf", "a.tar", "../secret"],
      ["-cf", "a.tar", "-T", "list"],
      ["-cf", "a.tar", "--files-from=list"],
      ["-cf", "a.tar", "--remove-files", "a"],
      ["-tf", "--", "--checkpoint-action=exec=id"],
      ["-tf", "a.tar", "-tf", "--", "--checkpoint-action=exec=id"],
      ["-cf", ".git/config", "a"],
      ["-cf", "repo/.git/hooks/post-checkout", "a"],
      ["-cf", "./../a.tar", "a"],
      ["-cf", "--", "a"],
      ["-cf", "-", "/etc/shadow"],
      ["-tf", "/etc/a.tar"],
      ["-tf", "../a.tar"],
      ["-tf", "host:a.tar"],
      ["-cf", "host:a.tar", "a"],
      ["-cf", "a.tar", "-cf", "/etc/a.tar", "a"],
    ],
    nearMisses: [
      ["-tf", "a.tar"],
      ["-tzvf", "a.tar.gz"],
      ["-czf", "out/a.tar.gz", "src", "--exclude=*.o"],
      ["-cf", "a.tar", "notes/--checkpoint-action=exec=id", "notes/-I"],
      ["-tf", "a.tar", "docs/..notes"],
    ],
  },
  find: {
    attacks: [
      [".", "-exec", "id", ";"],
      [".", "-execdir", "id", "+"],
      [".", "-ok", "id", ";"],
      [".", "-okdir", "id", ";"],
      [".", "-delete"],
      [".", "-fprint", "x"],
      [".", "-fprint0", "x"],
      [".", "-fprintf", "x", "%p"],
      [".", "-fls", "x"],
      ["-files0-from", "list"],
      ["-L", "."],
      ["-H", "link"],
      [".", "-follow"],
      ["/etc", "-name", "passwd"],
      ["..", "-name", "a"],
      ["src/../..", "-name", "a"],
      ["--", "/etc"],
      [".", "-name", "--", "-delete"],
      [".", "-newer", "/etc/shadow"],
      [".", "-newer", "./../a"],
      [".", "-samefile", "/etc/shadow"],
      [".", "-name", "-delete", "-delete"],
      [".", "-path", "x", "-exec", "id", ";"],
      ["./..", "-name", "a"],
      [".", "/etc"],
    ],
    nearMisses: [
      ["."],
      [".", "-name", "*.ts", "-type", "f"],
      ["src", "docs", "-maxdepth", "2", "-print0"],
      [".", "(", "-name", "a", "-o", "-name", "b", ")"],
      [".", "!", "-name", "delete"],
      [".", "-mtime", "-1", "-size", "+10k"],
      ["src/lib", "-path", "*/exec/*"],
    ],
  },
  python3: {
    attacks: [
      [],
      ["-c", "1"],
      ["-I"],
      ["-I", "-c", "1"],
      ["-Ic", "1"],
      ["-I", "-m", "http.server"],
      ["-I", "-"],
      ["-I", "-i", "tools/report.py"],
      ["tools/report.py"],
      ["-I", "/tmp/x.py"],
      ["-I", "tools/../x.py"],
      ["-I", "tools/sub/x.py"],
      ["-I", "tools"],
      ["-I", "tools/x.pyc"],
      ["-I", "--", "tools/report.py"],
      ["-I", "-X", "importtime", "tools/report.py"],
    ],
    nearMisses: [
      ["-I", "tools/report.py"],
      ["-I", "tools/report.py", "-c", "1", "--", "-m"],
      ["-I", "tools/..notes.py"],
    ],
  },
};

// Unpacking is for a folder of its own, and without .git.
const UNPACKING: typeof SHEETS = {
  tar: {
    attacks: [
      ...(SHEETS["tar"]?.attacks ?? []).filter(([what]) => what?.startsWith("-x"))
        .map((args) => [...args, "--exclude=.git"]),
      ["-xf", "../a.tar"],
      ["-xf", "../a.tar", "--", "--exclude=.git"],
      ["-xf", "../a.tar", "--exclude=.gi"],
      ["-xf", "../a.tar", "--exclude", ".git"],
      ["-xf", "../a.tar", "--exclude=.git", "--anchored"],
      ["-xf", "../a.tar", "--exclude=.git", "--transform=s/got/git/"],
      ["-xf", "../a.tar", "--exclude=.git", "--xform=s/got/git/"],
      ["-xf", "../a.tar", "--exclude=.git", "--overwrite"],
      ["-xf", "../a.tar", "--exclude=.git", "-h"],
      ["-xf", "../../a.tar", "--exclude=.git"],
      ["-xf", "--exclude=.git", "../a.tar"],
    ],
    nearMisses: [
      ["-xf", "../a.tar", "--exclude=.git"],
      ["-xzf", "../a.tar.gz", "--exclude=.git", "--strip-components=1"],
      ["-xf", "a.tar", "--exclude=.git", "--exclude=*.o", "docs/..notes"],
    ],
  },
};

const fileOf = (tool: string) => tool === "python3" ? "python" : tool;

function check(sheets: typeof SHEETS, cwd: string): void {
  for (const [tool, { attacks, nearMisses }] of Object.entries(sheets)) {
    for (const [expected, rows] of [["deny", attacks], ["allow", nearMisses]] as const) {
      for (const args of rows) {
        Deno.test(`the recipe for ${fileOf(tool)} has the effect ${expected} for ${tool} ${JSON.stringify(args)} in ${cwd}`, () => {
          assertEquals(effectOn(recipe(fileOf(tool)), tool, { args, cwd }), expected);
        });
      }
    }
  }
}

check(SHEETS, "/workspace");
check(UNPACKING, "/workspace/unpacked");

for (const [tool, { nearMisses }] of Object.entries(SHEETS)) {
  Deno.test(`the recipe for ${fileOf(tool)} keeps it in its folder`, () => {
    const args = nearMisses[0];
    const policy = recipe(fileOf(tool));
    assertEquals(effectOn(policy, tool, { args }), "deny");
    assertEquals(effectOn(policy, tool, { args, cwd: "/" }), "deny");
    assertEquals(effectOn(policy, tool, { args, cwd: "/workspace/../etc" }), "deny");
    assertEquals(effectOn(policy, tool, { args, cwd: "/workspace/." }), "allow");
  });
}

for (const [tool, lines] of Object.entries(EVERYDAY)) {
  for (const line of lines) {
    Deno.test(`the recipe for ${fileOf(tool)} allows the harmless line ${tool} ${line}`, () => {
      const args = line === "" ? [] : line.split(" ");
      const params = { args, cwd: "/workspace" };
      assertEquals(effectOn(recipe(fileOf(tool)), tool, params), "allow");
    });
  }
}

Deno.test("tar unpacks into its own folder only", () => {
  const args = ["-xf", "a.tar", "--exclude=.git"];
  const inFolder = (cwd: string) => effectOn(recipe("tar"), "tar", { args, cwd });
  assertEquals(inFolder("/workspace/unpacked"), "allow");
  assertEquals(inFolder("/workspace/unpacked/a"), "allow");
  assertEquals(inFolder("/workspace"), "deny");
  assertEquals(inFolder("/workspace/unpacked/../repository"), "deny");
  assertEquals(inFolder("/workspace/unpacked/.git"), "deny");
});

Deno.test("each recipe has its sheet, and passes its own examples", () => {
  const files = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name)
    .filter((name) => name !== "git.env").sort();
  assertEquals(files, Object.keys(SHEETS).map((tool) => `${fileOf(tool)}.yaml`).sort());
  for (const file of files) {
    assert(recipe(file.replace(".yaml", "")).examples.length > 3, file);
  }
});
