import {
  Agent,
  OpenAIChatCompletionsModel,
  run as runAgent,
  setTracingDisabled,
} from "@openai/agents";
import OpenAI from "openai";
import { openAiAgentsTools, withMalformedCalls } from "../../src/adapters/openai_agents.ts";
import { adapterSuite, type RunAgent } from "./adapter_suite.ts";

// Else the SDK sends what the tools get and give to OpenAI.
setTracingDisabled(true);

function modelAt(baseURL: string) {
  const client = new OpenAI({ baseURL, apiKey: "sk-test-key", maxRetries: 0 });
  return withMalformedCalls(new OpenAIChatCompletionsModel(client, "scripted"));
}

const run: RunAgent = async ({ adapter, baseURL, stream, signal }) => {
  const agent = new Agent({
    name: "scripted",
    model: modelAt(baseURL),
    tools: openAiAgentsTools(adapter),
  });
  const options = signal === undefined ? {} : { signal };
  if (!stream) return String((await runAgent(agent, "Go on", options)).finalOutput);
  const result = await runAgent(agent, "Go on", { ...options, stream: true });
  await result.completed;
  return String(result.finalOutput);
};

adapterSuite("OpenAI Agents SDK", run);
