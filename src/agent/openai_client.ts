/**
 * Models behind OpenAI's chat completions, through its own client.
 *
 * @module
 */
import type OpenAI from "openai";
import { SYSTEM_TIMER, type Timer } from "../core/timer.ts";
import { boundedFetch } from "./bounded_fetch.ts";
import {
  type ModelClient,
  type ModelDelta,
  ModelError,
  type ModelRequest,
} from "./model_client.ts";
import { explain, explainConnection, type Place } from "./model_failure.ts";
import { type ModelHost, MODELS, resolveModel } from "./models.ts";
import { deltasOf, requestBody } from "./openai_wire.ts";

/** In milliseconds; what timers take at most. */
const LONGEST = 2 ** 31 - 1;

/** Options of {@linkcode openAiClient}. */
export interface OpenAiClientOptions {
  /** Hosts by prefix: `{...MODELS, mine: {baseURL, key}}`. @default MODELS */
  readonly models?: Readonly<Record<string, ModelHost>>;
  /** Address of the API; overrides the host's. A key is then optional. @default the host's */
  readonly baseURL?: string;
  /** The key itself. @default the value of the host's environment variable */
  readonly apiKey?: string;
  /** Streams answers. @default true */
  readonly stream?: boolean;
  /** Most tokens of one answer. @default the host's */
  readonly maxOutputTokens?: number;
  /** Further parameters of the request's body, like `{temperature: 0}`. @default {} */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Parameters of the address, like Azure's `{"api-version": …}`. @default the host's */
  readonly query?: Readonly<Record<string, string>>;
  /** Longest silence of the host, in milliseconds. @default 120000 */
  readonly timeoutMs?: number;
  /** Most bytes of one answer. @default 33554432 */
  readonly maxResponseBytes?: number;
  /** For the timeout. @default the platform's */
  readonly timer?: Timer;
}

/**
 * A client for a model by name. `npm:openai` is loaded with the first question.
 *
 * The key is read here, by the one name that the host has: `--allow-env=NAME` is enough. It is sent
 * to the host, and appears in no error and no log.
 *
 * @param name As in {@linkcode resolveModel}.
 * @throws {RangeError} There is no host with that prefix.
 * @throws {ModelError} `KEY_MISSING`: there is no key, or the process may not read it.
 */
export function openAiClient(name: string, options: OpenAiClientOptions = {}): ModelClient {
  const { model, host } = resolveModel(name, options.models ?? MODELS);
  const baseURL = options.baseURL ?? baseUrlOf(name, host);
  const key = options.apiKey ?? keyOf(name, host, options.baseURL !== undefined);
  const place: Place = { name, baseURL, keyName: host.key, key };
  const timeoutMs = options.timeoutMs ?? 120_000;

  async function connect(through: typeof fetch): Promise<OpenAI> {
    const { default: Client } = await import("openai");
    const inOwnHeader = host.keyHeader === "api-key";
    const query = options.query ?? host.query;
    return new Client({
      baseURL,
      // Every value that is not given is looked for in the environment.
      apiKey: key ?? "none",
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: "off",
      // The loop retries, with a timer of its own; silence ends with the bounded fetch.
      maxRetries: 0,
      timeout: LONGEST,
      fetch: through,
      ...(query === undefined ? {} : { defaultQuery: { ...query } }),
      defaultHeaders: {
        ...(inOwnHeader || key === undefined ? { Authorization: null } : {}),
        ...(inOwnHeader && key !== undefined ? { "api-key": key } : {}),
      },
    });
  }

  async function* ask(request: ModelRequest): AsyncIterable<ModelDelta> {
    const { fetch, failure } = boundedFetch({
      maxBytes: options.maxResponseBytes ?? 32 * 1024 * 1024,
      timeoutMs,
      timer: options.timer ?? SYSTEM_TIMER,
    });
    try {
      const client = await connect(fetch);
      const stream = options.stream ?? true;
      const body = requestBody(model, host, request, { ...options, stream });
      const { signal } = request;
      const answer: unknown = await client.chat.completions.create(
        body as unknown as OpenAI.ChatCompletionCreateParams,
        { signal },
      );
      if (!stream) {
        yield* deltasOf(answer, "message");
        return;
      }
      for await (const chunk of answer as AsyncIterable<unknown>) yield* deltasOf(chunk, "delta");
    } catch (error) {
      request.signal.throwIfAborted();
      const broken = failure();
      throw broken === undefined ? explain(error, place) : explainConnection(broken, place);
    }
    // A host that ends the stream at an abort looks like one that has finished.
    request.signal.throwIfAborted();
  }

  return Object.freeze({ name, ask });
}

function baseUrlOf(name: string, host: ModelHost): string {
  if (host.baseURL !== undefined) return host.baseURL;
  const address = host.baseURLFrom === undefined ? undefined : readVariable(host.baseURLFrom);
  if (address === undefined) {
    throw new ModelError(
      "KEY_MISSING",
      `Cannot ask "${name}": its host has no fixed address, expected baseURL` +
        (host.baseURLFrom === undefined ? "" : ` or the environment variable ${host.baseURLFrom}`),
    );
  }
  return address.replace(/\/+$/, "") + (host.path ?? "");
}

function keyOf(name: string, host: ModelHost, elsewhere: boolean): string | undefined {
  if (host.key === undefined) return undefined;
  const key = readVariable(host.key);
  if (key !== undefined || host.keyOptional || elsewhere) return key;
  throw new ModelError(
    "KEY_MISSING",
    `Cannot ask "${name}": expected its key in the environment variable ${host.key}, ` +
      `and permission to read it (--allow-env=${host.key})`,
  );
}

/** Asks for no permission: what may not be read is not there. */
function readVariable(variable: string): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return undefined;
  return Deno.env.get(variable)?.trim() || undefined;
}
