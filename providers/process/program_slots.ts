/**
 * How many calls of one program may be under way, so that it does not hold back the other programs.
 *
 * @module
 */
import type { Timer } from "../../src/core/timer.ts";
import { escape } from "../../src/visible_text.ts";
import { CallSlots } from "../call_slots.ts";

/** Half of the calls that the kernel gives a Worker at once. */
export const CALLS_OF_PROGRAM = 32;

/** The slots of each executable that runs. */
export class ProgramSlots {
  readonly #timer: Timer;
  readonly #slots = new Map<string, CallSlots>();

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /**
   * Waits until one more call of an executable may run.
   *
   * @param signal Ends the wait.
   * @returns Disposing of it frees the slot.
   * @throws {ProviderError} `PROGRAM_BUSY`: no call of it has ended for a while.
   */
  async take(executable: string, signal: AbortSignal): Promise<Disposable> {
    let slots = this.#slots.get(executable);
    if (slots === undefined) {
      const whose = `The program "${escape(executable)}"`;
      const options = { whose, code: "PROGRAM_BUSY", slots: CALLS_OF_PROGRAM, timer: this.#timer };
      this.#slots.set(executable, slots = new CallSlots(options));
    }
    const all = slots;
    const slot = await all.take(signal);
    return {
      [Symbol.dispose]: () => {
        slot[Symbol.dispose]();
        if (all.isIdle) this.#slots.delete(executable);
      },
    };
  }
}
