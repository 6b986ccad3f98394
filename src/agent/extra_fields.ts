/**
 * Fields that hosts add to an assistant's message and want back with it.
 *
 * A model that reasons before it calls a tool loses its thread, or the host refuses the next request,
 * unless the reasoning comes back. Each host has its own field for it:
 *
 * | field               | hosts                               | pieces in a stream      |
 * | ------------------- | ----------------------------------- | ----------------------- |
 * | `reasoning_content` | DeepSeek, Moonshot, Qwen, LM Studio | strings                 |
 * | `reasoning`         | OpenRouter, Groq, Ollama, vLLM      | strings                 |
 * | `reasoning_details` | OpenRouter                          | list of blocks          |
 * | `thinking_blocks`   | LiteLLM                             | list of blocks          |
 * | `extra_content`     | Gemini                              | an object, given whole  |
 *
 * @module
 */
import { copyJson } from "../core/json.ts";

/** The names of such fields. No other field of a host goes back to it. */
const NAMES = [
  "reasoning_content",
  "reasoning",
  "reasoning_details",
  "thinking_blocks",
  "extra_content",
] as const;

/** Members of a block that come in pieces. */
const STREAMED = ["text", "summary", "thinking"] as const;

const MAX_BLOCKS = 1000;
const LIMITS = { depth: 16, nodes: 1000, characters: 256 * 1024 };

type Fields = Readonly<Record<string, unknown>>;
type Block = Record<string, unknown>;

/**
 * The fields of a message that its host wants back.
 *
 * @param message A message, or a piece of one; its types are not trusted.
 * @returns `undefined` if there are none.
 */
export function extraFieldsOf(message: Fields): Fields | undefined {
  const found = NAMES.flatMap((name) => {
    const value = message[name];
    return value === undefined || value === null || value === "" ? [] : [[name, value]];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Puts such fields together from the pieces of a stream. */
export class ExtraFields {
  readonly #fields: Record<string, unknown> = {};

  /**
   * Takes a piece.
   *
   * @param piece The fields of one delta. What is no bounded JSON is left out.
   * @returns How many characters it has.
   */
  add(piece: unknown): number {
    const own = copyOf(piece);
    if (own === null || typeof own !== "object" || Array.isArray(own)) return 0;
    for (const [name, value] of Object.entries(own)) {
      const known = this.#fields[name];
      if (typeof known === "string" && typeof value === "string") {
        this.#fields[name] = known + value;
      } else if (Array.isArray(value)) {
        const blocks = Array.isArray(known) ? known : this.#fields[name] = [];
        for (const block of value) addBlock(blocks as unknown[], block);
      } else this.#fields[name] = value;
    }
    return JSON.stringify(own).length;
  }

  /** The fields so far; `undefined` if there are none. */
  value(): Fields | undefined {
    return Object.keys(this.#fields).length === 0 ? undefined : { ...this.#fields };
  }
}

/** Adds a block to a list, or a piece of a block to the block that it continues. */
function addBlock(blocks: unknown[], piece: unknown): void {
  const next = Object(piece) as Block;
  const { type, index } = next;
  const known = Object(
    typeof index === "number"
      ? blocks.findLast((block) => (Object(block) as Block)["index"] === index)
      : blocks.at(-1),
  ) as Block;
  // A block ends with its signature. Encrypted blocks have neither text nor signature: they come whole.
  const isPiece = Object.keys(next).some((name) => isStreamed(name) || name === "signature");
  if (!isPiece || known["type"] !== type || known["index"] !== index || known["signature"]) {
    if (blocks.length < MAX_BLOCKS) blocks.push(piece);
    return;
  }
  for (const [name, value] of Object.entries(next)) {
    const before = known[name];
    if (isStreamed(name) && typeof before === "string" && typeof value === "string") {
      known[name] = before + value;
    } else if (value !== null && value !== "") known[name] = value;
  }
}

function isStreamed(name: string): boolean {
  return (STREAMED as readonly string[]).includes(name);
}

function copyOf(piece: unknown): unknown {
  try {
    return copyJson(piece, "extra", LIMITS);
  } catch {
    // The host gets nothing back then; what the answer does depends on none of it.
    return undefined;
  }
}
