import { ChatOpenAI } from "npm:@langchain/openai@^1.6.0";
import { createAgent, createMiddleware } from "npm:langchain@^1.5.14";
import { langchainTools, withMalformedCalls } from "../../src/adapters/langchain.ts";
import { adapterSuite, type RunAgent } from "./adapter_suite.ts";

const run: RunAgent = async ({ adapter, baseURL, signal }) => {
  const agent = createAgent({
    model: new ChatOpenAI({
      model: "scripted",
      apiKey: "sk-test-key",
      configuration: { baseURL },
      maxRetries: 0,
    }),
    tools: langchainTools(adapter),
    middleware: [createMiddleware({
      name: "MalformedCalls",
      async wrapModelCall(request, handler) {
        const answer = await handler(request);
        return "invalid_tool_calls" in answer ? withMalformedCalls(answer) : answer;
      },
    })],
  });
  const { messages } = await agent.invoke(
    { messages: [{ role: "user", content: "Go on" }] },
    signal === undefined ? {} : { signal },
  );
  return messages.at(-1)?.text ?? "";
};

adapterSuite("LangChain's createAgent", run, [false]);
