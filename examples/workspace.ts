/** A temporary folder for one example, removed when it ends. */
import { dirname, fromFileUrl } from "@std/path";

export class Workspace implements Disposable {
  readonly root: string;

  constructor(files: Readonly<Record<string, string>> = {}) {
    const base = `${dirname(dirname(fromFileUrl(import.meta.url)))}/.tmp`;
    Deno.mkdirSync(base, { recursive: true });
    this.root = Deno.makeTempDirSync({ dir: base, prefix: "example-" });
    for (const [name, content] of Object.entries(files)) {
      Deno.mkdirSync(dirname(`${this.root}/${name}`), { recursive: true });
      Deno.writeTextFileSync(`${this.root}/${name}`, content);
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}
