/**
 * Comparing the own hashes of many lines, in a second thread where that is worth it.
 *
 * @module
 */
import { firstMisfit } from "./misfit.ts";

/** So many bytes are hashed here before a thread is started: it takes as long as that, 50 ms. */
const WORTH_A_THREAD = 8 * 1024 * 1024;

const MODULE = new URL("./misfit_thread.ts", import.meta.url);

/** Whether this process may load a module without asking anybody: Deno would, on a terminal. */
function mayLoad(module: URL): boolean {
  if (module.protocol !== "file:") return true;
  return Deno.permissions.querySync({ name: "read", path: module }).state === "granted";
}

/** Compares the own hashes of lines, batch after batch. To be disposed of: it may hold a Worker. */
export class OwnHashes implements Disposable {
  #bytes = 0;
  #worker: Worker | undefined;
  #answer: ((misfit: number | undefined) => void) | undefined;
  #ready = false;

  /** Whether a second thread compares what is given from now on. */
  get threaded(): boolean {
    return this.#ready;
  }

  /**
   * The first of some lines whose own hash does not fit, as `firstMisfit` says.
   *
   * @param bytes Complete lines; not to be changed meanwhile. One call at a time.
   */
  async firstMisfit(bytes: Uint8Array): Promise<number> {
    this.#bytes += bytes.length;
    if (this.#bytes >= WORTH_A_THREAD && mayLoad(MODULE)) this.#worker ??= this.#start();
    if (!this.#ready) return firstMisfit(bytes);
    const answer = new Promise<number | undefined>((resolve) => this.#answer = resolve);
    const copy = bytes.slice();
    this.#worker?.postMessage(copy, [copy.buffer]);
    // A Worker that has failed has compared nothing.
    return await answer ?? firstMisfit(bytes);
  }

  [Symbol.dispose](): void {
    this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(MODULE, { type: "module" });
    worker.onmessage = ({ data }) => {
      if (this.#ready) this.#answer?.(data);
      this.#ready = true;
    };
    worker.onerror = (event) => {
      // It could not be loaded, or has no memory: this thread can do the same.
      event.preventDefault();
      this.#ready = false;
      this.#answer?.(undefined);
    };
    return worker;
  }
}
