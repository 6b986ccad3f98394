/**
 * `agent-kernel agent`: an agent whose every tool call goes through the gate.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "../core/action.ts";
import type { SubmitFn } from "../stages/submit.ts";
import type { AgentEvent, RunResult } from "../agent/event.ts";
import { AgentLoop } from "../agent/loop.ts";
import type { AgentLoopOptions } from "../agent/loop_options.ts";
import { Kernel } from "../open.ts";
import { ReversibleActionLayer } from "../reversible/layer.ts";
import { SnapshotStore } from "../reversible/store.ts";
import { ScriptedModel } from "../testing/scripted_model.ts";
import { mcpTools, toolsFor } from "./agent_tools.ts";
import { allowedActions } from "./allowed_actions.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  noPositionals,
  optional,
  UsageError,
  type Values,
} from "./command.ts";
import { launch } from "./launch.ts";
import { MODEL_OPTIONS, type ModelChoice, modelChoice, readScript } from "./model_choice.ts";
import { kernelOptions, launchOptions, resolvedOptions } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { actAs } from "./second_process.ts";
import { type HandedOn, SIGNAL_EXITS } from "./signals.ts";
import { SNAPSHOT_OPTIONS, snapshotFolder } from "./snapshot_options.ts";
import {
  STORED_RUN_OPTIONS,
  storedConversation,
  storedRun,
  storedRunFiles,
  storeRun,
} from "./stored_run.ts";
import { complain, escape, escapedJson, isTerminal, print, printText } from "./terminal.ts";
import { Transcript } from "./transcript.ts";

const INSTRUCTIONS = "You work with tools. What a tool may do is decided by a policy that you " +
  "cannot change: a call that is denied stays denied, so do not repeat it; say what you could not do.";

/** Runs an agent, every tool call of which goes through the gate. */
export const COMMAND: Command = {
  usage: '--policy FILE --model NAME [--tools fs,http,proc,mcp] "PROMPT" | --resume FILE',
  details:
    `The text of the model goes to standard output, each call with its outcome and a summary to standard
error. It runs in a second process, started with exactly the Deno permissions that the policy
implies, the host of the model, and the variable with its key; --verbose prints them.

With --pause, what needs a person's yes is asked and left: when all else is done, the run is stored and
ends; after the answer, --resume goes on.

Exit codes: 0 the model has finished, whatever was denied; 1 it could not be asked, or a limit was
reached; 3 invalid policy; 4 a person's yes is needed first (--pause); 64 wrong usage; 130 after Ctrl-C, when what was under way is on record.`,
  options: {
    ...POLICY_OPTIONS,
    ...MODEL_OPTIONS,
    tools: {
      type: "string",
      value: "SETS",
      help: "fs, http, proc, mcp, separated by commas (default: what some rule allows)",
    },
    reversible: {
      type: "boolean",
      help: "save what actions change before it is done, so that it can be undone",
    },
    ...SNAPSHOT_OPTIONS,
    ...STORED_RUN_OPTIONS,
    instructions: {
      type: "string",
      value: "TEXT",
      help: "the first message to the model, before the prompt",
    },
    agent: { type: "string", value: "NAME", help: "who asks; appears in the records" },
    "max-turns": { type: "string", value: "N", help: "most answers of the model (default: 20)" },
    "max-tool-calls": { type: "string", value: "N", help: "most tool calls (default: 200)" },
    "max-tokens": {
      type: "string",
      value: "N",
      help: "most tokens, in and out (default: no limit)",
    },
    "max-seconds": { type: "string", value: "N", help: "longest time (default: no limit)" },
    json: { type: "boolean", help: "what happens as JSON lines, instead of text" },
    verbose: { type: "boolean", help: "print the permissions of the second process" },
  },
  async run(invocation: Invocation): Promise<number> {
    const { values, underPolicy } = invocation;
    const isResumed = values["resume"] !== undefined;
    const prompt = isResumed ? undefined : promptOf(invocation.positionals);
    if (isResumed) noPositionals(invocation.positionals);
    const file = storedRun(values);
    const choice = modelChoice(values);
    const limits = limitsOf(values);
    if (values["reversible"] !== true && values["snapshots"] !== undefined) {
      throw new UsageError("--snapshots needs --reversible");
    }
    if (!underPolicy) return await start(invocation, choice);
    await using model = await reach(choice);
    const agent = optional(values, "agent");
    return await runAgent(prompt, values, {
      ...model.options,
      ...limits,
      instructions: optional(values, "instructions") ?? INSTRUCTIONS,
      ...(agent === undefined ? {} : { agent }),
      ...(isResumed ? { conversation: storedConversation(values) } : {}),
      ...(file === undefined ? {} : { onApproval: "pause" as const }),
    });
  },
};

/** Starts the second process. */
async function start(
  { values, args }: Invocation,
  { script, net, env }: ModelChoice,
): Promise<number> {
  const snapshots = values["reversible"] === true ? snapshotFolder(values) : undefined;
  const resolved = await resolvedOptions(
    snapshots === undefined ? values : { ...values, snapshots },
  );
  // A wrong name ends the command here, before anything is started.
  toolsFor(allowedActions(resolved.policy), optional(values, "tools"));
  // Before a prompt that "--" sets off. "=": a path may look like an option. The last one counts.
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const more = snapshots === undefined ? [] : [`--snapshots=${snapshots}`];
  const { verbose, read = [], env: inherited = [] } = launchOptions(values);
  const stored = storedRunFiles(values);
  return await launch(resolved, [...args.slice(0, end), ...more, ...args.slice(end)], {
    verbose,
    read: [...read, ...stored.read, ...(script === undefined ? [] : [script])],
    write: stored.write,
    env: [...inherited, ...(env === undefined ? [] : [env])],
    net: [net],
  });
}

type LoopOptions = Omit<AgentLoopOptions, "kernel" | "submit">;

/** @param prompt `undefined` to go on with a run that was stored. */
async function runAgent(
  prompt: string | undefined,
  values: Values,
  options: LoopOptions,
): Promise<number> {
  const kernelOpts = await kernelOptions(values, [], { underPolicy: true });
  const { logPath = "", approvals = {} } = kernelOpts;
  const file = storedRun(values);
  await using kernel = await Kernel.open({
    ...kernelOpts,
    approvals: file === undefined ? approvals : { ...approvals, patienceMs: 0 },
    onWarning: (line) => complain(escape(line)),
  });
  const folder = optional(values, "snapshots");
  using store = folder === undefined ? undefined : SnapshotStore.open({ folder });
  const gate = store === undefined ? kernel : new ReversibleActionLayer({ kernel, store });
  const asked = new Map<ActionRequest, Promise<ActionResult>>();
  const submit: SubmitFn = (request, options) => {
    const result = gate.submit(request, options);
    asked.set(request, result);
    return result;
  };
  const tools = [
    ...toolsFor(allowedActions(kernel.policy), optional(values, "tools")),
    ...await mcpTools((request) => kernel.submit(request), values),
  ];
  const loop = new AgentLoop({ ...options, tools, submit });
  using interruption = new Interruption();
  const show = values["json"] === true ? showJson : showTo(transcriptOnTerminal(), logPath);
  const pending = new Map<string, ActionRequest>();
  const { signal } = interruption;
  const events = prompt === undefined
    ? loop.resumeStream({ signal })
    : loop.stream(prompt, { signal });
  for await (const event of events) {
    if (event.type === "tool_call") pending.set(event.call.id, event.request);
    if (event.type === "done") {
      // What was under way when the run ended has its result, and its record, before the summary.
      for (const [id, request] of pending) {
        const result = await asked.get(request);
        if (result !== undefined) show({ type: "result", id, result, content: "" }, request);
      }
      show(event);
      if (file !== undefined) storeRun(loop, file);
      return exitCode(event, interruption);
    }
    show(event, event.type === "result" ? pending.get(event.id) : undefined);
    if (event.type === "result") pending.delete(event.id);
  }
  throw new Error("The run ended without an outcome");
}

type Show = (event: AgentEvent, request?: ActionRequest) => void;

function showTo(transcript: Transcript, logPath: string): Show {
  return (event, request) => {
    switch (event.type) {
      case "text":
        return transcript.text(event.text);
      case "result":
        return request === undefined ? undefined : transcript.call(request, event.result);
      case "retry":
        return transcript.line(
          `… asking again in ${Math.ceil(event.delayMs / 1000)} s: ${escape(event.error.message)}`,
        );
      case "done":
        return transcript.summary(event, logPath);
    }
  };
}

function showJson(event: AgentEvent): void {
  const error = "error" in event && event.error !== undefined
    ? { error: event.error instanceof Error ? event.error.message : String(event.error) }
    : {};
  print(escapedJson({ ...event, ...error }));
}

function transcriptOnTerminal(): Transcript {
  const together = isTerminal() && Deno.stderr.isTerminal();
  return new Transcript({
    text: printText,
    line: complain,
    ...(together ? { columns: Math.max(40, Deno.consoleSize().columns) } : {}),
  });
}

function exitCode({ outcome }: RunResult, { signal, code }: Interruption): number {
  if (signal.aborted) return code;
  if (outcome === "waiting") return EXIT.NEEDS_APPROVAL;
  return outcome === "final" ? EXIT.OK : EXIT.FAILED;
}

/**
 * A signal ends the run: what is under way is awaited. A second Ctrl-C ends the process at once, and
 * what was under way becomes `INTERRUPTED` when the log is next opened.
 *
 * One Ctrl-C on a terminal arrives here twice: as the terminal's `SIGINT` and as the `SIGTERM` that the
 * first process hands on, in either order. So only a second `SIGINT` is a second Ctrl-C.
 */
class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners: readonly { signal: HandedOn; listener: () => void }[];
  #code: number = EXIT.INTERRUPTED;
  #isPressed = false;

  constructor() {
    // SIGQUIT keeps its own meaning: end now.
    this.#listeners = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
      const listener = () => this.#end(signal);
      Deno.addSignalListener(signal, listener);
      return { signal, listener };
    });
  }

  /** Aborted when a signal has come. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code of a run that a signal ended. */
  get code(): number {
    return this.#code;
  }

  #end(signal: HandedOn): void {
    if (signal === "SIGINT" && this.#isPressed) Deno.exit(EXIT.INTERRUPTED);
    this.#isPressed ||= signal === "SIGINT";
    if (this.signal.aborted) return;
    this.#code = SIGNAL_EXITS[signal];
    complain("\nStopping; what is under way is awaited. Ctrl-C again ends at once.");
    this.#controller.abort(new DOMException("Interrupted", "AbortError"));
  }

  [Symbol.dispose](): void {
    for (const { signal, listener } of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}

/** The model as the loop takes it; a scripted one has its server started. */
async function reach(
  { name, baseURL, script }: ModelChoice,
): Promise<AsyncDisposable & { readonly options: Pick<LoopOptions, "model" | "modelOptions"> }> {
  if (script === undefined) {
    const modelOptions = baseURL === undefined ? {} : { modelOptions: { baseURL } };
    return { options: { model: name, ...modelOptions }, [Symbol.asyncDispose]: async () => {} };
  }
  const server = ScriptedModel.start(readScript(script));
  const models = { scripted: { baseURL: server.baseURL } };
  return await Promise.resolve({
    options: { model: "scripted/model", modelOptions: { models } },
    [Symbol.asyncDispose]: () => server.close(),
  });
}

function promptOf([prompt, ...more]: readonly string[]): string {
  if (prompt === undefined || prompt === "") throw new UsageError("the prompt is missing");
  if (more.length === 0) return prompt;
  throw new UsageError(`"${more.join(" ")}" is too much; a prompt of several words needs quotes`);
}

function limitsOf(values: Values): Pick<
  AgentLoopOptions,
  "maxTurns" | "maxToolCalls" | "maxTokens" | "maxDurationMs"
> {
  const number = (name: string) => {
    const text = optional(values, name);
    if (text === undefined) return undefined;
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw new UsageError(`--${name} ${escape(text)} is no positive whole number`);
  };
  const [turns, calls, tokens, seconds] = [
    "max-turns",
    "max-tool-calls",
    "max-tokens",
    "max-seconds",
  ]
    .map(number);
  return {
    ...(turns === undefined ? {} : { maxTurns: turns }),
    ...(calls === undefined ? {} : { maxToolCalls: calls }),
    ...(tokens === undefined ? {} : { maxTokens: tokens }),
    ...(seconds === undefined ? {} : { maxDurationMs: seconds * 1000 }),
  };
}

if (import.meta.main) await actAs("agent", COMMAND);
