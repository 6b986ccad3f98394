/**
 * Hosts of models, and what is special about each.
 *
 * @module
 */

/** A host that serves models in the form of OpenAI's chat completions. */
export interface ModelHost {
  /** Address of the API. @default none: the option `baseURL` or `baseURLFrom` is needed */
  readonly baseURL?: string;
  /** Environment variable with the address, for hosts whose address differs from user to user. */
  readonly baseURLFrom?: string;
  /** Path that is appended to an address from `baseURLFrom`. @default "" */
  readonly path?: string;
  /** Environment variable with the key. @default none: no key is sent */
  readonly key?: string;
  /** The host answers without a key too. @default false */
  readonly keyOptional?: boolean;
  /** Header of the key. @default "authorization": `Bearer` and the key */
  readonly keyHeader?: "authorization" | "api-key";
  /** Name of the parameter that bounds the tokens of an answer. @default "max_tokens" */
  readonly maxTokens?: "max_tokens" | "max_completion_tokens";
  /** The host accepts `stream_options`. @default true */
  readonly streamOptions?: boolean;
  /** Query parameters of each request, such as `api-version` of Azure. @default {} */
  readonly query?: Readonly<Record<string, string>>;
}

/** The hosts by prefix: `"groq/llama-3.3-70b"`. A name without a prefix is a model of OpenAI. */
export const MODELS: Readonly<Record<string, ModelHost>> = Object.freeze({
  openai: {
    baseURL: "https://api.openai.com/v1",
    key: "OPENAI_API_KEY",
    maxTokens: "max_completion_tokens",
  },
  anthropic: { baseURL: "https://api.anthropic.com/v1", key: "ANTHROPIC_API_KEY" },
  gemini: {
    baseURL: "https://generativelanguage.googleapis.com/v1beta/openai",
    key: "GEMINI_API_KEY",
  },
  azure: {
    baseURLFrom: "AZURE_OPENAI_ENDPOINT",
    path: "/openai/v1",
    key: "AZURE_OPENAI_API_KEY",
    keyHeader: "api-key",
    maxTokens: "max_completion_tokens",
  },
  groq: {
    baseURL: "https://api.groq.com/openai/v1",
    key: "GROQ_API_KEY",
    maxTokens: "max_completion_tokens",
  },
  mistral: {
    baseURL: "https://api.mistral.ai/v1",
    key: "MISTRAL_API_KEY",
    streamOptions: false,
  },
  deepseek: { baseURL: "https://api.deepseek.com/v1", key: "DEEPSEEK_API_KEY" },
  openrouter: { baseURL: "https://openrouter.ai/api/v1", key: "OPENROUTER_API_KEY" },
  together: { baseURL: "https://api.together.xyz/v1", key: "TOGETHER_API_KEY" },
  xai: { baseURL: "https://api.x.ai/v1", key: "XAI_API_KEY" },
  ollama: { baseURL: "http://127.0.0.1:11434/v1" },
  lmstudio: { baseURL: "http://127.0.0.1:1234/v1" },
  vllm: { baseURL: "http://127.0.0.1:8000/v1", key: "VLLM_API_KEY", keyOptional: true },
  litellm: { baseURL: "http://127.0.0.1:4000/v1", key: "LITELLM_API_KEY", keyOptional: true },
});

/** A model and its host. */
export interface ResolvedModel {
  /** The name with the prefix. */
  readonly name: string;
  /** The host's name of the model. */
  readonly model: string;
  /** The host. */
  readonly host: ModelHost;
}

/**
 * Finds the host of a model: `"anthropic/claude-sonnet-4-5"`, `"openrouter/qwen/qwen3-coder"`,
 * `"gpt-5"`.
 *
 * @param name The prefix of a host, `/`, and the host's name of the model.
 * @param models The hosts by prefix: {@linkcode MODELS}, or `{...MODELS, mine: {baseURL, key}}`.
 * @returns The model and its host.
 * @throws {RangeError} There is no host with that prefix.
 */
export function resolveModel(
  name: string,
  models: Readonly<Record<string, ModelHost>> = MODELS,
): ResolvedModel {
  const slash = name.indexOf("/");
  const prefix = slash === -1 ? "openai" : name.slice(0, slash);
  const model = name.slice(slash + 1);
  const host = Object.hasOwn(models, prefix) ? models[prefix] : undefined;
  if (host === undefined || model === "") {
    throw new RangeError(
      `Cannot find model "${name}": expected PREFIX/MODEL with one of the prefixes ` +
        `${Object.keys(models).join(", ")}, or the name of a model of OpenAI`,
    );
  }
  return { name, model, host };
}
