/**
 * Tests of shell completions, with the shells themselves.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { agentKernel } from "./command_line.ts";
import { ROOT } from "../workspace.ts";

const FOLDER = join(ROOT, ".tmp", `completions-${crypto.randomUUID()}`);

/** A file with the script for a shell. */
async function scriptFor(shell: string): Promise<string> {
  const { code, stdout, stderr } = await agentKernel("completions", shell);
  assertEquals([code, stderr], [0, ""]);
  Deno.mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, shell);
  Deno.writeTextFileSync(path, stdout);
  return path;
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    clearEnv: true,
    env: { HOME: FOLDER, PATH: "/usr/bin:/bin", TERM: "dumb" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout);
}

function isMissing(program: string): boolean {
  try {
    return !Deno.statSync(program).isFile;
  } catch {
    return true;
  }
}

// Each of these is skipped where the shell is not installed: nothing can be said of it there.
Deno.test({
  name: "bash completes commands, options, files, and names of shells",
  ignore: isMissing("/usr/bin/bash"),
  async fn() {
    const path = await scriptFor("bash");
    const complete = async (...words: readonly string[]) => {
      const list = words.map((word) => `'${word}'`).join(" ");
      const text =
        `source ${path}; COMP_WORDS=(agent-kernel ${list}); COMP_CWORD=${words.length}; ` +
        '_agent_kernel; printf "%s\\n" "${COMPREPLY[@]}"';
      return (await run("/usr/bin/bash", ["--norc", "-c", text])).trim().split("\n");
    };
    try {
      assertEquals((await complete("")).toSorted(), [...Object.keys(COMMANDS), "help"].sort());
      assertEquals(await complete("diff-p"), ["diff-policy"]);
      assertEquals(await complete("help", "rep"), ["replay"]);
      assertEquals(await complete("diff-policy", "--on"), ["--only-tighter"]);
      assertEquals(await complete("explain", "--policy", "policies/res"), [
        "policies/restrictive.yaml",
      ]);
      assertEquals(await complete("diff-policy", "policies/res"), ["policies/restrictive.yaml"]);
      assertEquals(await complete("explain", "--action", "x"), [""]);
      assertEquals(await complete("completions", "f"), ["fish"]);
    } finally {
      Deno.removeSync(FOLDER, { recursive: true });
    }
  },
});

Deno.test({
  name: "zsh is told of commands and options",
  ignore: isMissing("/usr/bin/zsh"),
  async fn() {
    const path = await scriptFor("zsh");
    // What the completion system would be called with is printed in its place.
    const complete = (words: string, current: number) =>
      run("/usr/bin/zsh", [
        "-f",
        "-c",
        `compdef() { :; }; _arguments() { print -rl -- "$@"; }; _describe() { print -rl -- $commands; }; ` +
        `source ${path}; words=(${words}); CURRENT=${current}; _agent_kernel`,
      ]);
    try {
      assertStringIncludes(
        await complete("agent-kernel dif", 2),
        "diff-policy:say what a policy allows",
      );
      const options = (await complete("agent-kernel explain --pol", 3)).split("\n");
      assert(options.includes("--policy[the policy (YAML)]:FILE:_files"), options.join("\n"));
      assert(options.includes("*--var[a variable of the policy; repeatable]:NAME=TEXT: "));
      assertStringIncludes(
        await complete("agent-kernel completions b", 3),
        "1:shell:(bash zsh fish)",
      );
    } finally {
      Deno.removeSync(FOLDER, { recursive: true });
    }
  },
});

Deno.test({
  name: "fish completes commands, options and names of shells",
  ignore: isMissing("/usr/bin/fish"),
  async fn() {
    const path = await scriptFor("fish");
    const complete = async (line: string) =>
      (await run("/usr/bin/fish", ["--no-config", "-c", `source ${path}; complete -C '${line}'`]))
        .trim().split("\n").map((one) => one.split("\t")[0]);
    try {
      assertEquals(
        (await complete("agent-kernel ")).toSorted(),
        [...Object.keys(COMMANDS), "help"].sort(),
      );
      assertEquals(await complete("agent-kernel diff-p"), ["diff-policy"]);
      assertEquals(await complete("agent-kernel diff-policy --on"), ["--only-tighter"]);
      assertEquals(await complete("agent-kernel completions z"), ["zsh"]);
    } finally {
      Deno.removeSync(FOLDER, { recursive: true });
    }
  },
});

Deno.test("completions names the shells that there are", async () => {
  const { code, stderr } = await agentKernel("completions", "tcsh");
  assertEquals(code, 64);
  assertStringIncludes(stderr, "expected a shell: bash, zsh, fish");
});
