import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { effectOn, FLAT, load } from "../core/policy/deciding.ts";
import { ROOT } from "../workspace.ts";
import type { PolicyWithExamples } from "../../src/policy_tools/read.ts";

const FOLDER = join(ROOT, "policies/recipes");

function recipe(tool: string): PolicyWithExamples {
  return load(Deno.readTextFileSync(join(FOLDER, `${tool}.yaml`)), { world: FLAT });
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
      ["show", "HEAD:src/a.ts"],
      ["show", "HEAD@{1}"],
      ["diff", "--cached", "--name-only"],
      ["status", "--porcelain", "-b"],
      ["blame", "src/a.ts"],
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
    ],
    nearMisses: [
      ["-tf", "a.tar"],
      ["-tzvf", "a.tar.gz"],
      ["-xzf", "a.tar.gz", "--strip-components=1"],
      ["-czf", "out/a.tar.gz", "src", "--exclude=*.o"],
      ["-cf", "a.tar", "notes/--checkpoint-action=exec=id", "notes/-I"],
      ["-xf", "a.tar", "docs/..notes"],
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
    ],
    nearMisses: [
      ["-I", "tools/report.py"],
      ["-I", "tools/report.py", "-c", "1", "--", "-m"],
      ["-I", "tools/..notes.py"],
    ],
  },
};

for (const [tool, { attacks, nearMisses }] of Object.entries(SHEETS)) {
  const file = tool === "python3" ? "python" : tool;
  const params = (args: readonly string[]) => ({ args, cwd: "/workspace" });
  for (const [expected, rows] of [["deny", attacks], ["allow", nearMisses]] as const) {
    for (const args of rows) {
      Deno.test(`the recipe for ${file} has the effect ${expected} for ${tool} ${JSON.stringify(args)}`, () => {
        assertEquals(effectOn(recipe(file), "proc.exec", tool, params(args)), expected);
      });
    }
  }
  Deno.test(`the recipe for ${file} keeps it in its folder`, () => {
    const args = nearMisses[0];
    assertEquals(effectOn(recipe(file), "proc.exec", tool, { args }), "deny");
    assertEquals(effectOn(recipe(file), "proc.exec", tool, { args, cwd: "/" }), "deny");
    assertEquals(
      effectOn(recipe(file), "proc.exec", tool, { args, cwd: "/workspace/../etc" }),
      "deny",
    );
    assertEquals(effectOn(recipe(file), "proc.exec", tool, { args, cwd: "/workspace/." }), "allow");
  });
}

Deno.test("each recipe has its sheet, and passes its own examples", () => {
  const files = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name).sort();
  assertEquals(files, Object.keys(SHEETS).map((tool) => `${tool.replace("3", "")}.yaml`).sort());
  for (const file of files) {
    assert(recipe(file.replace(".yaml", "")).examples.length > 3, file);
  }
});
