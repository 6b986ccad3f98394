/**
 * The messages between the kernel and a provider's Worker. Calls and answers may also go through
 * mailboxes (`channel.ts`).
 *
 * @module
 */
import type { Item } from "../../transport/mailbox.ts";
import type { ProviderContext, ProviderRequest, Question, Verdict } from "./provider.ts";

/** From the kernel. */
export type ToWorker =
  | {
    readonly type: "init";
    readonly config: unknown;
    readonly maxOutputBytes: number;
    readonly surroundings: Surroundings;
    /** The boxes for calls and for answers. */
    readonly mailboxes: Mailboxes;
  }
  | { readonly type: "calls"; readonly calls: readonly Call[] }
  | { readonly type: "abort"; readonly id: number }
  | { readonly type: "verdict"; readonly question: number; readonly verdict: Verdict };

/** Memory that the kernel shares with a Worker. */
export interface Mailboxes {
  readonly calls: SharedArrayBuffer;
  readonly answers: SharedArrayBuffer;
}

/** What a provider is told of the policy. */
export type Surroundings = Pick<ProviderContext, "files" | "network" | "hosts">;

/** One request under way. */
export interface Call extends ProviderRequest {
  readonly id: number;
}

/** From the Worker. Untrusted, as all that comes from there. */
export type FromWorker =
  /** The answers of one tick. */
  | { readonly answers: readonly NumberedAnswer[] }
  /** A question of a call, by the numbers of both. */
  | { readonly id: number; readonly question: number; readonly about: Question }
  /** For the operator. */
  | { readonly warning: string };

/** Gives the gate's verdict on what a provider asks in the course of a call; never throws. */
export type Judge = (question: unknown) => Verdict;

/** What a Worker answers. */
export type NumberedAnswer = Answer & { readonly id: number };

/** An answer as it goes through a mailbox: data that is a text stands beside it. */
export function packAnswer(answer: NumberedAnswer): Item {
  if (!answer.ok || typeof answer.data !== "string") return { json: answer };
  const { id, ok, truncated, data } = answer;
  return { json: { id, ok, truncated }, text: data };
}

/**
 * What `packAnswer` has put beside it, in its place. INVARIANT: of an untrusted item only named fields
 * are read, however many it has.
 */
export function unpackAnswer(item: unknown): unknown {
  if (typeof item !== "object" || item === null) return undefined;
  const { id, ok, truncated, text } = item as Readonly<Record<string, unknown>>;
  return text === undefined ? item : { id, ok, truncated, data: text };
}

/** How a call ended. */
export type Answer =
  | { readonly ok: true; readonly data: unknown; readonly truncated: boolean }
  | {
    readonly ok: false;
    readonly code: string;
    readonly error: string;
    /** It was not permitted, says the provider. */
    readonly denied?: true;
    /** Id of the rule that denied it. */
    readonly rule?: string;
  };

/** What a Worker has to know before its first message; it stands in the Worker's name. */
export interface WorkerIdentity {
  /** The provider that is meant. */
  readonly provider: string;
  /** Permissions that were inherited with others and are not for this provider. */
  readonly revoke: readonly Deno.PermissionDescriptor[];
}

const PREFIX = "agent-kernel:";

/** The name of a Worker. */
export function workerName(identity: WorkerIdentity): string {
  return PREFIX + JSON.stringify(identity);
}

/** Who the Worker with this name is; `undefined` if it is none of a kernel's. */
export function identityOf(name: unknown): WorkerIdentity | undefined {
  if (typeof name !== "string" || !name.startsWith(PREFIX)) return undefined;
  return JSON.parse(name.slice(PREFIX.length));
}
