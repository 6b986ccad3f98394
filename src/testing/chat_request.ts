/**
 * Checks of requests, as a host of OpenAI's chat completions makes them.
 *
 * @module
 */

type Untyped = Readonly<Record<string, unknown>>;

/**
 * Checks the body of a request.
 *
 * @param body The parsed body.
 * @returns What is wrong with it; `undefined` if nothing is.
 */
export function problemOfRequest(body: unknown): string | undefined {
  const { messages, tools } = Object(body) as Untyped;
  if (!Array.isArray(messages) || messages.length === 0) return "messages: expected a list";
  let open: string[] = [];
  for (const [i, message] of messages.entries()) {
    const { role, content, tool_calls, tool_call_id } = Object(message) as Untyped;
    const where = `messages[${i}]`;
    if (role === "tool") {
      if (!open.includes(String(tool_call_id))) return `${where}: answers no tool call`;
      open = open.filter((id) => id !== tool_call_id);
      if (content === undefined || content === null) return `${where}: has no content`;
      continue;
    }
    if (open.length > 0) return `${where}: the tool calls ${open.join(", ")} have no answer`;
    if (!["system", "developer", "user", "assistant"].includes(String(role))) {
      return `${where}: unknown role`;
    }
    if (role !== "assistant" && (content === undefined || content === null)) {
      return `${where}: has no content`;
    }
    for (const call of Array.isArray(tool_calls) ? tool_calls : []) {
      const { id, function: called } = Object(call) as Untyped;
      const problem = problemOfCall(called);
      if (problem !== undefined) return `${where}: ${problem}`;
      if (typeof id !== "string" || id === "" || open.includes(id)) {
        return `${where}: expected tool calls with ids that are unique`;
      }
      open.push(id);
    }
  }
  if (open.length > 0) return `messages: the tool calls ${open.join(", ")} have no answer`;
  if (Array.isArray(tools) && tools.length === 0) return "tools: expected none, or some";
  return undefined;
}

function problemOfCall(called: unknown): string | undefined {
  const { name, arguments: args } = Object(called) as Untyped;
  if (typeof name !== "string" || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    return "the name of a function is malformed";
  }
  try {
    JSON.parse(String(args));
    return undefined;
  } catch {
    // The sentence is the refusal: the host gets no such request.
    return "the arguments of a call are not JSON";
  }
}
