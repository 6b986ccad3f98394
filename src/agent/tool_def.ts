/**
 * Tools as data: what the model is told, and what its calls become.
 *
 * @module
 */
import type { ActionRequest } from "../core/action.ts";
import { copyJson, JsonError } from "../core/json.ts";
import { ArgumentSchema } from "./argument_schema.ts";

/** Describes a tool. Exactly one of `targetFrom` and `target` is given. */
export interface ToolDefOptions {
  /** What the model calls it: letters, digits, `_` and `-`, at most 64. */
  readonly name: string;
  /** What the model is told about it. */
  readonly description: string;
  /** JSON Schema of the arguments, of type `object`. @default no arguments */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** The action that a call becomes, for example `"fs.read"`. */
  readonly action: string;
  /**
   * Where the target comes from: the name of an argument, which then is not among the params, or a
   * function of the arguments.
   */
  readonly targetFrom?: string | ((args: Readonly<Record<string, unknown>>) => string);
  /** The same target for all calls. */
  readonly target?: string;
  /**
   * The params of the action: its param → the argument that it is taken from. `"*"` stands for all
   * arguments as one object. @default all arguments under their own names, but that of `targetFrom`
   */
  readonly paramsFrom?: Readonly<Record<string, string>>;
  /** Params that the model cannot choose; they win over its arguments. @default {} */
  readonly fixedParams?: Readonly<Record<string, unknown>>;
}

/** What arguments became: a request, or what is wrong with them. */
export type Translation =
  | { readonly request: ActionRequest; readonly problem?: never }
  | { readonly problem: string; readonly request?: never };

type Arguments = Readonly<Record<string, unknown>>;

/**
 * A tool of a model: a name, a schema, and how arguments become an action's target and params. It
 * holds no execution logic; only {@linkcode Kernel.submit} carries an action out.
 *
 * The schema is help for the model, not a guard: what may be done is decided by the policy.
 *
 * @example
 * ```ts
 * import { ToolDef } from "@agent-kernel/kernel/agent";
 * import { assertEquals } from "@std/assert";
 *
 * const read = new ToolDef({
 *   name: "read_file",
 *   description: "Reads a text file",
 *   parameters: {
 *     type: "object",
 *     properties: { path: { type: "string" } },
 *     required: ["path"],
 *   },
 *   action: "fs.read",
 *   targetFrom: "path",
 * });
 * assertEquals(read.translate({ path: "/w/a.txt" }), {
 *   request: { action: "fs.read", target: "/w/a.txt", params: {} },
 * });
 * assertEquals(read.translate({}), {
 *   problem: 'the arguments of read_file do not fit: /: Instance does not have required property "path"',
 * });
 * ```
 */
export class ToolDef {
  /** What the model calls it. */
  readonly name: string;
  /** What the model is told about it. */
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The action that a call becomes. */
  readonly action: string;
  /** Where the target comes from, if it is not always the same. */
  readonly targetFrom: ToolDefOptions["targetFrom"];
  /** The target of all calls, if it is always the same. */
  readonly target: string | undefined;
  /** Param → argument; `undefined`: all arguments that are not the target. */
  readonly paramsFrom: Readonly<Record<string, string>> | undefined;
  /** Params that the model cannot choose. */
  readonly fixedParams: Readonly<Record<string, unknown>>;
  /** What of the schema is not checked before a call, because it could take too long. */
  readonly unchecked: readonly string[];
  readonly #schema: ArgumentSchema;

  /**
   * Checks the description.
   *
   * @throws {TypeError | RangeError} It is not of the required form; the message names the tool.
   */
  constructor(options: ToolDefOptions) {
    const { name, description, action, targetFrom, target, paramsFrom, fixedParams = {} } = options;
    const refuse = (why: string, cause?: unknown): never => {
      throw new TypeError(`Cannot make tool "${name}": ${why}`, { cause });
    };
    if (typeof name !== "string" || !TOOL_NAME.test(name)) {
      throw new RangeError(
        `Cannot make tool "${name}": expected a name of 1 to 64 letters, digits, "_" and "-"`,
      );
    }
    if (typeof description !== "string") refuse("description is no text");
    if (typeof action !== "string" || action === "") refuse("it has no action");
    if ((targetFrom === undefined) === (target === undefined)) {
      refuse("expected either targetFrom or target");
    }
    try {
      this.#schema = new ArgumentSchema(options.parameters ?? { type: "object", properties: {} });
      this.fixedParams = Object.freeze(copyJson(fixedParams, "fixedParams") as Arguments);
    } catch (error) {
      refuse(error instanceof Error ? error.message : String(error), error);
      throw error;
    }
    const known = Object.keys(this.#schema.schema.properties ?? {});
    const needed = [
      ...(typeof targetFrom === "string" ? [targetFrom] : []),
      ...Object.values(paramsFrom ?? {}).filter((from) => from !== ALL_ARGUMENTS),
    ];
    const lost = needed.find((from) => !known.includes(from));
    if (lost !== undefined) refuse(`"${lost}" is no property of its parameters`);
    this.name = name;
    this.description = description;
    this.parameters = this.#schema.schema;
    this.action = action;
    this.targetFrom = targetFrom;
    this.target = target;
    this.paramsFrom = paramsFrom === undefined ? undefined : Object.freeze({ ...paramsFrom });
    this.unchecked = this.#schema.unchecked;
    Object.freeze(this);
  }

  /** Turns arguments into a request for the gate; does nothing else. It never throws. */
  translate(args: unknown): Translation {
    let own: Arguments;
    try {
      own = copyJson(args, "arguments") as Arguments;
    } catch (error) {
      return this.#unfit(error instanceof JsonError ? error.message : "they could not be read");
    }
    if (own === null || typeof own !== "object" || Array.isArray(own)) {
      return this.#unfit("expected an object");
    }
    const problem = this.#schema.problemOf(own);
    if (problem !== undefined) return this.#unfit(problem);
    const target = this.#targetOf(own);
    if (typeof target !== "string" || target === "") {
      return this.#unfit(
        typeof this.targetFrom === "string"
          ? `/${this.targetFrom}: expected a text that is not empty`
          : "no target follows from them",
      );
    }
    const params = { ...this.#paramsOf(own), ...this.fixedParams };
    return { request: { action: this.action, target, params } };
  }

  #unfit(why: string): Translation {
    return { problem: `the arguments of ${this.name} do not fit: ${why}` };
  }

  #targetOf(args: Arguments): unknown {
    if (this.target !== undefined) return this.target;
    if (typeof this.targetFrom === "string") return own(args, this.targetFrom);
    try {
      return this.targetFrom?.(structuredClone(args));
    } catch {
      // INVARIANT: a function of the user that throws leads to no request.
      return undefined;
    }
  }

  #paramsOf(args: Arguments): Arguments {
    if (this.paramsFrom === undefined) {
      return Object.fromEntries(Object.entries(args).filter(([name]) => name !== this.targetFrom));
    }
    return Object.fromEntries(
      Object.entries(this.paramsFrom).flatMap(([param, from]) => {
        const value = from === ALL_ARGUMENTS ? args : own(args, from);
        return value === undefined ? [] : [[param, value]];
      }),
    );
  }
}

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const ALL_ARGUMENTS = "*";

function own(args: Arguments, name: string): unknown {
  return Object.hasOwn(args, name) ? args[name] : undefined;
}
