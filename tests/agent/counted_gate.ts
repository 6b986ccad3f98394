/**
 * A kernel whose provider counts what it is asked to do, and a model that plays a script.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  type AgentEvent,
  AgentLoop,
  type AgentLoopOptions,
  type ModelClient,
  openAiClient,
  type OpenAiClientOptions,
  ToolDef,
} from "../../src/agent/mod.ts";
import { type AuditRecord, Kernel, Provider, readAuditLog } from "../../mod.ts";
import {
  ScriptedModel,
  type ScriptedModelOptions,
  type ScriptStep,
} from "../../src/testing/mod.ts";
import { Workspace } from "../workspace.ts";

/** Tools over the double: what it allows is below `open/`. */
export const TOOLS: readonly ToolDef[] = [
  new ToolDef({
    name: "get",
    description: "Reads a value",
    parameters: {
      type: "object",
      properties: { key: { type: "string" }, tag: { type: "string" } },
      required: ["key"],
      additionalProperties: false,
    },
    action: "kv.get",
    targetFrom: "key",
  }),
  new ToolDef({
    name: "set",
    description: "Sets a value",
    parameters: {
      type: "object",
      properties: { key: { type: "string" }, value: {} },
      required: ["key", "value"],
    },
    action: "kv.set",
    targetFrom: "key",
  }),
];

const POLICY = {
  capabilities: [
    { id: "reading", action: "kv.get", resource: "open/**" },
    { id: "writing", action: "kv.set", resource: "open/**" },
  ],
  deny: [
    { id: "no-secrets", action: "kv.*", resource: "open/secret", reason: "Secrets stay secret" },
    { id: "other-rule", action: "kv.*", resource: "open/elsewhere", reason: "Rather not this" },
  ],
};

/** One call of the provider double. */
export interface Effect {
  readonly action: string;
  readonly target: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The double, in a kernel. */
export class CountedGate implements AsyncDisposable {
  readonly ws: Workspace = new Workspace();
  /** What was done. */
  readonly effects: Effect[] = [];
  /** What reading gives; a function is called with the key. */
  value: unknown = "some value";
  #kernel: Kernel | undefined;

  static async open(policy: object = POLICY): Promise<CountedGate> {
    const gate = new CountedGate();
    const provider = new Provider({
      name: "kv",
      isolation: "none",
      actions: { "kv.get": { kind: "name" }, "kv.set": { kind: "name" } },
      execute: async ({ action, target, params }) => {
        gate.effects.push({ action, target, params });
        return typeof gate.value === "function" ? await gate.value(target) : gate.value;
      },
    });
    gate.#kernel = await Kernel.open({
      policy,
      providers: [provider],
      logPath: gate.ws.path("kernel.log"),
      onWarning: () => {},
    });
    return gate;
  }

  get kernel(): Kernel {
    return this.#kernel as Kernel;
  }

  /** What is on record, without intents. */
  async records(): Promise<AuditRecord[]> {
    const records: AuditRecord[] = [];
    for await (const line of readAuditLog(this.ws.path("kernel.log"))) {
      if ("record" in line) records.push(line.record);
    }
    return records;
  }

  /** The one gate: each effect has its record, and nothing else was done. */
  async assertAgreement(): Promise<AuditRecord[]> {
    const records = await this.records();
    const done = records.filter(({ status }) => status === "OK" || status === "FAILED");
    const name = (one: { readonly action: string; readonly target: string }) =>
      `${one.action} ${one.target}`;
    assertEquals(done.map(name).sort(), this.effects.map(name).sort());
    return records;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kernel?.close();
    this.ws[Symbol.dispose]();
  }
}

/** A client for a scripted model. */
export function clientOf(model: ScriptedModel, options: OpenAiClientOptions = {}): ModelClient {
  return openAiClient("openai/scripted", {
    baseURL: model.baseURL,
    apiKey: "sk-test-key",
    ...options,
  });
}

/** Plays a script against the gate. */
export async function play(
  gate: CountedGate,
  script: readonly ScriptStep[],
  { prompt = "Go on", client, scripted, ...options }:
    & Partial<AgentLoopOptions>
    & {
      readonly prompt?: string;
      readonly client?: OpenAiClientOptions;
      readonly scripted?: ScriptedModelOptions;
    } = {},
): Promise<{
  readonly events: AgentEvent[];
  readonly done: AgentEvent & { readonly type: "done" };
  readonly loop: AgentLoop;
  readonly requests: ScriptedModel["requests"];
}> {
  await using model = ScriptedModel.start(script, scripted);
  const loop = new AgentLoop({
    kernel: gate.kernel,
    model: clientOf(model, client),
    tools: TOOLS,
    ...options,
  });
  const events: AgentEvent[] = [];
  for await (const event of loop.stream(prompt)) events.push(event);
  const done = events.at(-1);
  if (done?.type !== "done") throw new Error("The last event is not done");
  return { events, done, loop, requests: model.requests };
}

/** A timer on which waits are over at once. */
export function hastyTimer(waits: number[]): NonNullable<AgentLoopOptions["timer"]> {
  return {
    now: () => performance.now(),
    schedule(callback, ms) {
      waits.push(ms);
      let cancelled = false;
      queueMicrotask(() => {
        if (!cancelled) callback();
      });
      return () => cancelled = true;
    },
  };
}

/** What a model was told of its calls in the last request. */
export function toolMessagesOf(requests: ScriptedModel["requests"]): Record<string, unknown>[] {
  const { messages = [] } = requests.at(-1)?.body ?? {};
  return messages.filter(({ role }) => role === "tool")
    .map(({ content }) => JSON.parse(String(content)));
}
