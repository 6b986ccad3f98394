/**
 * Submits the tool calls of another SDK to the kernel.
 *
 * @module
 */
import type { SubmitFn } from "../stages/submit.ts";
import { unlessAborted } from "../agent/interruption.ts";
import { type CalledTool, callTool, type CallToolOptions } from "../agent/submission.ts";
import type { ToolDef } from "../agent/tool_def.ts";

/** Options of every adapter. One of `kernel` and `submit` is needed. */
export interface AdapterOptions extends CallToolOptions {
  /** The tools that the model may call. What it gets is decided by the policy. */
  readonly tools: readonly ToolDef[];
}

/** Key for arguments that are not JSON, for SDKs that only hand over what they could parse. */
const MALFORMED = "$malformed";

/**
 * Wraps arguments that are not JSON in an object, so that an SDK hands them over.
 * {@linkcode ToolGate.call} refuses them.
 *
 * @param text The arguments as the model wrote them.
 */
export function malformedArguments(text: string): Record<string, unknown> {
  return { [MALFORMED]: text };
}

/**
 * Whether a string is the JSON of an object.
 *
 * @param text The arguments as the model wrote them.
 */
export function isObjectJson(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value);
  } catch {
    // Not JSON: the tool then refuses it.
    return false;
  }
}

/** The tools of an adapter, and the only way from their calls to an action. */
export class ToolGate {
  /** The tools by name. */
  readonly tools: ReadonlyMap<string, ToolDef>;
  readonly #submit: SubmitFn;
  readonly #options: CallToolOptions;

  /**
   * Checks the options.
   *
   * @param options The kernel, the tools and their bounds.
   * @throws {TypeError | RangeError} An option has not the required form, or two tools have the same
   * name.
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
   * Submits a call. Arguments that do not fit are recorded as `INVALID`.
   *
   * @param tool The tool that is called.
   * @param args The arguments as the SDK parsed them; their types are not trusted.
   * @param signal Ends the wait; an action that is under way goes on to its end and its record.
   * @returns The result, and the part of it for the model. A denial is a result.
   * @throws {unknown} The reason of the signal, or what `submit` threw.
   */
  async call(tool: ToolDef, args: unknown, signal?: AbortSignal): Promise<CalledTool> {
    signal?.throwIfAborted();
    const work = callTool(tool, submittable(args), this.#options);
    if (signal === undefined) return await work;
    const called = await unlessAborted(work, signal);
    if (called === undefined) throw signal.reason;
    return called;
  }

  /**
   * Records the call of a tool that does not exist, as `INVALID`.
   *
   * @param name The name that the model called.
   */
  async recordUnknown(name: string): Promise<void> {
    const { agent } = this.#options;
    await this.#submit(
      { action: name, target: "", ...(agent === undefined ? {} : { agent }) },
      { problem: `unknown tool: ${name}` },
    );
  }
}

/** Arguments in the form that {@linkcode callTool} takes. */
function submittable(args: unknown): unknown {
  // INVARIANT: a string is never parsed into other arguments: what an approver of the SDK saw is what
  // is submitted.
  if (typeof args === "string") return JSON.stringify(args);
  if (args === null || typeof args !== "object" || !Object.hasOwn(args, MALFORMED)) return args;
  const text = String((args as Record<string, unknown>)[MALFORMED]);
  return isObjectJson(text) ? JSON.stringify(text) : text;
}
