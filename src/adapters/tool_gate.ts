/**
 * Where the tool calls of another SDK enter the gate.
 *
 * @module
 */
import type { ActionResult, SubmitFn } from "../action.ts";
import { planCall } from "../agent/planned_call.ts";
import { submitCalls } from "../agent/submission.ts";
import type { ToolDef } from "../agent/tool_def.ts";

/** What every adapter takes. One of `kernel` and `submit` is needed. */
export interface AdapterOptions {
  /** The kernel, or what wraps one. */
  readonly kernel?: { readonly submit: SubmitFn };
  /** The gate as a function; it wins over `kernel`. */
  readonly submit?: SubmitFn;
  /** What the model may ask for; what it gets is up to the policy. */
  readonly tools: readonly ToolDef[];
  /** Who asks; appears in the records. @default none */
  readonly agent?: string;
  /** Most characters of a result that the model gets to see. @default 50000 */
  readonly maxResultChars?: number;
}

/** What came of a call. */
export interface GateAnswer {
  /** What the model is told: JSON, `{status, data}` or `{status, error, code}`. */
  readonly content: string;
  /** What `submit` gave, with the rule and the id of the record. */
  readonly result: ActionResult;
}

/** What a call has with it. */
export interface CallOptions {
  /** Ends the waiting. @default none */
  readonly signal?: AbortSignal | undefined;
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

/** Why a text is not usable as arguments; `undefined` if it is. */
export function problemOfText(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value)
      ? undefined
      : "expected a JSON object";
  } catch (error) {
    return `malformed JSON: ${error instanceof Error ? error.message : error}`;
  }
}

/** The tools of an adapter, and the one thing that a call of them can do. */
export class ToolGate {
  /** The tools by name. */
  readonly tools: ReadonlyMap<string, ToolDef>;
  readonly #submit: SubmitFn;
  readonly #agent: string | undefined;
  readonly #resultChars: number;

  /** @throws {TypeError | RangeError} An option is not of the required form. */
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
    this.#agent = agent;
    this.#resultChars = maxResultChars;
  }

  /**
   * Has a call decided, carried out and recorded. Arguments that do not fit, and names of no tool,
   * are recorded as `INVALID`.
   *
   * @throws {unknown} The reason of the signal, or what `submit` threw. A denial is no exception.
   */
  async call(name: string, args: unknown, { signal }: CallOptions = {}): Promise<GateAnswer> {
    const plan = planCall({ id: "call", name, ...textOf(args) }, this.tools, {
      freshId: () => "call",
      usedIds: new Set(),
      agent: this.#agent,
    });
    const contents: string[] = [];
    let result: ActionResult | undefined;
    // INVARIANT: this is the only way from a tool call to an effect; it is the one of the loop.
    await submitCalls([plan], contents, {
      submit: this.#submit,
      granted: 1,
      concurrency: 1,
      resultChars: this.#resultChars,
      signal: signal ?? new AbortController().signal,
      emit: (event) => {
        if (event.type === "result") result = event.result;
      },
    });
    if (result !== undefined) return { content: contents[0] ?? "", result };
    throw signal?.reason;
  }
}

/** Arguments as the text that a model sent, or would have sent. */
function textOf(args: unknown): { readonly arguments: string; readonly problem?: string } {
  if (args !== null && typeof args === "object" && Object.hasOwn(args, MALFORMED)) {
    const text = String((args as Record<string, unknown>)[MALFORMED]);
    // INVARIANT: such a text is never parsed into arguments: what an approver of the SDK was asked
    // about is what is submitted.
    return {
      arguments: "{}",
      problem: problemOfText(text) ?? "this JSON cannot be used",
    };
  }
  try {
    return { arguments: JSON.stringify(args) ?? "" };
  } catch (error) {
    return { arguments: "{}", problem: `no JSON: ${error instanceof Error ? error.message : ""}` };
  }
}
