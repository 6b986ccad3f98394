/**
 * A provider as its author describes it: data, without a way to call it.
 *
 * @module
 */
import type { ActionSpec } from "../core/resource/kind.ts";
import type { PermissionSet } from "../core/isolation/permission_set.ts";
import type { Execute } from "./provider_context.ts";

/** Options that all providers have in common. */
export interface ProviderLimits {
  /** How long a call may take, in milliseconds, at most 2147483647. @default 30000 */
  readonly deadlineMs?: number;
  /**
   * The bound of a result: for text in bytes of UTF-8, for anything else in UTF-16 code units of its
   * keys and strings together. @default 4194304
   */
  readonly maxOutputBytes?: number;
}

/** Stands for the fixed meaning of a standard action. */
export type StandardAction = Record<string, never>;

/** The options of a {@linkcode Provider}. */
export interface ProviderOptions extends ProviderLimits {
  /** Unique name among the providers of a kernel: lower-case letters, digits, `-`. */
  readonly name: string;
  /** The actions that it carries out. The standard ones (`fs.read`, …) have a fixed meaning: give `{}`. */
  readonly actions: Readonly<Record<string, ActionSpec | StandardAction>>;
  /**
   * Where it runs. `"worker"`: in a Worker with only the permissions that the policy implies.
   * `"none"`: in this process with all of its permissions; it cannot be stopped at its deadline. For
   * tests, and for what has to be in this process, like a map. @default "worker"
   */
  readonly isolation?: "worker" | "none";
  /** The module that calls `serveProvider` (its `import.meta.url`); for isolation `"worker"`. */
  readonly module?: string | URL;
  /** The function that carries out requests; for isolation `"none"` only. */
  readonly execute?: Execute;
  /** Handed to the Worker; has to survive `structuredClone`. @default undefined */
  readonly config?: unknown;
  /** Deno permissions that the configuration needs in addition to what the policy implies. @default none */
  readonly permissions?: Partial<PermissionSet>;
  /** Whether its Worker may read the files on which the policy allows `fs.read` or `fs.write`. @default false */
  readonly readsFiles?: boolean;
  /**
   * Actions of others that it carries out parts of, after it has asked the kernel: its Worker also
   * gets the permissions that rules for them imply, and the hosts that they name. @default none
   */
  readonly uses?: readonly string[];
  /**
   * Actions about which it asks (`context.decide`) before it carries out a part of them: each such
   * question is a request of its own, with its intent and record. @default none
   */
  readonly records?: readonly string[];
  /**
   * Whether it holds programs to the limits of a rule on them (`memory`, `processes`, …), which it gets
   * as `program_limits` of the preparation. @default false
   */
  readonly boundsPrograms?: boolean;
  /**
   * Absolute paths of folders that no action may read or change and that the process itself reads and
   * writes, like the snapshots of a reversible layer. @default none
   */
  readonly stores?: readonly string[];
  /**
   * Absolute paths of folders that what it runs may change, whatever the policy allows: allow rules
   * follow no links in them. @default none
   */
  readonly changeable?: readonly string[];
  /** Absolute paths of files that no action may change, whatever the policy allows. @default none */
  readonly guards?: readonly string[];
}

/** The longest delay of a timer: its milliseconds are a signed number of 32 bits. */
const MAX_DEADLINE_MS = 2 ** 31 - 1;

// INVARIANT: a provider's function cannot be reached through the provider, only by the kernel's hosts.
const executors = new WeakMap<Provider, Execute>();

/**
 * A provider as data: only a kernel can have it act.
 *
 * @example
 * ```ts
 * import { Provider } from "@agent-kernel/kernel/provider";
 *
 * const store = new Map<string, unknown>();
 * const kv = new Provider({
 *   name: "kv",
 *   isolation: "none",
 *   actions: { "kv.get": { kind: "name" } },
 *   execute: ({ target }) => store.get(target) ?? null,
 * });
 * ```
 */
export class Provider {
  /** Unique among the providers of a kernel. */
  readonly name: string;
  /** The actions that it carries out, as given: `{}` for a standard action. */
  readonly actions: Readonly<Record<string, ActionSpec | StandardAction>>;
  /** Where it runs. */
  readonly isolation: "worker" | "none";
  /** The module of its Worker. */
  readonly module: string | undefined;
  /** What its Worker is configured with. */
  readonly config: unknown;
  /** Deno permissions in addition to what the policy implies. */
  readonly permissions: Partial<PermissionSet>;
  /** Whether its Worker may read the files that the policy allows. */
  readonly readsFiles: boolean;
  /** Actions of others whose permissions its Worker needs. */
  readonly uses: readonly string[];
  /** Actions whose questions have records of their own. */
  readonly records: readonly string[];
  /** Whether it holds programs to the limits of a rule on them. */
  readonly boundsPrograms: boolean;
  /** Folders of the host that no action may read or change. */
  readonly stores: readonly string[];
  /** Folders that what it runs may change. */
  readonly changeable: readonly string[];
  /** Files that no action may change. */
  readonly guards: readonly string[];
  /** How long a call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** The bound of a result, see {@linkcode ProviderLimits}. */
  readonly maxOutputBytes: number;

  /**
   * Checks the options.
   *
   * @throws {TypeError | RangeError} They are not of the required form.
   */
  constructor(options: ProviderOptions) {
    const { name, actions, isolation = "worker", module, execute, guards = [] } = options;
    const { deadlineMs = 30_000, maxOutputBytes = 4 * 1024 * 1024 } = options;
    const problem = `Cannot make provider "${name}":`;
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) {
      throw new RangeError(`${problem} expected a name of lower-case letters, digits and "-"`);
    }
    if (
      isolation === "worker" ? module === undefined || execute !== undefined : execute === undefined
    ) {
      throw new TypeError(
        `${problem} isolation "worker" needs a module (import.meta.url) and no execute, ` +
          `isolation "none" needs execute`,
      );
    }
    if (Object.keys(actions).length === 0) throw new TypeError(`${problem} it has no actions`);
    const relative = guards.find((path) => !path.startsWith("/"));
    if (relative !== undefined) {
      throw new TypeError(`${problem} guards has "${relative}", expected absolute paths`);
    }
    for (const [option, value] of Object.entries({ deadlineMs, maxOutputBytes })) {
      if (Number.isFinite(value) && value > 0) continue;
      throw new RangeError(`${problem} ${option} is ${value}, expected a positive number`);
    }
    if (deadlineMs > MAX_DEADLINE_MS) {
      throw new RangeError(
        `${problem} deadlineMs is ${deadlineMs}, the most is ${MAX_DEADLINE_MS} (24 days)`,
      );
    }
    this.name = name;
    this.actions = Object.freeze({ ...actions });
    this.isolation = isolation;
    this.module = module === undefined ? undefined : String(module);
    this.config = options.config;
    this.permissions = options.permissions ?? {};
    this.readsFiles = options.readsFiles ?? false;
    this.uses = Object.freeze([...options.uses ?? []]);
    this.boundsPrograms = options.boundsPrograms ?? false;
    this.records = Object.freeze([...options.records ?? []]);
    this.stores = Object.freeze([...options.stores ?? []]);
    this.changeable = Object.freeze([...options.changeable ?? []]);
    this.guards = Object.freeze([...guards]);
    this.deadlineMs = deadlineMs;
    this.maxOutputBytes = maxOutputBytes;
    if (execute !== undefined) executors.set(this, execute);
    Object.freeze(this);
  }
}

/**
 * The function of an in-process provider, for its host.
 *
 * @throws {TypeError} The provider runs in a Worker.
 */
export function executorOf(provider: Provider): Execute {
  const execute = executors.get(provider);
  if (execute === undefined) {
    throw new TypeError(`Provider "${provider.name}" does not run in this process`);
  }
  return execute;
}
