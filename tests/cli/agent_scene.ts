/**
 * Runs of `agent-kernel agent`.
 *
 * @module
 */
import type { ScriptedTurn } from "../../src/testing/mod.ts";
import { ROOT, type Workspace } from "../workspace.ts";
import { agentKernel, type Ended, type Scene, scene, START } from "./command_line.ts";

/** The scene, and a script for a model. */
export interface AgentScene extends Scene {
  readonly script: string;
}

/** Makes the files of a scene with a script. */
export function agentScene(ws: Workspace, turns: readonly ScriptedTurn[]): AgentScene {
  return { ...scene(ws), script: ws.file("script.json", JSON.stringify(turns)) };
}

/** The arguments of a run. */
export function agentArgs(
  { policy, log }: Scene,
  model: string,
  ...more: readonly string[]
): string[] {
  return ["agent", "--policy", policy, "--log-path", log, "--model", model, ...more];
}

/** Runs an agent of a scripted model to its end. */
export function runScripted(files: AgentScene, ...more: readonly string[]): Promise<Ended> {
  return agentKernel(...agentArgs(files, `scripted:${files.script}`, ...more));
}

/** Starts an agent; it is ended by a signal. */
export function startAgent(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command("deno", {
    args: [...START, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", OPENAI_API_KEY: "sk-test" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
