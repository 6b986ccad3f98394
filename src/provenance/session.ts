/**
 * One session in use: its scope, what it knows, and where that is kept.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { StageRefusal } from "../core/admission.ts";
import { messageOf } from "../core/errors.ts";
import type { ActionTable } from "../core/resource/kind.ts";
import type { World } from "../core/resource/world.ts";
import type { Provenance } from "./policy.ts";
import { type CompiledScope, compileScope, type Ruled, type Scope } from "./scope.ts";
import { outgoingTextsOf } from "./secret_texts.ts";
import { SESSION_CODES, SessionError } from "./session_error.ts";
import { type Lesson, SessionState } from "./session_state.ts";
import type { SessionFile, SessionHeader, SessionLine } from "./session_store.ts";
import { MAX_TEXT } from "./text_views.ts";

/** What a session is used with. */
export interface SessionParts {
  readonly file: SessionFile;
  readonly clock: () => Date;
  readonly actions: ActionTable;
  readonly world: World;
  readonly onWarning: (line: string) => void;
}

/** What a session is opened with, or gets later. */
export interface Extension {
  readonly scopes?: readonly CompiledScope[];
  readonly prompt?: string | undefined;
  /** RFC 3339, UTC: the earliest counts. */
  readonly expires?: string | undefined;
}

/**
 * A prompt that can be kept.
 *
 * @throws {RangeError} It is longer than 1 MiB.
 */
export function checkPrompt(prompt: string | undefined): void {
  if (prompt !== undefined && prompt.length > MAX_TEXT) {
    throw new RangeError(
      `Cannot keep a prompt of ${prompt.length} characters, at most ${MAX_TEXT}`,
    );
  }
}

/** A session that is open. */
export class ActiveSession {
  readonly state: SessionState = new SessionState();
  readonly #parts: SessionParts;
  readonly #scopes: CompiledScope[] = [];
  #header: SessionHeader;
  #over: StageRefusal | undefined;

  /** Goes on from what its file holds; the first line of it is the header. */
  constructor(header: SessionHeader, parts: SessionParts) {
    this.#header = header;
    this.#parts = parts;
    for (const line of parts.file.lines) {
      if ("session" in line) continue;
      if ("scope" in line) this.#scopes.push(compileScope(line.scope, parts));
      else if ("expires" in line) this.#expire(line.expires);
      else this.state.learn(line);
    }
  }

  /** What it was opened with; the earliest time that it was given to end at. */
  get header(): SessionHeader {
    return this.#header;
  }

  /**
   * Writes what it is opened with, in one piece: a session that was not opened whole does not go on, because it might
   * lack its scope.
   *
   * @throws {SessionError} It could not be kept.
   */
  begin({ expires, ...opening }: Extension): void {
    if (expires !== undefined) this.#expire(expires);
    const lines = linesOf(opening);
    this.#write({ session: this.#header, begins: lines.length + 1 }, ...lines);
    this.#take(opening);
  }

  /**
   * Adds to what it was opened with; all of it only narrows but the prompt.
   *
   * @throws {SessionError} It could not be kept.
   */
  extend(extension: Extension): void {
    const lines = linesOf(extension);
    if (lines.length === 0) return;
    this.#write(...lines);
    this.#take(extension);
  }

  /** Takes away what is outside of a further scope. */
  narrow(scope: Scope): void {
    this.extend({ scopes: [compileScope(scope, this.#parts)] });
  }

  /**
   * Adds to the prompt what the user said later.
   *
   * @throws {RangeError} It is longer than 1 MiB.
   * @throws {SessionError} It could not be kept.
   */
  addPrompt(prompt: string): void {
    checkPrompt(prompt);
    this.extend({ prompt });
  }

  /**
   * Keeps something that was learned.
   *
   * INVARIANT: what cannot be kept ends the session: it would not know any more what is secret.
   */
  learn(lesson: Lesson): void {
    this.#write(lesson);
    this.state.learn(lesson);
  }

  /** Why none of its requests may go on; `undefined` if they may. */
  get over(): StageRefusal | undefined {
    if (this.#over !== undefined) return this.#over;
    const { id, expiresAt } = this.header;
    return expiresAt !== undefined && this.#parts.clock().toISOString() >= expiresAt
      ? refused("SESSION_EXPIRED", `the session "${id}" has ended at ${expiresAt}`)
      : undefined;
  }

  /** Why a request is no part of the task; `undefined` if it is. */
  outOfScope(request: CanonicalRequest, ruled: Ruled): StageRefusal | undefined {
    for (const scope of this.#scopes) {
      const why = scope.refusal(request, ruled);
      if (why !== undefined) return refused("OUT_OF_SCOPE", why);
    }
    return undefined;
  }

  /** Whether a request would take something out that was read from a secret source. */
  disclosure(
    request: CanonicalRequest,
    { sources, rules }: Provenance,
    rule: string,
  ): StageRefusal | undefined {
    const { secrets } = this.state;
    if (secrets.size === 0) return undefined;
    const { action, target, params } = request;
    const allowed = rules.get(rule)?.to ?? [];
    const texts = [target, ...outgoingTextsOf(params)];
    for (const [id, pieces] of secrets) {
      // Where it comes from it may go back to.
      const isOwn = sources.some((source) => source.id === id && source.covers(action, target));
      if (allowed.includes(id) || isOwn) continue;
      if (!pieces.isComplete) {
        const why = `more was read from "${id}" than can be told apart from what goes out`;
        return refused("SECRET_DISCLOSED", `${why}; it needs a rule with "to: [${id}]"`);
      }
      for (const text of texts) {
        const record = pieces.foundIn(text);
        if (record === undefined) continue;
        return refused(
          "SECRET_DISCLOSED",
          `it holds what was read from "${id}" (record ${record}); only a rule with "to: [${id}]" may pass that on`,
        );
      }
    }
    return undefined;
  }

  /** Ends it: nothing of what it knew is kept. */
  close(): void {
    if (this.#over?.code === SESSION_CODES.SESSION_CLOSED) return;
    const closedAt = this.#parts.clock().toISOString();
    this.#over = refused("SESSION_CLOSED", `the session "${this.header.id}" was closed`);
    this.#parts.file.replace({ session: { ...this.header, closedAt } });
  }

  /** Puts it away: it can be taken up again. */
  release(): void {
    this.#over ??= refused(
      "SESSION_CLOSED",
      `the kernel of the session "${this.header.id}" was closed`,
    );
    this.#parts.file.close();
  }

  #take({ scopes = [], prompt = "", expires }: Extension): void {
    this.#scopes.push(...scopes);
    if (expires !== undefined) this.#expire(expires);
    if (prompt !== "") this.state.learn({ prompt });
  }

  #expire(at: string): void {
    const { expiresAt } = this.#header;
    if (expiresAt === undefined || at < expiresAt) {
      this.#header = { ...this.#header, expiresAt: at };
    }
  }

  #write(...lines: readonly SessionLine[]): void {
    if (this.#over !== undefined) {
      throw new SessionError(
        "SESSION_CLOSED",
        this.#over.refusal.replace("not permitted: ", "Cannot go on: "),
      );
    }
    try {
      this.#parts.file.append(...lines);
    } catch (error) {
      const { id } = this.header;
      this.#over = refused(
        "SESSION_UNAVAILABLE",
        `what the session "${id}" knows could not be kept; a new session is needed`,
      );
      this.#parts.onWarning(`agent-kernel: session "${id}" cannot be kept: ${messageOf(error)}`);
      throw new SessionError(
        "SESSION_UNAVAILABLE",
        `Cannot keep the session "${id}": ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }
}

function linesOf({ scopes = [], prompt = "", expires }: Extension): SessionLine[] {
  return [
    ...scopes.map(({ scope }) => ({ scope })),
    ...expires === undefined ? [] : [{ expires }],
    ...prompt === "" ? [] : [{ prompt }],
  ];
}

function refused(code: keyof typeof SESSION_CODES, why: string): StageRefusal {
  return { refusal: `not permitted: ${why}`, code: SESSION_CODES[code] };
}
