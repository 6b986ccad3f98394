/**
 * The sessions of one open kernel.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import type { ActionTable } from "../core/resource/kind.ts";
import type { World } from "../core/resource/world.ts";
import { ChangedFiles } from "./changed_files.ts";
import { compileScope, type ProposeScope, type Scope } from "./scope.ts";
import { ActiveSession, checkPrompt, type Extension } from "./session.ts";
import { SessionError } from "./session_error.ts";
import {
  FileSessionStore,
  MemorySessionStore,
  type SessionFile,
  type SessionHeader,
  type SessionStore,
} from "./session_store.ts";

/** What a session is opened with. */
export interface SessionOptions extends Scope {
  /**
   * Of your own: a session of this id that is open, or was kept, goes on, for the same `agent` alone; what else is
   * given is added to it, and of two times to end the earlier counts.
   * @default a new UUID
   */
  readonly id?: string;
  /** What the user asked for, in the user's own words: its values are trusted as `prompt`. @default none */
  readonly prompt?: string;
  /** Whose requests it has; they get it whatever they say themselves. @default what each request says */
  readonly agent?: string;
  /** When it ends, as a date, or in how many milliseconds. @default when it is closed */
  readonly expires?: Date | number;
  /** Derives a scope from the prompt; it only narrows. @default none */
  readonly propose?: ProposeScope;
}

/** Where sessions are kept. */
export interface SessionKeeping {
  /**
   * The folder in which sessions survive the process. The folder above it has to exist. No action may read or change
   * it. @default none: sessions end with the kernel
   */
  readonly path?: string;
}

/** A session, as it is listed. */
export interface SessionInfo extends SessionHeader {
  /** Whether requests can be made in it now, here. */
  readonly isOpen: boolean;
}

/** What the sessions of a kernel depend on. */
export interface SessionDeskOptions {
  /** Absolute path of the folder; memory if it is missing. */
  readonly path: string | undefined;
  readonly clock: () => Date;
  readonly onWarning: (line: string) => void;
}

/** The most sessions that are open at once. */
const MAX_OPEN = 10_000;
const MAX_ID = 256;
/** The file of the paths that were changed. */
const CHANGED_ID = "kernel: changed files";

/** Opens sessions, and finds those that are open. */
export class SessionDesk {
  readonly #options: SessionDeskOptions;
  readonly #open = new Map<string, ActiveSession>();
  #store: SessionStore | undefined;
  #changed: ChangedFiles | undefined;
  #changedFile: SessionFile | undefined;

  constructor(options: SessionDeskOptions) {
    this.#options = options;
  }

  /** The files that were changed; kept like a session. */
  get changed(): ChangedFiles {
    if (this.#changed === undefined) {
      const file = this.#changedFile = this.#stored().open(CHANGED_ID);
      const known = file.lines.flatMap((line) => "changed" in line ? [line.changed] : []);
      this.#changed = new ChangedFiles(known, (changed) => {
        // In memory there is nothing to keep.
        if (this.#options.path !== undefined) file.append({ changed });
      });
    }
    return this.#changed;
  }

  /**
   * Opens a session, or goes on with one.
   *
   * @param options From the host's own code.
   * @param context The actions that there are now, and those that the policy has rules for.
   * @throws {SessionError} It was closed, its time is over, it is another agent's, or it cannot be kept.
   */
  async open(
    options: SessionOptions,
    { actions, world, ruled }: {
      readonly actions: ActionTable;
      readonly world: World;
      readonly ruled: readonly string[];
    },
  ): Promise<ActiveSession> {
    const { id = crypto.randomUUID(), prompt, propose, agent, expires } = options;
    if (typeof id !== "string" || id === "" || id.length > MAX_ID || id === CHANGED_ID) {
      throw new RangeError(`Cannot open a session: its id has to have 1 to ${MAX_ID} characters`);
    }
    // Before anything is kept: what it throws leaves nothing behind.
    checkPrompt(prompt);
    const proposed = propose && await propose(prompt ?? "", ruled);
    const { actions: names, rules } = options;
    const given = [{ ...names && { actions: names }, ...rules && { rules } }, proposed];
    const scopes = given.flatMap((scope) =>
      scope?.actions === undefined && scope?.rules === undefined
        ? []
        : [compileScope(scope, { actions, world })]
    );
    const now = this.#options.clock();
    const end = typeof expires === "number" ? new Date(now.getTime() + expires) : expires;
    const extension: Extension = { scopes, prompt, expires: end?.toISOString() };
    const session = this.#open.get(id);
    if (session === undefined) {
      const header = { id, ...agent === undefined ? {} : { agent }, openedAt: now.toISOString() };
      return this.#load(header, { extension, actions, world });
    }
    goOn(session, agent, extension);
    return session;
  }

  /** All sessions that are open here or kept. */
  list(): SessionInfo[] {
    const kept = this.#stored().headers().filter(({ id }) => id !== CHANGED_ID);
    return kept.map((header) => ({
      ...this.#open.get(header.id)?.header ?? header,
      isOpen: this.#open.get(header.id)?.over === undefined && this.#open.has(header.id),
    }));
  }

  /** A session that is open here. */
  get(id: string): ActiveSession | undefined {
    return this.#open.get(id);
  }

  /** Ends a session for good. */
  end(session: ActiveSession): void {
    session.close();
    session.release();
    this.#open.delete(session.header.id);
  }

  /** Puts all of them away. */
  close(): void {
    for (const session of this.#open.values()) session.release();
    this.#open.clear();
    this.#changedFile?.close();
  }

  #stored(): SessionStore {
    const { path } = this.#options;
    return this.#store ??= path === undefined
      ? new MemorySessionStore()
      : new FileSessionStore(path);
  }

  #load(given: SessionHeader, { extension, actions, world }: {
    readonly extension: Extension;
    readonly actions: ActionTable;
    readonly world: World;
  }): ActiveSession {
    const { id, agent } = given;
    if (this.#open.size >= MAX_OPEN) this.#clear();
    const { clock, onWarning } = this.#options;
    const file = this.#stored().open(id);
    try {
      const [first] = file.lines;
      const kept = first !== undefined && "session" in first ? first : undefined;
      if (kept?.session.closedAt !== undefined) {
        throw new SessionError("SESSION_CLOSED", `Cannot open the session "${id}": it was closed`);
      }
      const header = kept?.session ?? given;
      const session = new ActiveSession(header, { file, clock, actions, world, onWarning });
      if (first === undefined) session.begin(extension);
      // INVARIANT: a session that may lack its scope does not go on.
      else if (kept === undefined || file.lines.length < (kept.begins ?? 1)) {
        throw new SessionError(
          "SESSION_UNAVAILABLE",
          `Cannot open the session "${id}": the process ended while it was opened, and its scope may be missing; ` +
            "open one of another id",
        );
      } else goOn(session, agent, extension);
      this.#open.set(id, session);
      return session;
    } catch (error) {
      file.close();
      if (error instanceof SessionError) throw error;
      throw new SessionError(
        "SESSION_UNAVAILABLE",
        `Cannot open the session "${id}": ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  /** Makes room by ending what is over. */
  #clear(): void {
    for (const session of this.#open.values()) if (session.over !== undefined) this.end(session);
    if (this.#open.size >= MAX_OPEN) {
      throw new SessionError("SESSION_UNAVAILABLE", `Cannot open a session: ${MAX_OPEN} are open`);
    }
  }
}

/** Takes a session up again. */
function goOn(session: ActiveSession, agent: string | undefined, extension: Extension): void {
  const { header, over } = session;
  if (over !== undefined) {
    throw new SessionError(
      over.code as "SESSION_CLOSED",
      over.refusal.replace("not permitted: ", "Cannot open it: "),
    );
  }
  if (header.agent !== agent) {
    throw new SessionError(
      "SESSION_UNAVAILABLE",
      `Cannot go on with the session "${header.id}": it was opened ${forAgent(header.agent)}, not ${
        forAgent(agent)
      }; give the same "agent", or open a session of another id`,
    );
  }
  session.extend(extension);
}

function forAgent(agent: string | undefined): string {
  return agent === undefined ? "for no agent in particular" : `for the agent "${agent}"`;
}
