/**
 * The Worker of `agent.tool`, which does nothing: tools of an agent are run by the agent.
 *
 * @module
 */
import { DeniedError, serveProvider } from "../worker/mod.ts";

serveProvider("agent-settings", ({ target }) => {
  throw new DeniedError(
    "NOT_ENFORCEABLE",
    `"${target}" is a tool of an agent, which runs it itself`,
  );
});
