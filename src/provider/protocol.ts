/**
 * The messages between the kernel and a provider's Worker.
 *
 * @module
 */
import type { ProviderRequest } from "./provider.ts";

/** From the kernel. */
export type ToWorker =
  | {
    readonly type: "init";
    readonly config: unknown;
    readonly maxOutputBytes: number;
    /** Permissions that were inherited with others and are not for this provider. */
    readonly revoke: readonly Deno.PermissionDescriptor[];
  }
  | { readonly type: "calls"; readonly calls: readonly Call[] }
  | { readonly type: "abort"; readonly id: number };

/** One request under way. */
export interface Call extends ProviderRequest {
  readonly id: number;
}

/** From the Worker: the answers of one tick. Untrusted, as all that comes from there. */
export interface FromWorker {
  readonly answers: readonly (Answer & { readonly id: number })[];
}

/** How a call ended. */
export type Answer =
  | { readonly ok: true; readonly data: unknown; readonly truncated: boolean }
  | { readonly ok: false; readonly code: string; readonly error: string };

/** The name of the Worker of a provider, by which its module knows that it is meant. */
export function workerName(provider: string): string {
  return `agent-kernel:${provider}`;
}
