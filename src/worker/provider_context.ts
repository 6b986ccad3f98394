/**
 * What a provider's function can use while it carries out a request.
 *
 * @module
 */
import type { ProviderRequest, ResourceDecision } from "../core/isolation/provider_host.ts";
import type { FileView } from "../launch/file_view.ts";

/** What a provider knows of the policy. */
export interface ProviderEnvironment {
  /**
   * The hosts that allow rules for the provider's actions name in full, in canonical form:
   * `host:port`, or `host` where the rule takes any port.
   */
  readonly hosts: readonly string[];
  /** The rules on files. */
  readonly files: FileView;
  /** Whether the policy allows any request to the network. */
  readonly network: boolean;
}

/** What a provider can use while it carries out a request. */
export interface ProviderContext extends ProviderEnvironment {
  /** The `config` that the provider was made with, as a structured clone. */
  readonly config: unknown;
  /** Aborted when the deadline of the call has passed; nothing more should happen then. */
  readonly signal: AbortSignal;
  /** The bound of a result, in bytes of UTF-8. */
  readonly maxOutputBytes: number;
  /**
   * Shows the operator a line through the kernel's `onWarning`.
   *
   * @param line Cut to 500 characters; each line once, at most 20 lines.
   */
  warn(line: string): void;
  /**
   * Has a function called once when the kernel closes this provider, for what outlives a call: a
   * connection, a file, a timer. It must not throw. A Worker is ended instead, with all that it has.
   *
   * @param cleanup The same function is called once, however often it was given.
   */
  onClose(cleanup: () => void): void;
  /** Marks the result as `truncated`: data was cut to stay within the bound. */
  markTruncated(): void;
  /**
   * Asks the kernel about a resource that the request did not name, for example where a redirect
   * leads. Nothing is recorded. A denial does not end the call: throw {@linkcode deniedBy} for that.
   *
   * @returns The decision; it denies if the kernel cannot decide.
   */
  decide(question: Question): Promise<ResourceDecision>;
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

/**
 * Carries out one request.
 *
 * @returns A JSON value, the `data` of the result; `undefined` becomes `null`.
 * @throws {ProviderError} With a code of its own; any other error is a `PROVIDER_ERROR`.
 */
export type Execute = (request: ProviderRequest, context: ProviderContext) => unknown;
