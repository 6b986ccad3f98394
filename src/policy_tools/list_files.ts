/**
 * The files in which a policy keeps lists.
 *
 * @module
 */
import { resolve } from "@std/path";
import { messageOf } from "../core/errors.ts";
import type { GuardedPath } from "../core/policy/guard.ts";
import type { Path, PolicyProblem, Problems } from "../core/policy/problem.ts";
import { MissingPermissionError } from "../launch/check.ts";

/** Largest file of a list in bytes. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Reads each file once, so that a policy is loaded with one state of it. */
export class ListFiles {
  readonly #base: string | undefined;
  readonly #texts = new Map<string, string>();

  /** @param base What relative paths are relative to. */
  constructor(base: string | undefined) {
    this.#base = base;
  }

  /** Absolute paths of the files that were read. */
  get paths(): readonly string[] {
    return Array.from(this.#texts.keys());
  }

  /** All that was read, for the digest of the policy; empty if nothing was. */
  get content(): string {
    return Array.from(this.#texts.values(), (text) => `\0${text}`).join("");
  }

  /** Whoever could write there could say who is known. */
  get guards(): GuardedPath[] {
    return this.paths.map((path) => ({ path, what: "list of the policy" }));
  }

  /**
   * @throws {TypeError} It cannot be read.
   * @throws {MissingPermissionError} This process may not read it.
   */
  read(path: string): string {
    const absolute = this.#base === undefined ? path : resolve(this.#base, path);
    if (!absolute.startsWith("/")) {
      throw new TypeError(
        `"${path}" is relative, expected an absolute path for a policy that is in no file`,
      );
    }
    const known = this.#texts.get(absolute);
    if (known !== undefined) return known;
    const text = readText(absolute);
    this.#texts.set(absolute, text);
    return text;
  }
}

function readText(path: string): string {
  try {
    const bytes = Deno.readFileSync(path);
    if (bytes.length > MAX_BYTES) {
      throw new TypeError(`"${path}" has ${bytes.length} bytes, expected at most ${MAX_BYTES}`);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new MissingPermissionError([`--allow-read=${path}`]);
    }
    if (error instanceof Deno.errors.NotFound) throw new TypeError(`There is no file "${path}"`);
    if (error instanceof TypeError && error.message.startsWith(`"${path}"`)) throw error;
    throw new TypeError(`"${path}" cannot be read as UTF-8: ${messageOf(error)}`);
  }
}

/**
 * Problems without those of copies of rules: what is wrong with a copy is wrong with its rule.
 *
 * @param count How many rules of `capabilities` are no copies.
 */
export function withoutCopies(problems: Problems, count: number): Problems {
  return new WithoutCopies(problems, count);
}

class WithoutCopies implements Problems {
  constructor(readonly inner: Problems, readonly count: number) {}

  get path(): Path {
    return this.inner.path;
  }

  get line(): number | undefined {
    return this.inner.line;
  }

  get found(): readonly PolicyProblem[] {
    return this.inner.found;
  }

  at(...keys: Path): Problems {
    return new WithoutCopies(this.inner.at(...keys), this.count);
  }

  add(message: string): void {
    const [section, index] = this.path;
    if (section === "capabilities" && typeof index === "number" && index >= this.count) return;
    this.inner.add(message);
  }
}
