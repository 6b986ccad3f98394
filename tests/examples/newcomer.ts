/**
 * What somebody does who reads a document from top to bottom, on a machine where nothing was used before.
 *
 * @module
 */
import { ROOT, run, Workspace } from "../workspace.ts";

/** A code block, its language as it stands behind the fence, or a command within the text. */
export interface Part {
  readonly language: string;
  readonly text: string;
}

/** A block, or a command between backticks: a program and something behind it. */
const PART = /^```([^\n]*)\n([^]*?)^```$|`((?:agent-kernel|deno|git|npm|npx|sh)\s[^`]+)`/gm;
/** One line, or one up to the end of its here-document. */
const COMMAND = /^[^\s#][^\n]*<<'(\w+)'\n[^]*?^\1$|^[^\s#][^\n]*$/gm;

/** Blocks and commands of a document, in its order. A command within the text has the language "inline". */
export function partsOf(document: string): Part[] {
  return Array.from(
    document.matchAll(PART),
    ([, language = "inline", text, inline]) => ({
      language,
      text: text ?? (inline as string).replace(/\s+/g, " "),
    }),
  );
}

/** The commands of a script. */
export function commandsOf(script: string): string[] {
  return Array.from(script.matchAll(COMMAND), ([command]) => command);
}

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The files that a clone of the checkout would have, with those that are not committed yet. */
const CLONE = `
import os, shutil, subprocess, sys
git = ["git", "-C", sys.argv[1], "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
for name in subprocess.check_output(git).decode().split("\\0"):
    source, copy = os.path.join(sys.argv[1], name), os.path.join(sys.argv[2], name)
    if name and os.path.lexists(source):
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copy2(source, copy, follow_symlinks=False)
`;
const SHELL = "import os, sys; os.execvp('sh', ['sh', '-c', sys.argv[1]])";

/** A fresh clone in the folder `agent-kernel`, an empty HOME and an empty DENO_DIR, and one shell. */
export class EmptyMachine implements Disposable {
  readonly #ws = new Workspace();

  constructor() {
    this.#ws.folder("home");
    run("python3", "-c", CLONE, ROOT, this.#ws.path("agent-kernel"));
    this.file("state", `cd "${this.#ws.root}"`);
  }

  /** Writes a file, relative to the folder that holds the clone. */
  file(name: string, text: string): void {
    this.#ws.file(name, text);
  }

  /** Reads such a file. */
  read(name: string): string {
    return Deno.readTextFileSync(this.#ws.path(name));
  }

  /** Goes to such a folder. */
  enter(folder: string): void {
    this.file("state", `${this.read("state")}\ncd "${this.#ws.folder(folder)}"`);
  }

  /** Types a command: in the folder and with the variables that the one before has left. */
  async type(command: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const state = this.#ws.path("state");
    const script = `. "${state}"\n${command}\ncode=$?\n` +
      `export -p >"${state}"; echo "cd '$PWD'" >>"${state}"; exit $code`;
    const own = { HOME: this.#ws.path("home"), DENO_DIR: this.#ws.path("deno"), NO_COLOR: "1" };
    const { code, stdout, stderr } = await new Deno.Command("python3", {
      args: ["-c", SHELL, script],
      env: { ...own, ...env },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
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

  [Symbol.dispose](): void {
    this.#ws[Symbol.dispose]();
  }
}
