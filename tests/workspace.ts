/**
 * A folder of real files for one test.
 *
 * @module
 */
import { dirname, fromFileUrl, join } from "@std/path";

/** The root of the package. */
export const ROOT: string = dirname(dirname(fromFileUrl(import.meta.url)));

/** A temporary folder, removed when the test ends. */
export class Workspace implements Disposable {
  /** Absolute and real, so that it can stand in policies. */
  readonly root: string;

  constructor() {
    Deno.mkdirSync(join(ROOT, ".tmp"), { recursive: true });
    this.root = Deno.realPathSync(Deno.makeTempDirSync({ dir: join(ROOT, ".tmp") }));
  }

  /** The absolute path of a name in the workspace. */
  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  /** Makes a file and the folders above it. */
  file(name: string, content: string | Uint8Array = ""): string {
    const path = this.path(name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    return path;
  }

  /** Makes a folder and the folders above it. */
  folder(name: string): string {
    const path = this.path(name);
    Deno.mkdirSync(path, { recursive: true });
    return path;
  }

  /** Makes a symbolic link. (Through `ln`, because Deno's own call wants all of read and write.) */
  link(name: string, target: string): string {
    const path = this.path(name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    run("ln", "-s", target, path);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** All files that the writer of a log needs, literally. */
export function logFiles(log: string): string[] {
  return [log, `${log}.journal`, `${log}.journal.new`, `${log}.segments`, `${log}.torn`];
}

/** Runs a program to its end. @throws {Error} It fails. */
export function run(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}
