/**
 * Where the tool calls of another SDK enter the gate.
 *
 * @module
 */
import type { SubmitFn } from "../core/action.ts";
import { unlessAborted } from "../agent/interruption.ts";
import { type CalledTool, callTool, type CallToolOptions } from "../agent/submission.ts";
import type { ToolDef } from "../agent/tool_def.ts";

/** What every adapter takes. One of `kernel` and `submit` is needed. */
export interface AdapterOptions extends CallToolOptions {
  /** What the model may ask for; what it gets is up to the policy. */
  readonly tools: readonly ToolDef[];
}

/**
 * Arguments that are no JSON stand below this name, where an SDK only hands over what it could
 * parse.
 */
const MALFORMED = "$malformed";

/** Arguments as an SDK can carry them that are no JSON; {@linkcode ToolGate.call} refuses them. */
export function malformedArguments(text: string): Record<string, unknown> {
  return { [MALFORMED]: text };
}

/** Whether a text is the JSON of an object. */
export function isObjectJson(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** The tools of an adapter, and the one thing that a call of them can do. */
export class ToolGate {
  /** The tools by name. */
  readonly tools: ReadonlyMap<string, ToolDef>;
  readonly #submit: SubmitFn;
  readonly #options: CallToolOptions;

  /**
   * Checks the options.
   *
   * @throws {TypeError | RangeError} An option is not of the required form.
   */
  constructor({ kernel, submit, tools, agent, maxResultChars = 50_000 }: AdapterOptions) {
    const gate = submit ?? kernel?.submit.bind(kernel);
    if (typeof gate !== "function") {
      throw new TypeError("Cannot adapt tools: expected kernel or submit");
    }
    if (!(maxResultChars > 0)) {
      throw new RangeError(
        `Cannot adapt tools: maxResultChars is ${maxResultChars}, expected a positive number`,
      );
    }
    const byName = new Map<string, ToolDef>();
    for (const tool of tools) {
      if (byName.has(tool.name)) {
        throw new TypeError(`Cannot adapt tools: two tools have the name "${tool.name}"`);
      }
      byName.set(tool.name, tool);
    }
    this.tools = byName;
    this.#submit = gate;
    this.#options = { submit: gate, maxResultChars, ...(agent === undefined ? {} : { agent }) };
  }

  /**
   * Has a call decided, carried out and recorded. Arguments that do not fit are recorded as
   * `INVALID`.
   *
   * @param args The arguments as the SDK has parsed them.
   * @throws {unknown} The reason of the signal, or what `submit` threw. A denial is no exception.
   */
  async call(tool: ToolDef, args: unknown, signal?: AbortSignal): Promise<CalledTool> {
    signal?.throwIfAborted();
    const work = callTool(tool, submittable(args), this.#options);
    if (signal === undefined) return await work;
    // What is under way goes on, to its end and its record.
    const called = await unlessAborted(work, signal);
    if (called === undefined) throw signal.reason;
    return called;
  }

  /** Puts the call of a tool on record that does not exist. */
  async recordUnknown(name: string): Promise<void> {
    const { agent } = this.#options;
    await this.#submit(
      { action: name, target: "", ...(agent === undefined ? {} : { agent }) },
      { problem: `unknown tool: ${name}` },
    );
  }
}

/** Arguments as they can be handed on. */
function submittable(args: unknown): unknown {
  // INVARIANT: a text within the arguments is never parsed into other arguments: what an approver of
  // the SDK was asked about is what is submitted.
  if (typeof args === "string") return JSON.stringify(args);
  if (args === null || typeof args !== "object" || !Object.hasOwn(args, MALFORMED)) return args;
  const text = String((args as Record<string, unknown>)[MALFORMED]);
  return isObjectJson(text) ? JSON.stringify(text) : text;
}
