/**
 * Scripts for a scripted model.
 *
 * @module
 */

/** A tool call of a scripted model. */
export interface ScriptedCall {
  /** Id of the call. @default "call_1", "call_2", … */
  readonly id?: string;
  /** The tool. */
  readonly name: string;
  /** The arguments: a value, or a text that is sent as it is, JSON or not. @default {} */
  readonly arguments?: unknown;
}

/**
 * One answer, as data. In every text `{{name}}` stands for a value of `variables`; `{{prompt}}` for
 * the last message of the user, `{{result}}` for the content of the last message of a tool.
 */
export interface ScriptedTurn {
  /** What the model says. @default "" */
  readonly text?: string;
  /** What it calls. @default [] */
  readonly calls?: readonly ScriptedCall[];
  /** Why it stops. @default "stop", or "tool_calls" */
  readonly finish?: string;
  /** Tokens. @default counted by words; `null`: they are not told */
  readonly usage?: { readonly input: number; readonly output: number } | null;
  /** Answers with this HTTP status instead, in the form of OpenAI's errors. */
  readonly status?: number;
  /** The message of such an error. */
  readonly error?: string;
  /** Headers of the answer, for example `{"retry-after": "1"}`. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers with exactly this body: a text, or bytes. */
  readonly body?: string | readonly number[];
  /** Breaks the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Never ends the body. @default false */
  readonly hang?: boolean;
}

/** A request that the server got. */
export interface ScriptedRequest {
  /** Path and query. */
  readonly path: string;
  /** Headers, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body. */
  readonly body: ChatRequest;
}

/** What of a request's body a script usually looks at. */
export interface ChatRequest {
  /** The model that is asked for. */
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
  /** What the model may call. */
  readonly tools?: readonly {
    /** The tool. */
    readonly function: {
      /** Its name. */
      readonly name: string;
      /** What it is for. */
      readonly description?: string;
      /** JSON Schema of its arguments. */
      readonly parameters?: unknown;
    };
  }[];
}

/** A turn, or a function that makes one of the request. */
export type ScriptStep = ScriptedTurn | ((request: ScriptedRequest) => ScriptedTurn);

/** The fields of a turn, and what each has to be. */
const FIELDS: Readonly<Record<keyof ScriptedTurn, (value: unknown) => boolean>> = {
  text: isText,
  calls: (value) => Array.isArray(value) && value.every(isCall),
  finish: isText,
  usage: (value) => value === null || isRecord(value, (one) => Number.isFinite(one)),
  status: (value) => Number.isInteger(value),
  error: isText,
  headers: (value) => isRecord(value, isText),
  body: (value) => isText(value) || Array.isArray(value) && value.every(Number.isInteger),
  cutAfter: (value) => Number.isInteger(value),
  hang: (value) => typeof value === "boolean",
};

/**
 * A script that comes from a file.
 *
 * @param value A list of turns, for example parsed JSON.
 * @throws {TypeError} It is none; the message says which turn, and which field of it.
 */
export function scriptFrom(value: unknown): ScriptedTurn[] {
  if (!Array.isArray(value)) throw new TypeError("Cannot use the script: expected a list of turns");
  return value.map((turn: unknown, i) => {
    if (!isRecord(turn, () => true)) {
      throw new TypeError(`Cannot use the script: turn ${i + 1} is no object`);
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

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isRecord(value: unknown, check: (inner: unknown) => boolean): value is object {
  return value !== null && typeof value === "object" && !Array.isArray(value) &&
    Object.values(value).every(check);
}

function isCall(value: unknown): boolean {
  if (!isRecord(value, () => true)) return false;
  const { id, name, arguments: _, ...others } = value as Record<string, unknown>;
  return isText(name) && (id === undefined || isText(id)) && Object.keys(others).length === 0;
}
