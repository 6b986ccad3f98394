/**
 * What a resident kernel looks at by time: a changed policy is taken up, and a log that failed is opened again.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import type { Timer } from "../core/timer.ts";

/** How often the file is looked at, in milliseconds. */
const LOOK_MS = 1000;

/** What is done about a changed file. */
export interface PolicyWatchOptions {
  /** Loads it. If it throws, the old policy stays in force. */
  readonly reload: () => Promise<void>;
  /** Opens a log that failed again, if the cause is gone. @default nothing is done */
  readonly recover?: () => Promise<void>;
  readonly timer: Timer;
  readonly onWarning: (line: string) => void;
}

/** Looks at the file of a policy, by time: editors replace files, which ends the watch of a single one. */
export class PolicyWatch implements Disposable {
  readonly #file: URL;
  readonly #options: PolicyWatchOptions;
  #seen: string;
  #cancel: () => void;

  /** Begins to look. */
  constructor(file: URL, options: PolicyWatchOptions) {
    this.#file = file;
    this.#options = options;
    this.#seen = stateOf(file);
    this.#cancel = this.#schedule();
  }

  /** Loads the policy now. Never rejects. */
  async reload(): Promise<void> {
    const { reload, onWarning } = this.#options;
    this.#seen = stateOf(this.#file);
    try {
      await reload();
      onWarning("agent-kernel: the policy was loaded again");
    } catch (error) {
      onWarning(
        `agent-kernel: the old policy stays in force, the new one is refused: ${messageOf(error)}`,
      );
    }
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #schedule(): () => void {
    return this.#options.timer.schedule(async () => {
      if (stateOf(this.#file) !== this.#seen) await this.reload();
      // It stays failed while the cause is there: whoever submits is told so.
      await this.#options.recover?.().catch(() => {});
      this.#cancel = this.#schedule();
    }, LOOK_MS);
  }
}

/** What changes when a file is written or replaced. A file that is not there is none that can be loaded. */
function stateOf(file: URL): string {
  try {
    const { ino, size, mtime } = Deno.statSync(file);
    return `${ino} ${size} ${mtime?.getTime()}`;
  } catch {
    return "missing";
  }
}
