/**
 * Answers of models, put together from pieces.
 *
 * @module
 */
import { copyJson } from "../core/json.ts";
import type { Usage } from "./conversation.ts";
import { ExtraFields } from "./extra_fields.ts";
import { type Ending, endingOf } from "./finish_reason.ts";
import { type ModelDelta, ModelError } from "./model_client.ts";

/** A tool call as the model made it. Only its types are checked. */
export interface RawCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** A JSON value that the host wants back with the call. */
  readonly extra?: unknown;
  /** Why the call cannot be used, whatever its arguments are. */
  readonly problem?: string;
}

/** An answer that has ended. */
export interface Answer {
  readonly text: string;
  /** Empty unless the answer is complete. */
  readonly calls: readonly RawCall[];
  /** What the finish reason means. */
  readonly ending: Exclude<Ending, "failed">;
  /** The host's own word for why the answer ended. */
  readonly finishReason: string;
  /** Fields that the host wants back with the message. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Tokens, if the host reports them. */
  readonly tokens?: { readonly inputTokens: number; readonly outputTokens: number };
}

/** Bounds of one answer. They hold for every {@linkcode ModelClient}. */
const MAX_CALLS = 1000;
const MAX_CHARACTERS = 16 * 1024 * 1024;
const MAX_TOKENS = 1e12;
const MAX_REASON = 64;
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
 * a piece belongs to the call with its index, unless it carries another id; without an index, to the
 * call with its id, else to the last call.
 */
export class AnswerBuilder {
  readonly #text: string[] = [];
  readonly #calls: Draft[] = [];
  readonly #byIndex = new Map<number, Draft>();
  readonly #extra = new ExtraFields();
  #characters = 0;
  #tokens: Answer["tokens"];
  #finishReason: string | undefined;

  /**
   * Takes a delta; what is not understood is left out.
   *
   * @param delta A delta of any {@linkcode ModelClient}; its types are not trusted.
   * @returns What it adds to the text.
   * @throws {ModelError} `RESPONSE_INVALID`: the answer has become too large.
   */
  add(delta: ModelDelta): string {
    const { type, ...fields } = Object(delta) as Record<string, unknown>;
    // An endless answer of empty pieces ends too.
    this.#count(1);
    switch (type) {
      case "text": {
        const text = stringOf(fields.text);
        this.#text.push(text);
        this.#count(text.length);
        return text;
      }
      case "tool_call":
        this.#addToCall(fields);
        break;
      case "extra":
        this.#count(this.#extra.add(fields.fields));
        break;
      case "usage":
        this.#tokens = {
          inputTokens: tokensOf(fields.inputTokens),
          outputTokens: tokensOf(fields.outputTokens),
        };
        break;
      case "finish":
        this.#finish(stringOf(fields.reason));
    }
    return "";
  }

  /**
   * Ends the answer.
   *
   * @returns The whole answer.
   * @throws {ModelError} `RESPONSE_CUT`: it ended without its end, or without the calls that it
   * announced. `SERVER_FAILED`: the host broke off.
   */
  end(): Answer {
    const finishReason = this.#finishReason;
    if (finishReason === undefined) throw cutOff("it was cut off");
    const ending = endingOf(finishReason);
    if (ending === "failed") {
      throw new ModelError(
        "SERVER_FAILED",
        `Cannot use the model's answer: the host broke off (${finishReason})`,
      );
    }
    // INVARIANT: no call of an answer that was cut off or withheld is submitted.
    const calls = ending === "complete" ? this.#rawCalls() : [];
    const text = this.#text.join("");
    if (calls.length === 0 && text === "" && ANNOUNCES_CALLS.includes(finishReason)) {
      throw cutOff("it announces tool calls and has none");
    }
    const extra = this.#extra.value();
    return {
      text,
      calls,
      ending,
      finishReason,
      ...(extra === undefined ? {} : { extra }),
      ...(this.#tokens === undefined ? {} : { tokens: this.#tokens }),
    };
  }

  #rawCalls(): RawCall[] {
    const ids = new Set<string>();
    return this.#calls.map((draft): RawCall => {
      const { id, name, extra } = draft;
      // INVARIANT: a call is submitted once, however often the answer repeats it.
      const problem = id !== "" && ids.has(id) ? "its id is not unique" : draft.problem;
      ids.add(id);
      return {
        id,
        name,
        arguments: draft.arguments.join("") || "{}",
        ...(extra === undefined ? {} : { extra }),
        ...(problem === undefined ? {} : { problem }),
      };
    });
  }

  /** The first reason that says that the answer is not complete counts; else the last one. */
  #finish(reason: string): void {
    if (reason === "") return;
    const known = this.#finishReason;
    if (known === undefined || endingOf(known) === "complete") {
      this.#finishReason = reason.slice(0, MAX_REASON);
    }
  }

  #addToCall(fields: Readonly<Record<string, unknown>>): void {
    const id = stringOf(fields.id);
    const name = stringOf(fields.name);
    const args = stringOf(fields.arguments);
    const draft = this.#callOf(fields.index, id);
    this.#count(id.length + name.length + args.length);
    draft.id ||= id;
    if (draft.name !== "" && name !== "" && name !== draft.name) {
      draft.problem = "it has two names";
    }
    draft.name ||= name;
    if (args !== "") draft.arguments.push(args);
    if (fields.extra !== undefined) draft.extra = copyOfExtra(fields.extra);
  }

  #callOf(index: unknown, id: string): Draft {
    const number = Number.isSafeInteger(index) ? index as number : undefined;
    const known = number === undefined
      ? id === "" ? this.#calls.at(-1) : this.#calls.find((draft) => draft.id === id)
      : this.#byIndex.get(number);
    const isNew = known === undefined || (id !== "" && known.id !== "" && known.id !== id);
    if (!isNew) return known;
    if (this.#calls.length === MAX_CALLS) throw tooLarge(`${MAX_CALLS} tool calls`);
    const draft: Draft = { id: "", name: "", arguments: [] };
    this.#calls.push(draft);
    if (number !== undefined) this.#byIndex.set(number, draft);
    return draft;
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > MAX_CHARACTERS) throw tooLarge(`${MAX_CHARACTERS} characters`);
  }
}

const ANNOUNCES_CALLS = ["tool_calls", "function_call", "tool_use"];

function cutOff(why: string): ModelError {
  return new ModelError("RESPONSE_CUT", `Cannot use the model's answer: ${why}`);
}

function tooLarge(bound: string): ModelError {
  return new ModelError(
    "RESPONSE_INVALID",
    `Cannot use the model's answer: it has more than ${bound}`,
  );
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value.toWellFormed() : "";
}

function tokensOf(value: unknown): number {
  return typeof value === "number" && value > 0 ? Math.floor(Math.min(value, MAX_TOKENS)) : 0;
}

function copyOfExtra(extra: unknown): unknown {
  try {
    return copyJson(extra, "extra", EXTRA_LIMITS);
  } catch {
    // The host gets nothing back then; what the call does depends on none of it.
    return undefined;
  }
}

/**
 * Tokens of an answer. Hosts that report none are counted at four characters a token.
 *
 * @param sent What the model was sent.
 */
export function usageOf({ text, calls, tokens }: Answer, sent: unknown): Usage {
  if (tokens !== undefined) return { ...tokens, requests: 1 };
  const characters = (values: unknown) => Math.ceil(JSON.stringify(values).length / 4);
  return {
    inputTokens: characters(sent),
    outputTokens: characters([text, calls]),
    requests: 1,
    estimated: true,
  };
}
