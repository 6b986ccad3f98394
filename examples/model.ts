/**
 * The model of an example: one that plays a script, or with `--model NAME` a real one.
 *
 *     deno run -P=examples --allow-net=api.openai.com --allow-env=OPENAI_API_KEY \
 *       examples/03_agent_loop/first_agent.ts --model gpt-5
 */
import { parseArgs } from "node:util";
import type { AgentLoopOptions } from "@agent-kernel/kernel/agent";
import { ScriptedModel, type ScriptStep } from "@agent-kernel/kernel/testing";

export class ExampleModel implements AsyncDisposable {
  /** What an agent loop takes. */
  readonly options: Pick<AgentLoopOptions, "model" | "modelOptions">;
  /** What the scripted model was asked; nothing of a real one. */
  readonly requests: ScriptedModel["requests"];
  readonly #server: ScriptedModel | undefined;

  /** @param script Its turns, one for each request: a real HTTP server on 127.0.0.1 plays them. */
  constructor(script: readonly ScriptStep[]) {
    const { values } = parseArgs({
      args: Deno.args,
      options: { model: { type: "string" }, "base-url": { type: "string" } },
    });
    const { model, "base-url": baseURL } = values;
    if (model !== undefined) {
      this.options = { model, ...(baseURL === undefined ? {} : { modelOptions: { baseURL } }) };
      this.requests = [];
      return;
    }
    this.#server = ScriptedModel.start(script);
    this.options = {
      model: "openai/scripted",
      modelOptions: { baseURL: this.#server.baseURL },
    };
    this.requests = this.#server.requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.close();
  }
}
