/**
 * The calls of agents that have tools of their own: permitted before, reported after.
 *
 * @module
 */
import { normalize } from "@std/path";
import type { ActionRequest, ActionResult } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import { sha256 } from "../core/request.ts";
import type { PermitReport } from "../permits.ts";
import type { Stage } from "../stages/stage.ts";
import type { SubmitOptions } from "../stages/submit.ts";
import { HOOK_AGENTS } from "./agents.ts";
import {
  GATEWAY,
  type HookAnswer,
  HookError,
  type HookEventName,
  type ToolCall,
  type Verdict,
} from "./event.ts";
import { foldersOf, withoutCase, withoutLinks } from "./settings.ts";
import { actionsOf } from "./tools.ts";

/** The part of a kernel that hooks use. */
export interface PermittingKernel {
  permit(request: ActionRequest, options?: SubmitOptions): Promise<ActionResult>;
  report(recordId: string, report?: PermitReport): Promise<boolean>;
}

/** How hooks are answered. */
export interface HookDeskOptions {
  readonly kernel: PermittingKernel;
  /** Files and folders that no command may name: the settings of agents. @default [] */
  readonly settings?: readonly string[];
  /** Folders that no command may name, what is in them aside: those above files of the kernel. @default [] */
  readonly folders?: readonly string[];
  /** For `~` in commands. @default `~` is refused */
  readonly home?: string | undefined;
  /** Saves what actions change before they are permitted. @default nothing is saved */
  readonly undo?: { permitSnapshot(): Snapshot } | undefined;
  /** Says which rule was nearest to a request that was denied, a sentence without its full stop. @default nothing */
  readonly nearest?: (request: ActionRequest, code: string | undefined) => string | undefined;
  /** Gets what failed and refuses nothing. @default nobody */
  readonly onWarning?: (line: string) => void;
}

/** What is saved of one action. */
type Snapshot = Stage & { release(): void; seal(): Promise<void>; discard(): void };

/** One action that was permitted. */
interface PermittedAction {
  readonly recordId: string;
  readonly snapshot: Snapshot | undefined;
}

/** Whose hook it is. */
interface Sender {
  /** The agent, in whose form the hook is. */
  readonly agent: string;
  /** Who that is for rules and records. */
  readonly principal: string;
}

/** A call whose actions were permitted. */
interface PermittedCall extends Sender {
  /** By which its report finds it. */
  readonly key: string;
  readonly session: string;
  readonly actions: readonly PermittedAction[];
}

/** Tools by which agents find or wait for those of MCP servers, and which do nothing else. */
const WAITING_TOOLS: Readonly<Record<string, readonly string[]>> = {
  claude: ["ToolSearch", "WaitForMcpServers"],
  codex: ["tool_search"],
  qwen: ["tool_search"],
};

/** The most calls that wait for their report. */
const MAX_CALLS = 10_000;
const DONE: HookAnswer = { stdout: "{}", stderr: "", exitCode: 0 };

/** Answers the hooks of agents. */
export class HookDesk {
  readonly #options: HookDeskOptions;
  /** Calls that wait for their report, the oldest first. */
  readonly #calls = new Set<PermittedCall>();
  /** The same by their keys, for those that cannot be told apart in their order. None is empty. */
  readonly #byKey = new Map<string, PermittedCall[]>();

  /** As given, and without links: what no command may name, and the folders that such things are in. */
  readonly #exact: readonly string[];
  /** In the form of {@linkcode withoutCase}. */
  readonly #settings: readonly string[];
  readonly #folders: ReadonlySet<string>;

  constructor(options: HookDeskOptions) {
    this.#options = options;
    const both = (paths: readonly string[]) => {
      const given = paths.map(normalPath);
      return Array.from(new Set([...given, ...given.map(withoutLinks)]));
    };
    const settings = (options.settings ?? []).map(normalPath);
    this.#exact = both(settings);
    this.#settings = this.#exact.map(withoutCase);
    const folders = [...foldersOf(settings), ...(options.folders ?? []).map(normalPath)];
    this.#folders = new Set(both(folders).map(withoutCase));
  }

  /**
   * Answers one hook.
   *
   * @param agent Its name.
   * @param name Which hook it is.
   * @param payload What the agent sent, untrusted.
   * @param principal Who asks, if that is known better: the name of its token. @default the name of the agent
   * @returns What the hook program is to print. INVARIANT: never rejects, and what fails before a call refuses it.
   */
  async answer(
    agent: string,
    name: HookEventName,
    payload: unknown,
    principal: string = agent,
  ): Promise<HookAnswer> {
    const known = Object.hasOwn(HOOK_AGENTS, agent) ? HOOK_AGENTS[agent] : undefined;
    if (known === undefined) return failure(`there is no agent "${agent}"`);
    let verdict: Verdict;
    try {
      if (payload === null || typeof payload !== "object" || Array.isArray(payload)) {
        throw new HookError("The hook sent no JSON object");
      }
      const kind = name === "gateway-only" ? "before" : name;
      const event = known.read(
        kind,
        payload as Readonly<Record<string, unknown>>,
      );
      switch (event.name) {
        case "before":
          verdict = name === "gateway-only"
            ? await this.#onlyGateway({ agent, principal }, event.call)
            : await this.#before({ agent, principal }, event.call);
          break;
        case "after":
          await this.#after(keyOf({ agent, principal }, event.call), event.report);
          return DONE;
        case "session-start":
        case "session-end":
          if (!event.goesOn) await this.#endSession({ agent, principal }, event.session);
          return DONE;
      }
    } catch (error) {
      if (name !== "before" && name !== "gateway-only") return failure(messageOf(error), 1);
      verdict = { isAllowed: false, reason: `agent-kernel: ${messageOf(error)}` };
    }
    return known.answer(verdict);
  }

  async #before({ agent, principal }: Sender, call: ToolCall): Promise<Verdict> {
    let actions: readonly ActionRequest[];
    try {
      const read = await actionsOf(agent, call, this.#options.home);
      actions = read.map((action) => ({ ...action, agent: principal }));
      this.#assertNoSettings(actions);
    } catch (error) {
      const problem = error instanceof HookError ? error.message : `it failed: ${messageOf(error)}`;
      return await this.#refuse(principal, call, problem);
    }
    const permitted: PermittedAction[] = [];
    const fields = {
      // Not "session": values of that name are taken for secrets.
      ...{ tool: call.tool, conversation: call.session },
      ...call.id === undefined ? {} : { call: call.id },
    };
    const hook: Stage = { name: "hook", enter: () => ({ fields }) };
    for (const action of actions) {
      const snapshot = this.#options.undo?.permitSnapshot();
      const stages = snapshot === undefined ? [hook] : [hook, snapshot];
      const result = await this.#options.kernel.permit(action, { stages })
        .finally(() => snapshot?.release());
      if (result.status !== "OK" || result.recordId === undefined) {
        for (const one of permitted) one.snapshot?.discard();
        await this.#report(permitted, { notDone: "another action of the same call was refused" });
        return {
          isAllowed: false,
          reason: refusalOf(action, result, this.#nearest(action, result)),
        };
      }
      permitted.push({ recordId: result.recordId, snapshot });
    }
    await this.#keep({
      ...{ key: keyOf({ agent, principal }, call), agent, principal, session: call.session },
      actions: permitted,
    });
    return { isAllowed: true, reason: "the policy of agent-kernel allows it" };
  }

  #nearest(action: ActionRequest, { code }: ActionResult): string | undefined {
    try {
      return this.#options.nearest?.(action, code);
    } catch (error) {
      // The refusal stands without it.
      this.#options.onWarning?.(`agent-kernel: explain: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** The gateway decides about its own tools; the agent has no others. */
  async #onlyGateway({ agent, principal }: Sender, call: ToolCall): Promise<Verdict> {
    if (call.mcp?.server === GATEWAY || WAITING_TOOLS[agent]?.includes(call.tool) === true) {
      return { isAllowed: true, reason: "the gateway of agent-kernel decides about it" };
    }
    const problem =
      `"${call.tool}" is not a tool of the MCP server "${GATEWAY}", and no other is permitted here: use its tools`;
    return await this.#refuse(principal, call, problem);
  }

  /** What cannot be understood, or is nothing that could be permitted, is on record as well. */
  async #refuse(agent: string, call: ToolCall, problem: string): Promise<Verdict> {
    const refused = {
      action: "agent.tool",
      target: call.tool,
      params: { input: call.input },
      agent,
    };
    const { error = problem } = await this.#options.kernel.permit(refused, { problem });
    return { isAllowed: false, reason: `agent-kernel: ${error}` };
  }

  /** The newest of the calls that it could be of has ended: those before it got no report when they could have. */
  async #after(key: string, report: PermitReport): Promise<void> {
    const call = this.#byKey.get(key)?.at(-1);
    if (call === undefined) return;
    this.#forget(call);
    for (const { snapshot } of call.actions) {
      await snapshot?.seal().catch((error) => {
        // It can be rolled back all the same, by force.
        this.#options.onWarning?.(`agent-kernel: snapshot: ${messageOf(error)}`);
      });
    }
    await this.#report(call.actions, report);
  }

  async #endSession({ agent, principal }: Sender, session: string): Promise<void> {
    const ended = Array.from(this.#calls).filter((call) =>
      call.agent === agent && call.principal === principal && call.session === session
    );
    for (const call of ended) this.#forget(call);
    for (const { actions } of ended) {
      await this.#report(actions, { notDone: "the session ended before a report came" });
    }
  }

  async #report(actions: readonly PermittedAction[], report: PermitReport): Promise<void> {
    for (const { recordId } of actions) await this.#options.kernel.report(recordId, report);
  }

  async #keep(call: PermittedCall): Promise<void> {
    this.#calls.add(call);
    const alike = this.#byKey.get(call.key);
    if (alike === undefined) this.#byKey.set(call.key, [call]);
    else alike.push(call);
    const [oldest] = this.#calls.size > MAX_CALLS ? this.#calls : [];
    if (oldest === undefined) return;
    this.#forget(oldest);
    await this.#report(oldest.actions, { notDone: `${MAX_CALLS} newer calls wait for a report` });
  }

  #forget(call: PermittedCall): void {
    this.#calls.delete(call);
    const alike = this.#byKey.get(call.key) ?? [];
    if (alike.at(-1) === call) alike.pop();
    else if (alike[0] === call) alike.shift();
    else alike.splice(alike.indexOf(call), 1);
    if (alike.length === 0) this.#byKey.delete(call.key);
  }

  /** @param plain In the form of {@linkcode withoutCase}. */
  #isSetting(plain: string): boolean {
    return this.#settings.some((one) => plain === one || plain.startsWith(`${one}/`));
  }

  /** What is written like this the guard refuses, and says more. */
  #isExactSetting(path: string): boolean {
    return this.#exact.some((one) => path === one || path.startsWith(`${one}/`));
  }

  /**
   * A program that gets the path of an agent's settings, or of a folder that they are in, could change them,
   * whatever it is. This sees paths that are written out, and no others.
   */
  #assertNoSettings(actions: readonly ActionRequest[]): void {
    const { home } = this.#options;
    const seen = new Set<string>();
    const check = (path: string) => {
      if (seen.has(path)) return;
      seen.add(path);
      const plain = withoutCase(path);
      if (this.#folders.has(plain) || this.#isSetting(plain)) {
        throw new HookError(
          `"${path}" belongs to the settings of an agent, or to the kernel: no command may name it`,
        );
      }
    };
    for (const { action, target, params = {} } of actions) {
      if (CHANGING.includes(action)) {
        for (const path of [target, (params as { readonly to?: unknown }).to]) {
          if (typeof path !== "string" || path.length > MAX_PATH) continue;
          if (this.#isSetting(withoutCase(path)) && !this.#isExactSetting(path)) {
            throw new HookError(
              `"${path}" is the settings of an agent where letter case is no matter`,
            );
          }
        }
      }
      if (action !== "proc.exec") continue;
      const { args, cwd } = params as { readonly args: readonly string[]; readonly cwd: string };
      // Without a path a program changes the folder in which it runs.
      for (const text of [".", ...args].flatMap(pathsIn)) {
        const path = lexicalPath(text, cwd, home);
        if (seen.has(path)) continue;
        check(path);
        check(withoutLinks(path));
      }
    }
  }
}

/** What changes files. */
const CHANGING = ["fs.write", "fs.delete", "fs.move", "fs.mkdir"];

/** The longest path that a system opens. */
const MAX_PATH = 4096;

/** What of a word can be a path: all of it, and what stands after a "=" or an option of one letter. */
function pathsIn(word: string): string[] {
  const values = Array.from(word.matchAll(/=(?=[^=])/g), ({ index }) => word.slice(index + 1));
  const glued = /^-[^-=]./s.test(word) ? [word.slice(2)] : [];
  return [word, ...[...values, ...glued].filter(({ length }) => length <= MAX_PATH)];
}

/** As programs on their own would resolve it. A system that follows a link before ".." may go elsewhere. */
function lexicalPath(word: string, cwd: string, home: string | undefined): string {
  const from = home !== undefined && /^~(\/|$)/.test(word) ? home + word.slice(1) : word;
  return normalPath(from.startsWith("/") ? from : `${cwd}/${from}`);
}

/** Without ".", "..", and slashes that change nothing. */
function normalPath(path: string): string {
  return normalize(path).replace(/^\/{2,}/, "/").replace(/(?<=.)\/+$/, "");
}

/** By which a call and its report find each other. */
function keyOf({ agent, principal }: Sender, { session, id, tool, input }: ToolCall): string {
  return JSON.stringify([
    ...[agent, principal, session],
    ...id === undefined ? ["alike", sha256(JSON.stringify([tool, input]))] : ["id", id],
  ]);
}

/** What the model reads: what was refused, why, and what would be needed. */
function refusalOf(
  { action, target }: ActionRequest,
  { error = "", code }: ActionResult,
  nearest: string | undefined,
): string {
  const what = `${action} on ${JSON.stringify(target.slice(0, 200))}`;
  const why = error.replace(/^(not permitted|malformed request): /, "");
  const lesson = nearest === undefined ? "" : ` ${nearest}.`;
  const next = code === "APPROVAL_PENDING"
    ? "" // It says itself how to go on.
    : " Do not try to reach the same by another way; say what you could not do.";
  return `agent-kernel refused ${what}: ${why}${
    code === undefined ? "" : ` (${code})`
  }.${lesson}${next}`;
}

function failure(message: string, exitCode = 2): HookAnswer {
  return { stdout: "", stderr: `agent-kernel: ${message}`, exitCode };
}
