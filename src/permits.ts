/**
 * Permits: actions that an outside agent does itself. The kernel decides and records them, and records what
 * the agent says became of them. It executes nothing, so that it knows only what the agent tells.
 *
 * @module
 */
import type { ActionResult, CanonicalRequest } from "./core/action.ts";
import { messageOf } from "./core/errors.ts";
import type { ProviderHost } from "./core/isolation/provider_host.ts";
import type { Decided, Outcome } from "./core/kernel.ts";
import type { Policy } from "./core/policy/policy.ts";
import type { AuditRecord } from "./core/record/record.ts";
import type { Timer } from "./core/timer.ts";

/** What an agent says of an action that it was permitted. Untrusted. */
export interface PermitReport {
  /** What went wrong, in the agent's words. @default nothing */
  readonly error?: string;
  /** Why it was not done, or nothing is known of it: it is then on record as `UNREPORTED`. @default it was done */
  readonly notDone?: string;
  /** How long it took, in milliseconds. @default not known */
  readonly durationMs?: number;
  /** SHA-256 of what the agent got, 64 hexadecimal digits. @default not known */
  readonly resultDigest?: string;
}

/** How permits are kept. */
export interface PermitDeskOptions {
  readonly timer: Timer;
  /** How long a report is waited for, in milliseconds. */
  readonly reportWithinMs: number;
  /** Puts on record what became of a permitted action. */
  readonly record: (permitted: Decided, outcome: Outcome) => Promise<unknown>;
  /** Gets what could not be recorded. */
  readonly onWarning: (line: string) => void;
}

/** A permit without a report. */
interface OpenPermit {
  readonly decided: Decided;
  readonly rule: string | undefined;
  /** Takes back the timer of the report. */
  readonly cancel?: () => void;
}

/** The most permits that wait for their report; the oldest is given up for a new one. */
const MAX_OPEN = 10_000;
const MAX_ERROR = 1024;
const DIGEST = /^[0-9a-f]{64}$/;

/** The permits of one open kernel that have no report yet. */
export class PermitDesk {
  readonly #options: PermitDeskOptions;
  readonly #open = new Map<string, OpenPermit>();
  /** Records under way that nobody waits for. */
  readonly #recording = new Set<Promise<void>>();

  constructor(options: PermitDeskOptions) {
    this.#options = options;
  }

  /**
   * Has a request decided and recorded as `PERMITTED`.
   *
   * @param submit Submits it; the given host stands where its provider would.
   * @param given What its record says beside the canonical request.
   */
  async permit(
    submit: (host: ProviderHost) => Promise<ActionResult>,
    given: Pick<Decided, "paramsDigest" | "policy">,
  ): Promise<ActionResult> {
    let request: CanonicalRequest | undefined;
    const result = await submit(outsideHost((canonical) => request = canonical));
    const { status, recordId, rule } = result;
    // INVARIANT: there is a permit only if there is its record: this comes after that is written.
    if (status === "OK" && recordId !== undefined && request !== undefined) {
      this.#keep(recordId, { decided: { request, ...given }, rule });
    }
    return result;
  }

  /**
   * Puts on record what became of a permitted action.
   *
   * @returns Whether there was such a permit without a report.
   * @throws {AuditLogError} (as a rejection) It could not be recorded; it is when the log has recovered.
   */
  async report(id: string, report: PermitReport): Promise<boolean> {
    const permit = this.#take(id);
    if (permit === undefined) return false;
    await this.#end(id, permit, outcomeOf(report));
    return true;
  }

  /** Gives all permits up. */
  async close(): Promise<void> {
    for (const id of this.#open.keys()) this.#giveUp(id, "the kernel ended before a report came");
    await Promise.all(this.#recording);
  }

  #keep(id: string, permit: OpenPermit): void {
    const { timer, reportWithinMs } = this.#options;
    const [oldest] = this.#open.size >= MAX_OPEN ? this.#open.keys() : [];
    if (oldest !== undefined) this.#giveUp(oldest, `${MAX_OPEN} newer permits wait for a report`);
    const late = `no report came within ${reportWithinMs / 1000} s`;
    const cancel = timer.schedule(() => this.#giveUp(id, late), reportWithinMs);
    this.#open.set(id, { ...permit, cancel });
  }

  #giveUp(id: string, why: string): void {
    const permit = this.#take(id);
    if (permit === undefined) return;
    const error = `it may have been done, or not: ${why}`;
    const recording = this.#end(id, permit, { status: "UNREPORTED", error })
      .catch((error) => this.#options.onWarning(`agent-kernel: permits: ${messageOf(error)}`))
      .finally(() => this.#recording.delete(recording));
    this.#recording.add(recording);
  }

  /**
   * Puts the end on record. It has an id of its own, so that a log that cannot be written keeps it until it can
   * (`recover`).
   */
  async #end(id: string, { decided, rule }: OpenPermit, outcome: Outcome): Promise<void> {
    const recordId = crypto.randomUUID();
    await this.#options.record(decided, { ...outcome, recordId, permit: id, rule });
  }

  /** INVARIANT: each permit ends once, as `DONE` or `UNREPORTED`. */
  #take(id: string): OpenPermit | undefined {
    const permit = this.#open.get(id);
    permit?.cancel?.();
    this.#open.delete(id);
    return permit;
  }
}

/**
 * Ends the permits of a kernel that was killed, whose reports nobody waits for any more.
 *
 * @param policy The policy in force now; each record names the one that permitted it.
 */
export async function endPermits(
  permits: readonly AuditRecord[],
  policy: Policy,
  record: PermitDeskOptions["record"],
): Promise<void> {
  for (const { record_id, action, target, agent, rule, params, policy: digest } of permits) {
    const request = { action, target, ...agent === undefined ? {} : { agent } };
    await record({ request, paramsDigest: params, policy: { ...policy, digest } }, {
      status: "UNREPORTED",
      error: "it may have been done, or not: the kernel was killed before a report came",
      recordId: crypto.randomUUID(),
      permit: record_id,
      rule,
    });
  }
}

/** What a report says, as far as it is of the right form. */
function outcomeOf({ error, notDone, durationMs, resultDigest }: PermitReport): Outcome {
  if (typeof notDone === "string") {
    return { status: "UNREPORTED", error: notDone.slice(0, MAX_ERROR) };
  }
  const isTime = typeof durationMs === "number" && durationMs >= 0 && durationMs < Infinity;
  const isDigest = typeof resultDigest === "string" && DIGEST.test(resultDigest);
  return {
    status: "DONE",
    ...typeof error === "string" && { error: error.slice(0, MAX_ERROR), code: "REPORTED_FAILURE" },
    ...isTime && { durationMs },
    ...isDigest && { stages: { report: { result: resultDigest } } },
  };
}

/** Stands where a provider would, and does nothing. */
function outsideHost(onPermitted: (request: CanonicalRequest) => void): ProviderHost {
  return {
    maxOutputBytes: 1024,
    close: () => Promise.resolve(),
    call({ preparation, ...request }) {
      // INVARIANT: what only a provider can hold to is not permitted to whoever has none.
      if (preparation !== undefined) {
        const names = Object.keys(preparation).join(", ");
        const error =
          `not permitted: its rule needs a provider of the kernel (${names}), and the agent would do it itself; use the kernel's own tools for it`;
        return Promise.resolve({ ok: false, denied: true, code: "NOT_ENFORCEABLE", error });
      }
      onPermitted(request);
      return Promise.resolve({ ok: true, data: null, truncated: false });
    },
  };
}
