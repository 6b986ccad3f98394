/**
 * Submits as OpenTelemetry spans, which Deno exports by itself when started with `OTEL_DENO=true`.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "./core/action.ts";
import { messageOf } from "./core/errors.ts";
import { redactText } from "./redaction.ts";
import { VERSION } from "./version.ts";

/** What a span says of a submit. Neither target nor params nor data: those may hold anything. */
export interface SubmitOutcome {
  /** As in the request. */
  readonly action: string;
  /** How it ended: a status of results or of records. */
  readonly status: string;
  /** Id of the rule that decided. */
  readonly rule?: string | undefined;
  /** Stable code of what was refused or failed. */
  readonly code?: string | undefined;
  /** Who asked. */
  readonly agent?: string | undefined;
  /** In milliseconds since the epoch, fractions allowed. */
  readonly startTime: number | Date;
  /** In milliseconds since the epoch, fractions allowed. */
  readonly endTime: number | Date;
}

/** Records submits as spans. */
export interface SubmitTracer {
  /** Records a submit that has ended, as a child of the span that is active. Never throws. */
  record(outcome: SubmitOutcome): void;
  /**
   * Submits a request and records how that ended.
   *
   * @param request Untrusted; each property is read once, and what was read is submitted.
   */
  trace(
    request: ActionRequest,
    submit: (request: ActionRequest) => Promise<ActionResult>,
  ): Promise<ActionResult>;
}

// INVARIANT: attributes are named one by one, so that whatever else an outcome holds stays out.
const ATTRIBUTES = ["action", "status", "rule", "code", "agent"] as const;
/** Longest attribute; an invalid action may be of any length. */
const MAX_ATTRIBUTE = 256;
/** Under this name of `globalThis`, Deno registers its tracing for version 1 of the OpenTelemetry API. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

/**
 * A tracer if Deno's telemetry is on, else `undefined`. The OpenTelemetry API is loaded only if it is
 * on. To find that out takes no permission: `OTEL_DENO` itself could only be read with env access.
 *
 * @param warn Told if the API cannot be loaded: then nothing is traced.
 */
export async function submitTracer(
  warn: (line: string) => void,
): Promise<SubmitTracer | undefined> {
  if (!isOn()) return undefined;
  try {
    return tracerOf(await import("@opentelemetry/api"));
  } catch (error) {
    warn(
      `agent-kernel: submits are not traced, cannot load @opentelemetry/api: ${messageOf(error)}`,
    );
    return undefined;
  }
}

function tracerOf({ SpanStatusCode, trace }: typeof import("@opentelemetry/api")): SubmitTracer {
  const tracer = trace.getTracer("agent-kernel", VERSION);
  const record = (outcome: SubmitOutcome) => {
    try {
      const { status, code, startTime, endTime } = outcome;
      const span = tracer.startSpan("agent_kernel.submit", { startTime });
      for (const name of ATTRIBUTES) {
        const value: unknown = outcome[name];
        if (typeof value === "string") span.setAttribute(`agent_kernel.${name}`, shown(value));
      }
      // A denial is the kernel at work, not an error.
      if (status !== "OK" && status !== "DENIED") {
        span.setStatus({ code: SpanStatusCode.ERROR, message: shown(code ?? status) });
      }
      span.end(endTime);
    } catch {
      // INVARIANT: telemetry does not decide how a submit ends.
    }
  };
  return {
    record,
    async trace(request, submit) {
      const startTime = Date.now();
      const read = readOnce(request);
      const result = await submit(read ?? request);
      const { action = "", agent } = read ?? {};
      record({ ...result, action, agent, startTime, endTime: Date.now() });
      return result;
    },
  };
}

/** @returns `undefined` if it cannot be read: then it is invalid, and the kernel says why. */
function readOnce(request: ActionRequest): ActionRequest | undefined {
  try {
    const { action, target, params, agent, undoes } = request;
    return { action, target, params, agent, undoes } as ActionRequest;
  } catch {
    return undefined; // INVARIANT: telemetry does not decide how a submit ends.
  }
}

function isOn(): boolean {
  const registered: unknown = Reflect.get(globalThis, REGISTERED);
  return typeof registered === "object" && registered !== null && "trace" in registered;
}

function shown(text: string): string {
  return redactText(text).slice(0, MAX_ATTRIBUTE);
}
