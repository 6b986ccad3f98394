import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Workspace } from "../workspace.ts";
import { ROOT } from "../workspace.ts";

const README = Deno.readTextFileSync(`${ROOT}/README.md`);

/** The blocks of one language, as they stand. */
function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm");
  return Array.from(README.matchAll(fence), ([, text = ""]) => text);
}

/** Commands that end with something else than 0, because they deny. */
const CODES: Readonly<Record<string, number>> = { "agent-kernel explain": 2 };

const COPY = `
import os, shutil, sys
leave = shutil.ignore_patterns(".git", ".tmp", "scratch", "coverage", "results", "node_modules")
shutil.copytree(sys.argv[1], sys.argv[2], ignore=leave, symlinks=True)
`;

/** A machine on which nothing was used before: a copy of the checkout, an empty HOME and DENO_DIR. */
class EmptyMachine implements Disposable {
  readonly #ws = new Workspace();
  readonly #env: Readonly<Record<string, string>>;

  constructor() {
    const ws = this.#ws;
    this.#env = { HOME: ws.folder("home"), DENO_DIR: ws.path("deno"), NO_COLOR: "1" };
    new Deno.Command("python3", { args: ["-c", COPY, ROOT, ws.path("agent-kernel")] }).outputSync();
  }

  /** Writes a file, relative to the folder of the checkout. */
  file(name: string, text: string): void {
    this.#ws.file(name, text);
  }

  /** The npm packages that were downloaded; of others only the metadata was looked up. */
  packages(): string[] {
    const registry = this.#ws.path("deno/npm/registry.npmjs.org");
    const list = (folder: string) =>
      Array.from(Deno.readDirSync(`${registry}/${folder}`)).filter(({ isDirectory }) => isDirectory)
        .map(({ name }) => name);
    return list("").flatMap((name) =>
      name.startsWith("@") ? list(name).map((inner) => `${name}/${inner}`) : [name]
    ).filter((name) => list(name).length > 0).sort();
  }

  /** Runs a script in a shell. */
  async sh(
    script: string,
    folder = ".",
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await new Deno.Command("python3", {
      args: ["-c", "import os, sys; os.execvp('sh', ['sh', '-c', sys.argv[1]])", script],
      cwd: this.#ws.path(folder),
      env: this.#env,
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  }

  [Symbol.dispose](): void {
    this.#ws[Symbol.dispose]();
  }
}

const [first = "", setUp = "", start = "", commands = "", ...more] = blocks("sh");

Deno.test("the test of the README knows all of its commands", () => {
  assertEquals(more, []);
  assertEquals(blocks("ts ignore").length, 2);
  assertEquals(first.trim().split("\n").length, 2);
});

Deno.test("the demo of the README on an empty machine loads the packages that it uses, and no others", async () => {
  using machine = new EmptyMachine();
  // "npx -y deno" would load Deno itself, which is here.
  const demo = first.split("\n").find((line) => line.includes("task demo")) ?? "";
  const { code, stdout, stderr } = await machine.sh(demo.replace("npx -y ", ""), "agent-kernel");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "The log verifies: true");
  assertEquals(machine.packages(), [
    "@cfworker/json-schema",
    "@opentelemetry/api",
    "argparse",
    "fast-check",
    "js-yaml",
    "openai",
    "pure-rand",
    "ws",
    "zod",
  ]);
});

Deno.test("the commands of the README work as they stand, on an empty machine", async () => {
  using machine = new EmptyMachine();
  const path = 'export PATH="$HOME/.local/bin:$PATH"\n';
  const installed = await machine.sh(`set -e\n${setUp}`);
  assertEquals(installed.code, 0, installed.stderr);
  machine.file("my-agent/main.ts", blocks("ts ignore")[0] ?? "");
  const started = await machine.sh(`set -e\n${path}${start}`, "my-agent");
  assertEquals({ code: started.code, stderr: started.stderr }, { code: 0, stderr: "" });
  assert(blocks("text").includes(started.stdout), started.stdout);
  for (const line of commands.trim().split("\n")) {
    const { code, stderr } = await machine.sh(path + line, "my-agent");
    const name = line.split(" ").slice(0, 2).join(" ");
    assertEquals(code, CODES[name] ?? 0, `${line}: ${stderr}`);
  }
});

Deno.test("lock files of demo and command line are parts of the project's", async () => {
  const { lockFor, LOCKS } = await import("../locks.ts");
  for (const [path, packages] of Object.entries(LOCKS)) {
    assertEquals(Deno.readTextFileSync(`${ROOT}/${path}`), lockFor(packages), path);
  }
});
