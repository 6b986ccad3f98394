/**
 * What a line really does: the real bash runs it in a folder where every program is a stub that only writes
 * down how it was called.
 */
import { join } from "@std/path";
import type { ShellStep } from "../../../src/hooks/shell/mod.ts";

/** How the stubs end: all well, all with an error, or one or the other by the length of an argument. */
export const MODES = ["0", "1", "${#1}%2"] as const;

/** How the stubs end. */
export type Mode = typeof MODES[number];

/** What happened, in the form of steps. */
export interface Happened {
  readonly exec: readonly { readonly words: readonly string[]; readonly cwd: string }[];
  /** Files that are new or longer, absolute. */
  readonly written: readonly string[];
  /** Names that bash looked for and did not find. */
  readonly missing: readonly string[];
  readonly stderr: string;
}

/** Programs that are the real ones: what they start is seen. */
const REAL = ["bash", "sh", "env", "nice", "timeout", "stdbuf"];
const FOLDERS = ["a", "b", "sub/deep", "src", "build", "a b"];

/** A folder in which lines can be run. */
export class RealBash implements Disposable {
  readonly folder: string;
  readonly home: string;
  readonly #root: string;
  readonly #stubs = new Set<string>();

  constructor() {
    Deno.mkdirSync(".tmp", { recursive: true });
    this.#root = Deno.realPathSync(Deno.makeTempDirSync({ dir: ".tmp", prefix: "bash-" }));
    this.folder = join(this.#root, "w");
    this.home = join(this.#root, "h");
    for (const name of ["bin", "h"]) Deno.mkdirSync(join(this.#root, name));
    for (const name of REAL) this.#program(name, `exec /usr/bin/${name} "$@"`);
  }

  /** A program of that name, which does nothing. */
  stub(name: string): void {
    if (this.#stubs.has(name) || REAL.includes(name) || !/^[^/\0]{1,100}$/.test(name)) return;
    if (name === "." || name === "..") return;
    this.#stubs.add(name);
    const goesOn = name === "cat" ? '[ "$#" -gt 0 ] || /bin/cat\n' : "";
    this.#program(
      name,
      `printf '%s\\0' "\${0##*/}" "$(pwd -P)" "$#" "$@" >> "$STUB_LOG"
${goesOn}eval "exit \\$((($STUB_MODE)))"`,
    );
  }

  #program(name: string, text: string): void {
    const path = join(this.#root, "bin", name);
    Deno.writeTextFileSync(path, `#!/bin/sh\n${text}\n`);
    Deno.chmodSync(path, 0o755);
  }

  /** Runs a line. */
  async run(line: string, mode: Mode): Promise<Happened> {
    const log = join(this.#root, "log");
    Deno.writeTextFileSync(log, "");
    try {
      Deno.removeSync(this.folder, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    for (const name of FOLDERS) Deno.mkdirSync(join(this.folder, name), { recursive: true });
    for (const name of ["in.txt", "a/in.txt"]) {
      Deno.writeTextFileSync(join(this.folder, name), "text\n");
    }
    const before = filesOf(this.folder);
    const { stderr } = await new Deno.Command("/usr/bin/timeout", {
      args: ["-k", "1", "3", "/usr/bin/bash", "--norc", "--noprofile", "-c", line],
      cwd: this.folder,
      clearEnv: true,
      env: {
        PATH: join(this.#root, "bin"),
        HOME: this.home,
        PWD: this.folder,
        LC_ALL: "C.UTF-8",
        STUB_LOG: log,
        STUB_MODE: mode,
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(stderr);
    const written = Array.from(filesOf(this.folder)).filter(([path, size]) =>
      before.get(path) !== size
    ).map(([path]) => path);
    return {
      exec: callsOf(Deno.readTextFileSync(log)),
      written,
      missing: Array.from(
        text.matchAll(/line \d+: ([^$\n].*): command not found$/gm),
        ([, name]) => name!,
      ),
      stderr: text,
    };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#root, { recursive: true });
  }
}

function filesOf(folder: string, out = new Map<string, number>()): Map<string, number> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) filesOf(path, out);
    else out.set(path, Deno.lstatSync(path).size);
  }
  return out;
}

function callsOf(log: string): { words: string[]; cwd: string }[] {
  const fields = log.split("\0");
  const calls: { words: string[]; cwd: string }[] = [];
  for (let at = 0; at + 2 < fields.length;) {
    const [name, cwd, count] = fields.slice(at, at + 3) as [string, string, string];
    calls.push({ words: [name, ...fields.slice(at + 3, at + 3 + Number(count))], cwd });
    at += 3 + Number(count);
  }
  return calls;
}

/** What happened and is not among the steps, as text; none is what has to be. */
export function unforeseen(happened: Happened, steps: readonly ShellStep[]): string[] {
  const calls = new Set<string>();
  const names = new Set<string>();
  const files = new Set<string>();
  for (const step of steps) {
    if (step.kind === "exec") {
      calls.add(JSON.stringify([step.words, step.cwd]));
      names.add(step.words[0]);
    } else if (step.kind === "write") {
      files.add(join(step.path.startsWith("/") ? "/" : step.cwd, step.path));
    }
  }
  return [
    ...happened.exec.filter(({ words, cwd }) => !calls.has(JSON.stringify([words, cwd])))
      .map((one) => `ran ${JSON.stringify(one)}`),
    ...happened.written.filter((path) => !files.has(path)).map((path) => `wrote ${path}`),
    ...happened.missing.filter((name) => !names.has(name)).map((name) => `looked for ${name}`),
  ];
}
