/**
 * Limits of one open kernel: its ledger, and the stage for each of its policies.
 *
 * @module
 */
import type { Stage } from "../stages/stage.ts";
import type { Limit, PolicyLimits } from "./limit.ts";
import { MemoryLimitStore } from "./memory_store.ts";
import { limitStage, type LimitStageOptions } from "./stage.ts";
import type { LimitStore } from "./store.ts";

/** Where the limits of a policy are counted. */
export interface LimitOptions {
  /**
   * A ledger of your own. Kernels can share it; whoever made it closes it.
   * @default one in memory, for this kernel alone
   */
  readonly store?: LimitStore;
  /**
   * The folder of a ledger that survives restarts and is shared by the processes of this machine. The
   * folder above it has to exist. No action may read or change it. @default none
   */
  readonly path?: string;
  /**
   * How far a charge has to get before its action begins, with `path`: to the operating system, or to
   * the disk. @default "os"
   */
  readonly durability?: "os" | "disk";
}

/** What the limits of a kernel depend on. */
export interface EnforcementOptions {
  readonly store: LimitStore | undefined;
  /** Absolute path of the folder of the ledger. */
  readonly path: string | undefined;
  readonly durability: "os" | "disk" | undefined;
  /** Wall clock. */
  readonly clock: () => Date;
  readonly onWarning: (line: string) => void;
}

/** A clock that is so far back is told, in milliseconds. */
const CLOCK_TOLERANCE_MS = 60_000;

/** Opens the ledger with the first policy that has limits. One session, in the sense of limits. */
export class LimitEnforcement {
  readonly #options: EnforcementOptions;
  readonly #session = crypto.randomUUID();
  #store: LimitStore | undefined;
  /**
   * Has a reset that another process asked for carried out and recorded. Set when there is a log.
   * @default no such reset is carried out, and nothing passes meanwhile
   */
  onReset: ((limit: string, reset: (limit: string) => void) => Promise<void>) | undefined;
  #toldOfMemory = false;
  /** The limits that were reset here, one after the other. */
  readonly #resets: string[] = [];

  constructor(options: EnforcementOptions) {
    this.#options = options;
  }

  /**
   * The stage for a policy.
   *
   * @returns `undefined` if it has no limits.
   * @throws {LimitStoreError} The ledger cannot be opened.
   */
  async stageFor(
    limits: PolicyLimits,
    { boundsOf }: Pick<LimitStageOptions, "boundsOf">,
  ): Promise<Stage | undefined> {
    const all = [...limits.rules.values().toArray(), ...limits.all.map(({ limits }) => limits)]
      .flat();
    if (all.length === 0) return undefined;
    const store = this.#store ??= await this.#open();
    this.#warnOfMemory(all);
    const { clock } = this.#options;
    return limitStage({
      store,
      limits,
      clock,
      session: this.#session,
      boundsOf,
      reset: async (limit) => {
        if (this.onReset === undefined) throw new Error("There is no log to record a reset in");
        await this.onReset(limit, (limit) => {
          store.reset(limit);
          this.#resets.push(limit);
        });
      },
      resets: this.#resets,
    });
  }

  /**
   * Uses the ledger again after it was deleted, or could not be written.
   *
   * @throws {LimitStoreError} The cause is still there, or what was charged is not known any more.
   */
  recover(): void {
    this.#store?.recover?.();
  }

  /** Closes the ledger, if it was opened here. */
  close(): void {
    if (this.#options.store === undefined) this.#store?.close();
    this.#store = undefined;
  }

  async #open(): Promise<LimitStore> {
    const { store, path, durability = "os", clock, onWarning } = this.#options;
    if (store !== undefined) return store;
    if (path === undefined) return new MemoryLimitStore();
    const { SqliteLimitStore } = await import("./sqlite_store.ts");
    const opened = new SqliteLimitStore(path, { durability, session: this.#session });
    const { abandoned } = opened;
    if (abandoned > 0) {
      onWarning(
        `agent-kernel: limits: ${abandoned} action${
          abandoned === 1 ? " was" : "s were"
        } under way when a process ended; what they had reserved stays charged ("agent-kernel limits" shows it)`,
      );
    }
    const at = clock().getTime();
    const ahead = opened.now(at) - at;
    if (ahead > CLOCK_TOLERANCE_MS) {
      onWarning(
        `agent-kernel: limits: the clock is ${
          Math.round(ahead / 1000)
        } s behind the latest time in the ledger "${path}"; limits renew when it has caught up`,
      );
    }
    return opened;
  }

  #warnOfMemory(limits: readonly Limit[]): void {
    const { store, path, onWarning } = this.#options;
    if (store !== undefined || path !== undefined || this.#toldOfMemory) return;
    const longer = limits.filter(({ period }) => period !== undefined && period !== "session");
    if (longer.length === 0) return;
    this.#toldOfMemory = true;
    onWarning(
      `agent-kernel: limits are counted in memory: what ${
        longer.map(({ id }) => `"${id}"`).join(", ")
      } has used is forgotten when this process ends; limits.path names a folder that keeps it`,
    );
  }
}
