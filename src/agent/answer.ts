/**
 * Answers of models, put together from pieces.
 *
 * @module
 */
import { copyJson } from "../core/json.ts";
import { type ModelDelta, ModelError } from "./model_client.ts";

/** A tool call as the model made it: nothing in it is checked but its types. */
export interface RawCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** What the host added. */
  readonly extra?: unknown;
  /** What makes the call itself unusable. */
  readonly problem?: string;
}

/** A complete answer. */
export interface Answer {
  readonly text: string;
  readonly calls: readonly RawCall[];
  /** Tokens, if the model told them. */
  readonly tokens?: { readonly inputTokens: number; readonly outputTokens: number };
}

/** Bounds of one answer. They hold for every {@linkcode ModelClient}. */
const MAX_CALLS = 1000;
const MAX_CHARACTERS = 16 * 1024 * 1024;
const MAX_TOKENS = 1e12;
const EXTRA_LIMITS = { depth: 16, nodes: 1000, characters: 256 * 1024 };

interface Draft {
  id: string;
  name: string;
  arguments: string[];
  extra?: unknown;
  problem?: string;
}

/**
 * Collects the deltas of one answer. Hosts differ in how they number the pieces of parallel calls:
 * a piece belongs to the call of its index, unless it carries another id; without an index, to the
 * call of its id, else to the last one.
 */
export class AnswerBuilder {
  readonly #text: string[] = [];
  readonly #calls: Draft[] = [];
  readonly #byIndex = new Map<number, Draft>();
  #characters = 0;
  #tokens: Answer["tokens"];
  #finish: string | undefined;

  /**
   * Takes a delta, whatever it is.
   *
   * @returns What it adds to the text.
   * @throws {ModelError} The answer has become too large.
   */
  add(delta: ModelDelta): string {
    const { type, ...fields } = Object(delta) as Record<string, unknown>;
    // An endless answer of empty pieces ends too.
    this.#count(" ");
    switch (type) {
      case "text": {
        const text = textOf(fields.text);
        this.#text.push(text);
        this.#count(text);
        return text;
      }
      case "tool_call":
        this.#addToCall(fields);
        break;
      case "usage":
        this.#tokens = {
          inputTokens: tokens(fields.inputTokens),
          outputTokens: tokens(fields.outputTokens),
        };
        break;
      case "finish":
        this.#finish = textOf(fields.reason);
    }
    return "";
  }

  /**
   * The whole answer.
   *
   * @throws {ModelError} It was cut off.
   */
  end(): Answer {
    if (this.#finish === undefined) {
      throw new ModelError("RESPONSE_CUT", "Cannot use the model's answer: it was cut off");
    }
    // INVARIANT: a call that was cut short is not taken for one without arguments.
    const cut = !["stop", "tool_calls", "function_call", "tool_use"].includes(this.#finish);
    const ids = new Set<string>();
    const calls = this.#calls.map((draft): RawCall => {
      const { id, name, extra } = draft;
      const args = draft.arguments.join("");
      // INVARIANT: one call is submitted once, however often it is told.
      const problem = id !== "" && ids.has(id) ? "its id is not unique" : draft.problem;
      ids.add(id);
      return {
        id,
        name,
        arguments: args === "" && !cut ? "{}" : args,
        ...(extra === undefined ? {} : { extra }),
        ...(problem === undefined ? {} : { problem }),
      };
    });
    return {
      text: this.#text.join(""),
      calls,
      ...(this.#tokens === undefined ? {} : { tokens: this.#tokens }),
    };
  }

  #addToCall(fields: Readonly<Record<string, unknown>>): void {
    const id = textOf(fields.id);
    const name = textOf(fields.name);
    const args = textOf(fields.arguments);
    const draft = this.#callOf(fields.index, id);
    this.#count(id, name, args);
    draft.id ||= id;
    if (draft.name !== "" && name !== "" && name !== draft.name) {
      draft.problem = "it has two names";
    }
    draft.name ||= name;
    if (args !== "") draft.arguments.push(args);
    if (fields.extra !== undefined) draft.extra = copyOfExtra(fields.extra);
  }

  #callOf(index: unknown, id: string): Draft {
    const position = Number.isSafeInteger(index) ? index as number : undefined;
    const known = position === undefined
      ? id === "" ? this.#calls.at(-1) : this.#calls.find((one) => one.id === id)
      : this.#byIndex.get(position);
    const isNew = known === undefined || (id !== "" && known.id !== "" && known.id !== id);
    if (!isNew) return known;
    if (this.#calls.length === MAX_CALLS) {
      throw new ModelError(
        "RESPONSE_INVALID",
        `Cannot use the model's answer: it has more than ${MAX_CALLS} tool calls`,
      );
    }
    const draft: Draft = { id: "", name: "", arguments: [] };
    this.#calls.push(draft);
    if (position !== undefined) this.#byIndex.set(position, draft);
    return draft;
  }

  #count(...texts: readonly string[]): void {
    for (const { length } of texts) this.#characters += length;
    if (this.#characters > MAX_CHARACTERS) {
      throw new ModelError(
        "RESPONSE_INVALID",
        `Cannot use the model's answer: it is longer than ${MAX_CHARACTERS} characters`,
      );
    }
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.toWellFormed() : "";
}

function tokens(value: unknown): number {
  return typeof value === "number" && value > 0 ? Math.floor(Math.min(value, MAX_TOKENS)) : 0;
}

function copyOfExtra(extra: unknown): unknown {
  try {
    return copyJson(extra, "extra", EXTRA_LIMITS);
  } catch {
    // The host gets nothing back then; the call itself does not depend on it.
    return undefined;
  }
}
