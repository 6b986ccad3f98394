/**
 * Tools as data: a description for the model, and a mapping of arguments to requests.
 *
 * @module
 */
import type { ActionRequest } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import { copyJson } from "../core/json.ts";
import { ArgumentSchema } from "./argument_schema.ts";

/** Options of {@linkcode ToolDef}. Exactly one of `targetFrom` and `target` is needed. */
export interface ToolDefOptions {
  /** The name by which the model calls it: 1 to 64 letters, digits, `_` and `-`. */
  readonly name: string;
  /** What the tool is for, for the model. */
  readonly description: string;
  /** JSON Schema of the arguments, of type `object`. @default no arguments */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** The action that a call becomes, for example `"fs.read"`. */
  readonly action: string;
  /**
   * The source of the target: the name of an argument, which is then not among the params, or a
   * function of the arguments.
   */
  readonly targetFrom?: string | ((args: Readonly<Record<string, unknown>>) => string);
  /** The same target for all calls. */
  readonly target?: string;
  /**
   * The params of the action: name of the param → name of the argument. `"*"` stands for all arguments
   * as one object. @default all arguments except that of `targetFrom`, under their own names
   */
  readonly paramsFrom?: Readonly<Record<string, string>>;
  /** Params that the model cannot choose; they replace its arguments. @default {} */
  readonly fixedParams?: Readonly<Record<string, unknown>>;
}

/** The result of a translation: a request, or what is wrong with the arguments. */
export type Translation =
  | { readonly request: ActionRequest; readonly problem?: never }
  | { readonly problem: string; readonly request?: never };

type Arguments = Readonly<Record<string, unknown>>;

/**
 * A tool of a model: a name, a schema, and the mapping of arguments to the target and the params of an
 * action. It executes nothing; only {@linkcode Kernel.submit} does.
 *
 * The schema helps the model to make correct calls. It is not a guard: the policy decides.
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
  /** The name by which the model calls it. */
  readonly name: string;
  /** What the tool is for, for the model. */
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The action that a call becomes. */
  readonly action: string;
  /** The source of the target, if it differs from call to call. */
  readonly targetFrom: ToolDefOptions["targetFrom"];
  /** The target of all calls, if it is always the same. */
  readonly target: string | undefined;
  /** Name of the param → name of the argument; `undefined`: all arguments except the target. */
  readonly paramsFrom: Readonly<Record<string, string>> | undefined;
  /** Params that the model cannot choose. */
  readonly fixedParams: Readonly<Record<string, unknown>>;
  /** The parts of the schema that are not checked, because that could take too long. */
  readonly unchecked: readonly string[];
  readonly #schema: ArgumentSchema;

  /**
   * Checks the options.
   *
   * @param options Name, description, schema and mapping.
   * @throws {TypeError | RangeError} An option has not the required form; the message names the tool.
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
    if (typeof description !== "string") refuse("its description is not a string");
    if (typeof action !== "string" || action === "") refuse("it has no action");
    if ((targetFrom === undefined) === (target === undefined)) {
      refuse("expected either targetFrom or target");
    }
    try {
      this.#schema = new ArgumentSchema(options.parameters ?? { type: "object", properties: {} });
      this.fixedParams = Object.freeze(copyJson(fixedParams, "fixedParams") as Arguments);
    } catch (error) {
      refuse(messageOf(error), error);
      throw error;
    }
    const known = Object.keys(this.#schema.schema.properties ?? {});
    const needed = [
      ...(typeof targetFrom === "string" ? [targetFrom] : []),
      ...Object.values(paramsFrom ?? {}).filter((from) => from !== ALL_ARGUMENTS),
    ];
    const unknown = needed.find((from) => !known.includes(from));
    if (unknown !== undefined) refuse(`"${unknown}" is not a property of its parameters`);
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

  /**
   * Turns arguments into a request. Never throws.
   *
   * A null for an argument that is optional and may not be null counts as left out: some models send
   * each optional argument as null. Whole numbers beyond 2^53 - 1 do not fit, because they may have
   * been changed when they were parsed.
   *
   * @param args The arguments; their types are not trusted.
   * @returns The request, or what is wrong with the arguments.
   */
  translate(args: unknown): Translation {
    let copy: Arguments;
    try {
      copy = copyJson(args, "arguments", { exactIntegers: true }) as Arguments;
    } catch (error) {
      // INVARIANT: arguments that cannot be copied lead to no request.
      return this.#unfit(messageOf(error));
    }
    if (copy === null || typeof copy !== "object" || Array.isArray(copy)) {
      return this.#unfit("expected an object");
    }
    const given = this.#schema.withoutNulls(copy);
    const problem = this.#schema.problemOf(given);
    if (problem !== undefined) return this.#unfit(problem);
    const target = this.#targetOf(given);
    if (typeof target !== "string" || target === "") {
      return this.#unfit(
        typeof this.targetFrom === "string"
          ? `/${this.targetFrom}: expected a string that is not empty`
          : "they give no target",
      );
    }
    const params = { ...this.#paramsOf(given), ...this.fixedParams };
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
      // INVARIANT: a targetFrom that throws leads to no request.
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
