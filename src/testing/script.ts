/**
 * Scripts for a scripted model.
 *
 * @module
 */

/** A tool call of a scripted model. */
export interface ScriptedCall {
  /** Id of the call. @default "call_1", "call_2", … */
  readonly id?: string;
  /** Name of the tool. */
  readonly name: string;
  /** The arguments: a value, or a string that is sent unchanged, JSON or not. @default {} */
  readonly arguments?: unknown;
}

/**
 * One answer, as data. In each string `{{name}}` stands for a value of `variables`, `{{prompt}}` for
 * the last message of the user, and `{{result}}` for the content of the last message of a tool.
 */
export interface ScriptedTurn {
  /** Text of the answer. @default "" */
  readonly text?: string;
  /** Tool calls. @default [] */
  readonly calls?: readonly ScriptedCall[];
  /** The finish reason. @default "stop", or "tool_calls" if there are calls */
  readonly finish?: string;
  /** Tokens; `null`: none are reported. @default the number of words */
  readonly usage?: { readonly input: number; readonly output: number } | null;
  /** Answers with this HTTP status instead, in the form of OpenAI's errors. */
  readonly status?: number;
  /** The message of such an error. */
  readonly error?: string;
  /** Headers of the answer, for example `{"retry-after": "1"}`. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole body of the answer: a string, or bytes. */
  readonly body?: string | readonly number[];
  /** Number of bytes of the body after which the connection breaks. */
  readonly cutAfter?: number;
  /** Never ends the body. @default false */
  readonly hang?: boolean;
}

/** A request that the server received. */
export interface ScriptedRequest {
  /** Path and query. */
  readonly path: string;
  /** Headers, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body. */
  readonly body: ChatRequest;
}

/** The members of a request's body that scripts usually need. */
export interface ChatRequest {
  /** Name of the model. */
  readonly model?: string;
  /** Whether the answer is streamed. */
  readonly stream?: boolean;
  /** The conversation, in the form of OpenAI. */
  readonly messages: readonly {
    /** `system`, `user`, `assistant` or `tool`. */
    readonly role: string;
    /** The text. */
    readonly content?: unknown;
    /** The calls of an assistant. */
    readonly tool_calls?: readonly {
      /** Id of the call. */
      readonly id: string;
      /** The call. */
      readonly function: { readonly name: string; readonly arguments: string };
    }[];
    /** The call that a tool's message answers. */
    readonly tool_call_id?: string;
  }[];
  /** The tools that the model may call. */
  readonly tools?: readonly {
    /** The tool. */
    readonly function: {
      /** Its name. */
      readonly name: string;
      /** What the tool is for. */
      readonly description?: string;
      /** JSON Schema of its arguments. */
      readonly parameters?: unknown;
    };
  }[];
}

/** An answer, or a function of the request that gives one. */
export type ScriptStep = ScriptedTurn | ((request: ScriptedRequest) => ScriptedTurn);

/** The fields of a turn, and the check of each. */
const FIELDS: Readonly<Record<keyof ScriptedTurn, (value: unknown) => boolean>> = {
  text: isString,
  calls: (value) => Array.isArray(value) && value.every(isCall),
  finish: isString,
  usage: (value) => value === null || isRecord(value, (one) => Number.isFinite(one)),
  status: (value) => Number.isInteger(value),
  error: isString,
  headers: (value) => isRecord(value, isString),
  body: (value) => isString(value) || Array.isArray(value) && value.every(Number.isInteger),
  cutAfter: (value) => Number.isInteger(value),
  hang: (value) => typeof value === "boolean",
};

/**
 * Checks a script, for example one from a file.
 *
 * @param value A list of turns, for example parsed JSON.
 * @returns The script.
 * @throws {TypeError} It is not a script; the message names the turn and the field.
 */
export function scriptFrom(value: unknown): ScriptedTurn[] {
  if (!Array.isArray(value)) throw new TypeError("Cannot use the script: expected a list of turns");
  return value.map((turn: unknown, i) => {
    if (!isRecord(turn, () => true)) {
      throw new TypeError(`Cannot use the script: turn ${i + 1} is not an object`);
    }
    for (const [field, inner] of Object.entries(turn)) {
      const check = Object.hasOwn(FIELDS, field) ? FIELDS[field as keyof ScriptedTurn] : undefined;
      if (check === undefined) {
        throw new TypeError(
          `Cannot use the script: turn ${i + 1} has an unknown field "${field}", ` +
            `expected ${Object.keys(FIELDS).join(", ")}`,
        );
      }
      if (!check(inner)) {
        throw new TypeError(`Cannot use the script: turn ${i + 1} has a malformed "${field}"`);
      }
    }
    return turn as ScriptedTurn;
  });
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isRecord(value: unknown, check: (inner: unknown) => boolean): value is object {
  return value !== null && typeof value === "object" && !Array.isArray(value) &&
    Object.values(value).every(check);
}

function isCall(value: unknown): boolean {
  if (!isRecord(value, () => true)) return false;
  const { id, name, arguments: _, ...others } = value as Record<string, unknown>;
  return isString(name) && (id === undefined || isString(id)) && Object.keys(others).length === 0;
}
