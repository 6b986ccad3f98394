/**
 * The messages between the kernel and a provider's Worker.
 *
 * @module
 */
import type { Answer } from "./answer.ts";
import type { ProviderRequest, ResourceDecision } from "./provider_host.ts";

/** A message about one call, or about one question, by its number. */
interface Numbered<T extends string> {
  readonly type: T;
  readonly id: number;
}

/** The first message: what the provider is configured with. */
export interface InitMessage {
  readonly type: "init";
  readonly config: unknown;
  readonly maxOutputBytes: number;
  /** What the provider knows of the policy. */
  readonly environment: unknown;
}

/** From the kernel. An abort says that the deadline of a call has passed. */
export type ToWorker =
  | InitMessage
  | Numbered<"call"> & { readonly request: ProviderRequest }
  | Numbered<"abort">
  | Numbered<"decision"> & { readonly decision: ResourceDecision };

/** From the Worker, if it is honest. A question has a number of its own, besides that of its call. */
export type FromWorker =
  | Numbered<"answer"> & { readonly answer: Answer }
  | Numbered<"question"> & { readonly question: number; readonly about: unknown }
  | { readonly type: "warning"; readonly warning: string };

/** What a Worker has to know before its first message arrives: it is the Worker's name. */
export interface WorkerIdentity {
  /** The provider that it is for. */
  readonly provider: string;
  /** Permissions that it inherited with others and has to give up. */
  readonly revoke: readonly Deno.PermissionDescriptor[];
}

const PREFIX = "agent-kernel:";

/** The name of a Worker with this identity. */
export function workerName(identity: WorkerIdentity): string {
  return PREFIX + JSON.stringify(identity);
}

/**
 * The identity of the Worker with this name.
 *
 * @returns `undefined` if the Worker was not created by a kernel.
 */
export function identityOf(name: unknown): WorkerIdentity | undefined {
  if (typeof name !== "string" || !name.startsWith(PREFIX)) return undefined;
  return JSON.parse(name.slice(PREFIX.length));
}
