/** Where other SDKs find the model of an example: it plays a script, unless `--model` names a real one. */
import { parseArgs } from "node:util";
import { ScriptedModel, type ScriptStep } from "@agent-kernel/kernel/testing";

export class ModelEndpoint implements AsyncDisposable {
  readonly name: string;
  readonly baseURL: string;
  readonly apiKey: string;
  readonly #scripted: ScriptedModel | undefined;

  /** Options of the command line: `--model`, `--base-url`; the key is in `OPENAI_API_KEY`. */
  constructor(script: readonly ScriptStep[]) {
    const { values } = parseArgs({
      args: Deno.args,
      options: { model: { type: "string" }, "base-url": { type: "string" } },
    });
    this.#scripted = values.model === undefined ? ScriptedModel.start(script) : undefined;
    this.name = values.model ?? "scripted";
    this.baseURL = this.#scripted?.baseURL ?? values["base-url"] ?? "https://api.openai.com/v1";
    this.apiKey = this.#scripted === undefined ? Deno.env.get("OPENAI_API_KEY") ?? "" : "none";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scripted?.close();
  }
}
