/**
 * Undoing an action by another request (a compensation), for what only the other side can undo.
 *
 * @module
 */
import type { ActionResult, CanonicalRequest } from "../core/action.ts";
import type { Capture, SavedAction, SnapshotStrategy, Undo } from "./strategy.ts";
import { checkTargetTemplate, fill, fillTarget, placeholdersOf, valueAt } from "./template.ts";

/** The request that undoes an action, with placeholders. */
export interface Compensation {
  /** Its action: no placeholders. */
  readonly action: string;
  /** Its target, for example `"https://api.example.com/v1/orders/{{data.body.id}}"`. */
  readonly target: string;
  /** Its params. @default {} */
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Options of {@linkcode CompensationStrategy}. */
export interface CompensationOptions {
  /** The action that is undone, for example `"net.http"`; `*` stands for one segment. */
  readonly action: string;
  /** How. */
  readonly compensate: Compensation;
}

/** The values of the placeholders, by their path. */
interface CompensationSnapshot {
  readonly compensate: Compensation;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Undoes an action by a declared request. Placeholders are `{{target}}`, `{{agent}}`, `{{params.…}}` of the
 * action and `{{data.…}}` of its result. Values stay data: in a target a value is one segment.
 *
 * It is not checked whether the other side has changed since.
 *
 * @example
 * ```ts
 * import { CompensationStrategy } from "@agent-kernel/kernel/reversible";
 * import { assertEquals } from "@std/assert";
 *
 * const strategy = new CompensationStrategy({
 *   action: "mcp.call",
 *   compensate: { action: "mcp.call", target: "tickets/close", params: { id: "{{data.id}}" } },
 * });
 * assertEquals(strategy.action, "mcp.call");
 * ```
 */
export class CompensationStrategy implements SnapshotStrategy {
  /** The action that it undoes. */
  readonly action: string;
  readonly #compensate: Compensation;

  /**
   * Checks the template.
   *
   * @param options The action, and the request that undoes it.
   * @throws {SyntaxError} A placeholder has another form, or stands where it could lead to another host.
   */
  constructor({ action, compensate }: CompensationOptions) {
    if (placeholdersOf(compensate.action).length > 0) {
      throw new SyntaxError(`Cannot use the action "${compensate.action}": it has a placeholder`);
    }
    checkTargetTemplate(compensate.target);
    placeholdersOf(compensate.params);
    this.action = action;
    this.#compensate = structuredClone(compensate);
  }

  /** Nothing: the other side orders its requests itself. */
  touches(): readonly string[] {
    return [];
  }

  /** Keeps the values of the request that the template names, and nothing else. */
  capture({ target, params, agent }: CanonicalRequest): Promise<Capture> {
    const values = pick(this.#compensate, "request", { target, params, agent });
    const snapshot: CompensationSnapshot = { compensate: this.#compensate, values };
    return Promise.resolve({ snapshot });
  }

  /**
   * Adds the values of the result that the template names.
   *
   * @throws {Error} One is missing.
   */
  settle({ snapshot }: SavedAction, { status, data }: ActionResult): unknown {
    const { compensate, values } = snapshot as CompensationSnapshot;
    if (status !== "OK") return { compensate, values };
    const all = { ...values, ...pick(compensate, "result", { data }) };
    fillTarget(compensate.target, all);
    fill(compensate.params, all);
    return { compensate, values: all };
  }

  /** The declared request. */
  undo({ snapshot }: SavedAction): Promise<Undo> {
    const { compensate: { action, target, params }, values } = snapshot as CompensationSnapshot;
    try {
      const filled = fill(params ?? {}, values) as Readonly<Record<string, unknown>>;
      return Promise.resolve({
        steps: [{ action, target: fillTarget(target, values), params: filled }],
      });
    } catch (error) {
      // The action failed, or the process died before its result was known.
      const impossible = `the result of the action is not known: ${(error as Error).message}`;
      return Promise.resolve({ steps: [], impossible });
    }
  }
}

function pick(
  { target, params }: Compensation,
  of: "request" | "result",
  known: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const places = [...placeholdersOf(target), ...placeholdersOf(params)]
    .filter((path) => (path === "data" || path.startsWith("data.")) === (of === "result"));
  return Object.fromEntries(
    places.map((path) => [path, valueAt(known, path)]).filter(([, value]) => value !== undefined),
  );
}
