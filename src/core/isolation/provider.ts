/**
 * What a provider is to the kernel: a description, without a way to call it.
 *
 * @module
 */
import type { FileView } from "../../launch/file_view.ts";
import type { Preparation } from "../stage.ts";
import type { PermissionSet } from "./permission_set.ts";
import type { ActionSpec, ActionTable } from "../resource/kind.ts";
import { STANDARD_ACTIONS } from "../../actions/standard.ts";

/** What a provider gets to carry out: already allowed, everything in canonical form. */
export interface ProviderRequest {
  /** One of the provider's actions. */
  readonly action: string;
  /** The canonical target. */
  readonly target: string;
  /** The params with their defaults; further resources in canonical form. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Who asks. */
  readonly agent?: string;
  /** What the caller's `prepare` returned: from the host's code, and from no request. */
  readonly preparation?: Preparation;
}

/** What a provider can use while it carries out a request. */
export interface ProviderContext {
  /** The `config` that the provider was made with, as a structured clone. */
  readonly config: unknown;
  /** Aborted when the deadline of the call has passed; then nothing more should happen. */
  readonly signal: AbortSignal;
  /** The most that a result may hold, in bytes of UTF-8. */
  readonly maxOutputBytes: number;
  /**
   * The hosts that rules of the policy allow to the provider by their full name or address, in
   * canonical form: `host:port`, or `host` where the rule takes any port.
   */
  readonly hosts: readonly string[];
  /** What the policy says of files. */
  readonly files: FileView;
  /** Whether the policy allows any request to the network. */
  readonly network: boolean;
  /** Tells the operator a thing of note, through the kernel's `onWarning`; the same one once. */
  warn(line: string): void;
  /** Says in the result that data was cut to stay within the bound. */
  markTruncated(): void;
  /**
   * Asks the gate for its verdict on a resource that was met on the way and that the request did not
   * name, for example where a redirect leads. Nothing is recorded; what to do with a no is up to the
   * provider: {@linkcode deniedBy} ends the call.
   */
  decide(question: Question): Promise<Verdict>;
}

/** A resource that a provider asks about. */
export interface Question {
  /** The action under which it is decided. @default the action of the call */
  readonly action?: string;
  /** The resource, in any form. */
  readonly target: string;
  /** The params under which it is decided. @default {} */
  readonly params?: Readonly<Record<string, unknown>>;
}

/** What the gate says of a resource. */
export interface Verdict {
  /** Whether the policy allows it. */
  readonly allowed: boolean;
  /** Its canonical form: what was decided, and what has to be used. */
  readonly target: string;
  /** Why not, and what would be needed; empty if it is allowed. */
  readonly reason: string;
  /** One of `CODES`; `ALLOWED` if it is allowed. */
  readonly code: string;
  /** Id of the rule that decided. */
  readonly rule?: string;
}

/**
 * Carries out one request.
 *
 * @returns A JSON value, the `data` of the result.
 * @throws {ProviderError} With a code of its own; any other error is a `PROVIDER_ERROR`.
 */
export type Execute = (request: ProviderRequest, context: ProviderContext) => unknown;

/** A failure that the provider wants to be known by a code. */
export class ProviderError extends Error {
  /** The name of this class. */
  override name = "ProviderError";
  /** Stable code in upper case, for example `NOT_FOUND`. */
  readonly code: string;

  /** A failure with a code of upper-case letters, digits and `_`. */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What was asked for is not permitted. Thrown by a provider, the result and the record are `DENIED`
 * instead of failed.
 */
export class DeniedError extends ProviderError {
  /** The name of this class. */
  override name = "DeniedError";
  /** Id of the rule of the policy that denied it. */
  readonly rule: string | undefined;

  /** A denial with a code of upper-case letters, digits and `_`. */
  constructor(
    code: string,
    message: string,
    { rule, ...options }: ErrorOptions & { readonly rule?: string } = {},
  ) {
    super(code, message, options);
    this.rule = rule;
  }
}

/** The gate's no as an error that ends the call; it names what was denied. */
export function deniedBy({ target, code, reason, rule }: Verdict): DeniedError {
  const message = reason.includes(target) ? reason : `${reason}: "${target}"`;
  return new DeniedError(code, message, rule === undefined ? {} : { rule });
}

/** Options that all providers have in common. */
export interface ProviderLimits {
  /** How long a call may take, in milliseconds, at most 2147483647. @default 30000 */
  readonly deadlineMs?: number;
  /**
   * The most that a result may hold: a text in bytes of UTF-8, anything else in UTF-16 code units of
   * its keys and strings. @default 4194304
   */
  readonly maxOutputBytes?: number;
}

/** Describes a provider. */
export interface ProviderOptions extends ProviderLimits {
  /** Unique name among the providers of a kernel: lower-case letters, digits, `-`. */
  readonly name: string;
  /** The actions that it carries out. For the standard ones the meaning is fixed: give `{}`. */
  readonly actions: Readonly<Record<string, ActionSpec | Record<string, never>>>;
  /**
   * Where it runs. `"worker"`: in a Worker with only the permissions that the policy implies.
   * `"none"`: in this process, with all that the process may do, and past its deadline it cannot be
   * stopped; for test doubles and for what has to live here, like a map. @default "worker"
   */
  readonly isolation?: "worker" | "none";
  /** The module that calls `serveProvider` (its `import.meta.url`); for isolation `"worker"`. */
  readonly module?: string | URL;
  /** The function that does it; for isolation `"none"` only. */
  readonly execute?: Execute;
  /** Handed to the Worker; has to survive `structuredClone`. @default undefined */
  readonly config?: unknown;
  /** Deno permissions that the configuration needs beside what the policy implies. @default none */
  readonly permissions?: Partial<PermissionSet>;
  /** Whether its Worker may look at the files that the policy allows to read or write. @default false */
  readonly readsFiles?: boolean;
  /**
   * Actions of others that it carries out parts of, after it has asked the gate: its Worker also gets
   * the permissions that rules for them imply, and the hosts that they name. @default none
   */
  readonly uses?: readonly string[];
  /**
   * Absolute paths of folders in which the host keeps what no action may read or change, like the
   * snapshots of a reversible layer. The process needs to read and write them. @default none
   */
  readonly stores?: readonly string[];
  /** Absolute paths of files that no action may change, whatever the policy allows. @default none */
  readonly guards?: readonly string[];
}

/** A longer timer ends at once: its milliseconds are a signed number of 32 bits. */
const MAX_DEADLINE_MS = 2 ** 31 - 1;

// INVARIANT: what a provider does cannot be reached from the provider, only from the kernel's hosts.
const executors = new WeakMap<Provider, Execute>();

/**
 * A provider, as the kernel is told of it. It is data: only the kernel can have it act.
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
  /** The actions that it carries out. */
  readonly actions: ActionTable;
  /** Where it runs. */
  readonly isolation: "worker" | "none";
  /** The module of its Worker. */
  readonly module: string | undefined;
  /** What its Worker is configured with. */
  readonly config: unknown;
  /** Deno permissions beside what the policy implies. */
  readonly permissions: Partial<PermissionSet>;
  /** Whether its Worker may look at the files that the policy allows. */
  readonly readsFiles: boolean;
  /** Actions of others whose permissions its Worker needs. */
  readonly uses: readonly string[];
  /** Folders of the host that no action may read or change. */
  readonly stores: readonly string[];
  /** Files that no action may change. */
  readonly guards: readonly string[];
  /** How long a call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** The most that a result may hold, in bytes of UTF-8. */
  readonly maxOutputBytes: number;

  /**
   * Checks the description.
   *
   * @throws {TypeError | RangeError} It is not of the required form.
   */
  constructor(options: ProviderOptions) {
    const { name, actions, isolation = "worker", module, execute } = options;
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) {
      throw new RangeError(
        `Cannot make provider "${name}": expected a name of lower-case letters, digits and "-"`,
      );
    }
    if (
      isolation === "worker" ? module === undefined || execute !== undefined : execute === undefined
    ) {
      throw new TypeError(
        `Cannot make provider "${name}": isolation "worker" needs a module (import.meta.url) and no execute, ` +
          `isolation "none" needs execute`,
      );
    }
    this.name = name;
    this.actions = specs(name, actions);
    this.isolation = isolation;
    this.module = module === undefined ? undefined : String(module);
    this.config = options.config;
    this.permissions = options.permissions ?? {};
    this.readsFiles = options.readsFiles ?? false;
    this.uses = Object.freeze([...options.uses ?? []]);
    this.stores = Object.freeze([...options.stores ?? []]);
    this.guards = Object.freeze([...options.guards ?? []]);
    const relative = this.guards.find((path) => !path.startsWith("/"));
    if (relative !== undefined) {
      throw new TypeError(
        `Cannot make provider "${name}": guards has "${relative}", expected absolute paths`,
      );
    }
    this.deadlineMs = positive(options.deadlineMs ?? 30_000, "deadlineMs", name);
    if (this.deadlineMs > MAX_DEADLINE_MS) {
      throw new RangeError(
        `Cannot make provider "${name}": deadlineMs is ${this.deadlineMs}, the most is ${MAX_DEADLINE_MS} (24 days)`,
      );
    }
    this.maxOutputBytes = positive(
      options.maxOutputBytes ?? 4 * 1024 * 1024,
      "maxOutputBytes",
      name,
    );
    if (execute !== undefined) executors.set(this, execute);
    Object.freeze(this);
  }
}

/** For the kernel's hosts: the function of an in-process provider. */
export function executorOf(provider: Provider): Execute {
  const execute = executors.get(provider);
  if (execute === undefined) {
    throw new TypeError(`Provider "${provider.name}" does not run in this process`);
  }
  return execute;
}

function specs(name: string, actions: ProviderOptions["actions"]): ActionTable {
  const entries = Object.entries(actions).map(([action, spec]): [string, ActionSpec] => {
    const standard = Object.hasOwn(STANDARD_ACTIONS, action) ? STANDARD_ACTIONS[action] : undefined;
    if (standard !== undefined) {
      if (Object.keys(spec).length === 0 || spec === standard) return [action, standard];
      throw new TypeError(
        `Cannot make provider "${name}": the meaning of "${action}" is fixed, give {} for it`,
      );
    }
    if ("kind" in spec) return [action, spec as ActionSpec];
    throw new TypeError(
      `Cannot make provider "${name}": action "${action}" has no kind, expected path, url, command or name`,
    );
  });
  if (entries.length === 0) {
    throw new TypeError(`Cannot make provider "${name}": it has no actions`);
  }
  return Object.freeze(Object.fromEntries(entries));
}

function positive(value: number, what: string, name: string): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(
    `Cannot make provider "${name}": ${what} is ${value}, expected a positive number`,
  );
}
