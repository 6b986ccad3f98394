/**
 * The program that an agent runs as its hook: hands what it gets to the resident kernel, and prints the answer.
 * It is started for each call, so it imports next to nothing.
 *
 *     deno run --allow-read=FOLDER --allow-write=SOCKET --allow-net=unix:SOCKET --allow-sys=uid \
 *       client.ts AGENT EVENT SOCKET
 *
 * @module
 */
import { ask } from "../server/client.ts";

/** How long an answer is waited for, in milliseconds; shorter than the time that `protect` gives the hook. */
const DEADLINE_MS = 50_000;
const MAX_INPUT_BYTES = 16 * 1024 * 1024;

/** INVARIANT: everything but the kernel's own answer ends with 2 and a line: that is a no in each agent. */
async function run([agent = "", event = "", socket = ""]: readonly string[]): Promise<number> {
  const timer = setTimeout(() => end("the kernel did not answer in time", event), DEADLINE_MS);
  try {
    const input = await readInput();
    const { status, body } = await ask(socket, `/v1/hooks/${agent}/${event}`, input);
    const { stdout, stderr, exit_code: exitCode, error } = Object(body) as Record<string, unknown>;
    if (status !== 200 || typeof stdout !== "string" || typeof exitCode !== "number") {
      return refuse(`the kernel refused the hook: ${error ?? status}`, event);
    }
    if (stdout !== "") console.log(stdout);
    if (typeof stderr === "string" && stderr !== "") console.error(stderr);
    return exitCode;
  } catch (error) {
    const isDown = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.ConnectionRefused;
    const reason = error instanceof Error ? error.message : String(error);
    return refuse(
      isDown
        ? `no kernel runs at ${socket}, so nothing is permitted; start it with: agent-kernel serve --policy FILE`
        : reason,
      event,
    );
  } finally {
    clearTimeout(timer);
  }
}

async function readInput(): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for await (const piece of Deno.stdin.readable) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MAX_INPUT_BYTES) throw new Error("the agent sent more than 16 MiB");
  }
  return text + decoder.decode();
}

function refuse(reason: string, event: string): number {
  console.error(`agent-kernel: ${reason.replaceAll(/\s+/g, " ")}`);
  // After a call nothing can be refused any more.
  return event === "before" || event === "gateway-only" ? 2 : 1;
}

function end(reason: string, event: string): void {
  Deno.exit(refuse(reason, event));
}

if (import.meta.main) Deno.exit(await run(Deno.args));
