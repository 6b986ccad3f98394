import { assertEquals } from "@std/assert";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, streamText } from "ai";
import { vercelAiTools } from "../../src/adapters/vercel_ai.ts";
import { CountedGate, toldOf, TOOLS } from "../agent/counted_gate.ts";
import { ScriptedModel } from "../../src/testing/mod.ts";
import { adapterSuite, play, type RunAgent } from "./adapter_suite.ts";

function modelAt(baseURL: string) {
  return createOpenAICompatible({ name: "scripted", baseURL, apiKey: "sk-test-key" })("scripted");
}

const run: RunAgent = async ({ adapter, baseURL, stream, signal }) => {
  const settings = {
    model: modelAt(baseURL),
    prompt: "Go on",
    stopWhen: isStepCount(10),
    maxRetries: 0,
    ...(signal === undefined ? {} : { abortSignal: signal }),
    ...vercelAiTools(adapter),
  };
  if (!stream) return (await generateText(settings)).text;
  return await streamText(settings).text;
};

adapterSuite("Vercel AI SDK", run);
