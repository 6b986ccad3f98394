/**
 * Scripted answers in the form of OpenAI's chat completions.
 *
 * @module
 */
import type { ScriptedCall, ScriptedRequest, ScriptedTurn } from "./script.ts";

/** An answer of the server. */
export interface Scripted {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly cutAfter: number | undefined;
  readonly hang: boolean;
}

/** Characters of each piece of a streamed text. */
const PIECE = 16;

/**
 * Makes the HTTP answer of a turn.
 *
 * @param turn The turn.
 * @param request The request that it answers.
 * @param position Number of the turn, from 0.
 * @param variables Values for `{{name}}`.
 */
export function bytesOfTurn(
  turn: ScriptedTurn,
  request: ScriptedRequest,
  position: number,
  variables: Readonly<Record<string, string>>,
): Scripted {
  const { status = 200, headers = {}, body, cutAfter, hang = false } = turn;
  const stream = request.body.stream === true;
  const values = { ...variables, ...valuesOf(request) };
  const isError = status >= 400;
  const text = new TextEncoder();
  const bytes = typeof body === "object"
    ? Uint8Array.from(body)
    : body !== undefined
    ? text.encode(filled(body, values) as string)
    : isError
    ? text.encode(JSON.stringify({ error: { message: turn.error ?? `Error ${status}` } }))
    : text.encode(completion(filled(turn, values) as ScriptedTurn, request, position, stream));
  const type = stream && !isError ? "text/event-stream" : "application/json";
  return { status, headers: { "content-type": type, ...headers }, bytes, cutAfter, hang };
}

function completion(
  turn: ScriptedTurn,
  { body }: ScriptedRequest,
  position: number,
  stream: boolean,
): string {
  const { text = "", calls = [] } = turn;
  const finish_reason = turn.finish ?? (calls.length > 0 ? "tool_calls" : "stop");
  const id = `chatcmpl-${position + 1}`;
  const head = { id, created: 0, model: body.model ?? "scripted" };
  const tool_calls = calls.map((call, i) => wireCall(call, `call_${position + 1}_${i + 1}`));
  const usage = usageOf(turn, body);
  if (!stream) {
    return JSON.stringify({
      ...head,
      object: "chat.completion",
      choices: [{
        index: 0,
        message: {
          role: "assistant",
          content: text === "" && calls.length > 0 ? null : text,
          ...(calls.length > 0 ? { tool_calls } : {}),
        },
        finish_reason,
      }],
      ...usage,
    });
  }
  const deltas: object[] = [
    { role: "assistant", content: "" },
    ...pieces(text).map((content) => ({ content })),
    ...tool_calls.flatMap(({ function: { name, arguments: args }, ...call }, index) => [
      { tool_calls: [{ index, ...call, function: { name, arguments: "" } }] },
      ...pieces(args).map((piece) => ({
        tool_calls: [{ index, function: { arguments: piece } }],
      })),
    ]),
  ];
  const chunk = { ...head, object: "chat.completion.chunk" };
  const chunks: object[] = [
    ...deltas.map((delta) => ({ ...chunk, choices: [{ index: 0, delta, finish_reason: null }] })),
    { ...chunk, choices: [{ index: 0, delta: {}, finish_reason }] },
    ...("usage" in usage ? [{ ...chunk, choices: [], ...usage }] : []),
  ];
  const events = chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`);
  return `${events.join("")}data: [DONE]\n\n`;
}

function wireCall({ id, name, arguments: args = {} }: ScriptedCall, fallback: string) {
  return {
    id: id ?? fallback,
    type: "function",
    function: { name, arguments: typeof args === "string" ? args : JSON.stringify(args) },
  };
}

function usageOf(turn: ScriptedTurn, request: ScriptedRequest["body"]): object {
  if (turn.usage === null) return {};
  const words = (value: unknown) => (JSON.stringify(value) ?? "").split(/\W+/).length;
  const { input, output } = turn.usage ??
    { input: words(request.messages), output: words([turn.text, turn.calls]) };
  return {
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
  };
}

function pieces(text: string): string[] {
  const characters = Array.from(text);
  return Array.from(
    { length: Math.ceil(characters.length / PIECE) },
    (_, i) => characters.slice(i * PIECE, (i + 1) * PIECE).join(""),
  );
}

function valuesOf({ body: { messages } }: ScriptedRequest): Record<string, string> {
  const last = (role: string) => messages.findLast((one) => one.role === role)?.content;
  const text = (value: unknown) =>
    typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
  return { prompt: text(last("user")), result: text(last("tool")) };
}

/** Replaces the placeholders in all strings; one without a value stays as it is. */
function filled(value: unknown, values: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") {
    return value.replace(/\{\{(\w+)\}\}/g, (whole, name) => values[name] ?? whole);
  }
  if (Array.isArray(value)) return value.map((one) => filled(one, values));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, filled(inner, values)]),
  );
}
