import {
  AIMessage,
  type AIMessageChunk,
  type BaseMessage,
  HumanMessage,
} from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { langchainTools, withMalformedCalls } from "../../src/adapters/langchain.ts";
import { adapterSuite, type RunAgent } from "./adapter_suite.ts";

const run: RunAgent = async ({ adapter, baseURL, stream, signal }) => {
  const tools = langchainTools(adapter);
  const model = new ChatOpenAI({
    model: "scripted",
    apiKey: "sk-test-key",
    configuration: { baseURL },
    maxRetries: 0,
  }).bindTools(tools);
  const options = signal === undefined ? {} : { signal };
  const messages: BaseMessage[] = [new HumanMessage("Go on")];
  for (let turn = 0; turn < 10; turn++) {
    let answer: AIMessageChunk | undefined;
    if (stream) {
      for await (const chunk of await model.stream(messages, options)) {
        answer = answer === undefined ? chunk : answer.concat(chunk);
      }
    } else answer = await model.invoke(messages, options);
    const message = withMalformedCalls(answer as unknown as AIMessage);
    messages.push(message);
    const calls = message.tool_calls ?? [];
    if (calls.length === 0) return message.text;
    messages.push(
      ...await Promise.all(calls.map((call) => {
        const tool = tools.find(({ name }) => name === call.name);
        return tool?.invoke({ ...call, type: "tool_call" }, options);
      })),
    );
  }
  throw new Error("Too many turns");
};

adapterSuite("LangChain", run);
