/**
 * The action of agents' tools that are no standard action, and what has to be kept from agents.
 *
 * @module
 */
import { Provider } from "../worker/provider.ts";

/**
 * Makes the provider of `agent.tool`: the name of a tool of an agent, with its `input`. It is only ever permitted
 * to the agent; whoever submits it gets an error.
 *
 * @param folder Absolute path of the folder of the socket: no action may read or change it.
 * @param settings Absolute paths of files and folders that no action may change.
 */
export function agentToolProvider(folder: string, settings: readonly string[]): Provider {
  return new Provider({
    name: "agent-settings",
    module: new URL("./worker.ts", import.meta.url),
    actions: { "agent.tool": { kind: "name", effect: "none", params: ["input"] } },
    stores: [folder],
    guards: settings,
  });
}
