/**
 * Models behind OpenAI's chat completions, through its own client.
 *
 * @module
 */
import type OpenAI from "npm:openai@^7.57.0";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import { boundedFetch } from "./bounded_fetch.ts";
import { loopbackClient } from "./loopback.ts";
import {
  type ModelClient,
  type ModelDelta,
  ModelError,
  type ModelRequest,
} from "./model_client.ts";
import { type AskedHost, connectionFailure, hostFailure, noAnswer } from "./model_failure.ts";
import { type ModelHost, MODELS, resolveModel } from "./models.ts";
import { deltasOf, errorIn, isAnswer } from "./openai_answer.ts";
import { requestBody } from "./openai_request.ts";

/** The longest delay that timers take, in milliseconds. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Options of {@linkcode openAiClient}. */
export interface OpenAiClientOptions {
  /** Hosts by prefix: `{...MODELS, mine: {baseURL, key}}`. @default MODELS */
  readonly models?: Readonly<Record<string, ModelHost>>;
  /** Address of the API; overrides the host's. A key is then optional. @default the host's */
  readonly baseURL?: string;
  /** The key itself. @default the value of the environment variable of the host */
  readonly apiKey?: string;
  /** Have answers streamed. @default true */
  readonly stream?: boolean;
  /** Most tokens of one answer. @default the host's */
  readonly maxOutputTokens?: number;
  /** Further members of the request's body, such as `{temperature: 0}`. @default {} */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Query parameters of each request, such as `{"api-version": …}` of Azure. @default the host's */
  readonly query?: Readonly<Record<string, string>>;
  /** Longest silence of the host, in milliseconds. @default 120000 */
  readonly timeoutMs?: number;
  /** Most bytes of one answer. @default 33554432 */
  readonly maxResponseBytes?: number;
  /** Clock of the timeout. @default the platform's */
  readonly timer?: Timer;
}

/**
 * Makes a client for a model by name. `npm:openai` is loaded with the first request.
 *
 * The key is read here, from the one variable that the host has: `--allow-env=NAME` is enough. It is
 * sent to the host only, and is in no error and no log. A host on loopback is asked directly, without
 * the proxy that `HTTP_PROXY` names; any other host through it.
 *
 * @param name As in {@linkcode resolveModel}.
 * @param options What differs from the host's defaults.
 * @returns The client.
 * @throws {RangeError} There is no host with that prefix.
 * @throws {ModelError} `KEY_MISSING`: there is no key, or the process may not read it.
 */
export function openAiClient(name: string, options: OpenAiClientOptions = {}): ModelClient {
  const target = resolveModel(name, options.models ?? MODELS);
  const { host } = target;
  const baseURL = options.baseURL ?? baseUrlOf(name, host);
  const key = options.apiKey ?? keyOf(name, host, options.baseURL !== undefined);
  const asked: AskedHost = { name, baseURL, keyName: host.key, key };

  async function connect(through: typeof fetch): Promise<OpenAI> {
    const { default: Client } = await import("npm:openai@^7.57.0");
    const inOwnHeader = host.keyHeader === "api-key";
    const query = options.query ?? host.query;
    return new Client({
      baseURL,
      // The client looks for each value that is not given in the environment.
      apiKey: key ?? "none",
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: "off",
      // The loop retries, with its own timer; the bounded fetch ends a silence.
      maxRetries: 0,
      timeout: MAX_DELAY_MS,
      fetch: through,
      ...(query === undefined ? {} : { defaultQuery: { ...query } }),
      defaultHeaders: {
        ...(inOwnHeader || key === undefined ? { Authorization: null } : {}),
        ...(inOwnHeader && key !== undefined ? { "api-key": key } : {}),
      },
    });
  }

  async function* ask(request: ModelRequest): AsyncIterable<ModelDelta> {
    const { signal } = request;
    const bounded = boundedFetch({
      maxBytes: options.maxResponseBytes ?? 32 * 1024 * 1024,
      timeoutMs: options.timeoutMs ?? 120_000,
      timer: options.timer ?? SYSTEM_TIMER,
    });
    try {
      using direct = loopbackClient(baseURL);
      const openAi = await connect(bounded.fetchThrough(direct));
      const stream = options.stream ?? true;
      const body = requestBody(target, request, { ...options, stream });
      const asking = openAi.chat.completions.create(
        body as unknown as OpenAI.ChatCompletionCreateParams,
        { signal },
      );
      const response = await asking.asResponse();
      const type = response.headers.get("content-type") ?? "";
      // A host that does not stream, or has an error to report, answers with one body.
      if (!stream || /json|html/i.test(type)) yield* wholeAnswer(response, asked);
      else yield* streamedAnswer(await asking as AsyncIterable<unknown>, asked);
    } catch (error) {
      signal.throwIfAborted();
      const broken = error instanceof Deno.errors.NotCapable ? error : bounded.failure();
      if (broken !== undefined) throw connectionFailure(broken, asked);
      throw error instanceof ModelError ? error : clientFailure(error, asked, bounded.errorBody());
    }
    // A host that ends the stream at an abort looks like one that has finished.
    signal.throwIfAborted();
  }

  return Object.freeze({ name, ask });
}

async function* wholeAnswer(response: Response, host: AskedHost): AsyncIterable<ModelDelta> {
  const text = await response.text();
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw noAnswer(host, text);
  }
  const error = errorIn(answer);
  if (error !== undefined) throw hostFailure({ body: error, headers: response.headers }, host);
  if (!isAnswer(answer)) throw noAnswer(host, answer);
  yield* deltasOf(answer);
}

async function* streamedAnswer(
  chunks: AsyncIterable<unknown>,
  host: AskedHost,
): AsyncIterable<ModelDelta> {
  for await (const chunk of chunks) {
    const error = errorIn(chunk);
    if (error !== undefined) throw brokenOff(error, undefined, host);
    yield* deltasOf(chunk);
  }
}

/** An error in the middle of a stream: unless it says otherwise, the host may answer later. */
function brokenOff(body: unknown, headers: Headers | undefined, host: AskedHost): ModelError {
  return hostFailure({ body, headers }, host, {
    otherwise: ["SERVER_FAILED", "the host broke off"],
  });
}

/** What an error of `npm:openai` means. */
function clientFailure(
  error: unknown,
  host: AskedHost,
  errorBody: string | undefined,
): ModelError {
  const { status, headers, error: body } = Object(error) as Readonly<Record<string, unknown>>;
  const known = headers instanceof Headers ? headers : undefined;
  if (typeof status === "number") {
    return hostFailure({ status, body: errorBody ?? body, headers: known }, host);
  }
  return body === undefined || body === null ? noAnswer(host) : brokenOff(body, known, host);
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

function keyOf(name: string, host: ModelHost, isOptional: boolean): string | undefined {
  if (host.key === undefined) return undefined;
  const key = readVariable(host.key);
  if (key !== undefined || host.keyOptional || isOptional) return key;
  throw new ModelError(
    "KEY_MISSING",
    `Cannot ask "${name}": expected its key in the environment variable ${host.key}, ` +
      `and, in a program of your own, the permission to read it (--allow-env=${host.key})`,
  );
}

/** Never prompts: a variable that the process may not read counts as not set. */
function readVariable(variable: string): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return undefined;
  return Deno.env.get(variable)?.trim() || undefined;
}
