/**
 * Asking through a service on the network: it gets a signed message with a link; behind the link a page of
 * this process shows the whole question and takes the answer.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { ApprovalAnswer, Approver } from "./approver.ts";
import { type ApprovalQuestion, renderQuestion } from "./question.ts";
import { MESSAGES, type WebhookFormat } from "./webhook_message.ts";

/** Options of {@linkcode webhookApprover}. */
export interface WebhookOptions {
  /** Where the message goes: the incoming webhook of a service. */
  readonly url: string;
  /** The form of the service. @default "json" */
  readonly format?: WebhookFormat;
  /** The chat of Telegram, or the topic of ntfy. */
  readonly to?: string;
  /** At least 32 characters that nobody else knows; signs the message and the links. */
  readonly secret: string;
  /** Who answers by that link: appears in the record. Whoever has the link can answer. */
  readonly by: string;
  /** Wall clock. @default the system's */
  readonly clock?: () => Date;
  /** Where answers are taken. */
  readonly answers: {
    /** @default "127.0.0.1" */
    readonly hostname?: string;
    readonly port: number;
    /** How people reach it, for example a reverse proxy with HTTPS. @default `http://hostname:port` */
    readonly publicUrl?: string;
  };
}

/** A webhook could not be asked. */
export class WebhookError extends Error {
  /** The name of this class. */
  override name = "WebhookError";
  /** Stable code of this class of errors. */
  readonly code = "APPROVAL_WEBHOOK";
}

const MIN_SECRET = 32;
const SEND_TIMEOUT_MS = 10_000;
/** More is no answer. */
const MAX_BODY = 4096;
const CHOICES = ["yes", "no", "remember"] as const;
type Choice = typeof CHOICES[number];

/** A question that waits for its answer. */
interface Waiting {
  readonly question: ApprovalQuestion;
  readonly resolve: (answer: ApprovalAnswer) => void;
}

/**
 * Asks through a service. A link holds the id of the question, when it ends, and a signature (HMAC-SHA-256);
 * opening it shows the question and changes nothing, so that previews of links answer nothing. Only the form
 * of that page answers: once, for the very question, before it ends.
 *
 * The process needs the permission `net` for the service and for the port of `answers`.
 *
 * @throws {RangeError} The secret is too short, or the URL is none.
 */
export function webhookApprover(options: WebhookOptions): Approver {
  const { url, format = "json", to, secret, by, answers, clock = () => new Date() } = options;
  if (secret.length < MIN_SECRET) {
    throw new RangeError(
      `Cannot make a webhook: its secret has less than ${MIN_SECRET} characters`,
    );
  }
  const { hostname = "127.0.0.1", port } = answers;
  const { publicUrl = `http://${hostname}:${port}` } = answers;
  const service = URL.parse(url);
  if (service === null || !/^https?:$/.test(service.protocol)) {
    throw new RangeError("Cannot make a webhook: its url is no http or https URL");
  }
  const desk = new AnswerDesk({ hostname, port, secret, by, clock });
  return {
    method: "webhook",
    net: [
      `${service.hostname}:${service.port || (service.protocol === "https:" ? 443 : 80)}`,
      `${hostname}:${port}`,
    ],
    async ask(question, signal) {
      using place = desk.open(question);
      const page = new URL(publicUrl);
      page.search = desk.queryOf(question);
      const link = page.href;
      const body = JSON.stringify(MESSAGES[format]({ question, link, to }));
      await send(url, body, { secret, signal, now: clock() });
      const { promise, reject } = Promise.withResolvers<never>();
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
      try {
        return await Promise.race([place.answer, promise]);
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
  };
}

/** Sends a message whose receiver can check where it comes from: `t=SECONDS,v1=HMAC` over `SECONDS.BODY`. */
async function send(
  url: string,
  body: string,
  { secret, signal, now }: {
    readonly secret: string;
    readonly signal: AbortSignal;
    readonly now: Date;
  },
): Promise<void> {
  const time = Math.floor(now.getTime() / 1000);
  const signature = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
  const response = await fetch(url, {
    method: "POST",
    body,
    redirect: "error",
    headers: {
      "content-type": "application/json",
      "x-agent-kernel-signature": `t=${time},v1=${signature}`,
    },
    signal: AbortSignal.any([signal, AbortSignal.timeout(SEND_TIMEOUT_MS)]),
  });
  await response.body?.cancel();
  if (!response.ok) {
    throw new WebhookError(`The service answered with status ${response.status}, expected 200`);
  }
}

interface AnswerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly secret: string;
  readonly by: string;
  readonly clock: () => Date;
}

/** Serves the pages of questions, as long as there are any. */
class AnswerDesk {
  readonly #options: AnswerOptions;
  readonly #waiting = new Map<string, Waiting>();
  #server: Deno.HttpServer | undefined;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  /** Takes answers to a question until the result is disposed of. */
  open(question: ApprovalQuestion): Disposable & { readonly answer: Promise<ApprovalAnswer> } {
    const { hostname, port } = this.#options;
    this.#server ??= Deno.serve(
      { hostname, port, onListen: () => {}, onError: () => new Response(null, { status: 500 }) },
      (request) => this.#handle(request),
    );
    const { promise: answer, resolve } = Promise.withResolvers<ApprovalAnswer>();
    this.#waiting.set(question.id, { question, resolve });
    return {
      answer,
      [Symbol.dispose]: () => {
        this.#waiting.delete(question.id);
        if (this.#waiting.size > 0) return;
        this.#server?.shutdown();
        this.#server = undefined;
      },
    };
  }

  /** The query of the page of a question; its path is that of a proxy, if there is one. */
  queryOf(question: ApprovalQuestion): string {
    return `?q=${question.id}&s=${this.#sign(question, "look")}`;
  }

  /** Binds to the question byte for byte, its end included. */
  #sign({ digest }: ApprovalQuestion, what: Choice | "look"): string {
    return createHmac("sha256", this.#options.secret).update(`${what}.${digest}`).digest("hex");
  }

  #isSigned(signature: string | null, question: ApprovalQuestion, what: Choice | "look"): boolean {
    const expected = new TextEncoder().encode(this.#sign(question, what));
    const given = new TextEncoder().encode(signature ?? "");
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  async #handle(request: Request): Promise<Response> {
    const { searchParams: query } = new URL(request.url);
    const waiting = this.#waiting.get(query.get("q") ?? "");
    const isRight = waiting !== undefined &&
      this.#isSigned(query.get("s"), waiting.question, "look") &&
      this.#options.clock().toISOString() < waiting.question.expiresAt;
    if (waiting === undefined || !isRight) return nothingWaits();
    if (request.method === "GET") return page(this.#questionPage(waiting.question), 200);
    if (request.method !== "POST") return page("Only looked at, or answered", 405);
    const form = new URLSearchParams(await boundedText(request));
    const choice = CHOICES.find((one) => one === form.get("answer"));
    if (choice === undefined || !this.#isSigned(form.get("s"), waiting.question, choice)) {
      return page("This is no answer.", 400);
    }
    const { by } = this.#options;
    // INVARIANT: the first answer counts, and the others are told so: another may have come while this one
    // was read.
    if (!this.#waiting.delete(waiting.question.id)) return nothingWaits();
    waiting.resolve({ approved: choice !== "no", by, remember: choice === "remember" });
    return page(choice === "no" ? "Denied." : "Approved.", 200);
  }

  #questionPage(question: ApprovalQuestion): string {
    const lines = renderQuestion(question).map(escapedHtml).join("\n");
    const choices = CHOICES.filter((one) => one !== "remember" || question.remember !== undefined);
    const forms = choices.map((choice) =>
      `<form method="post"><input type="hidden" name="s" value="${
        this.#sign(question, choice)
      }"><button name="answer" value="${choice}">${choice}</button></form>`
    );
    return `<pre>${lines}</pre>${forms.join("")}`;
  }
}

function nothingWaits(): Response {
  return page("Nothing waits here. The question is answered, or its time is over.", 404);
}

async function boundedText(request: Request): Promise<string> {
  let text = "";
  for await (const part of request.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (text.length > MAX_BODY) return "";
  }
  return text;
}

function page(body: string, status: number): Response {
  const html =
    `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Approval</title><body>${body}</body>`;
  return new Response(html, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  });
}

function escapedHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
