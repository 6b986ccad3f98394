/**
 * What runs in a sandbox between bubblewrap and the program, if the program may reach a part of the
 * network: it listens on the loopback of the sandbox, and hands each connection to the proxy outside
 * through its own standard input and output.
 *
 * It decides nothing: a program that takes it over gains nothing that it does not have already.
 *
 * @module
 */
import { Multiplexer } from "./multiplexer.ts";
import { tcpStreams } from "./tcp_streams.ts";

/** The port in the sandbox. The network namespace is new: nothing else listens there. */
export const PROXY_PORT = 3128;

/** The channel of the program's own standard input and output. */
export const STDIO = 0;

/** Has Deno write no cache, put no shim of its own into PATH, and look for no newer version. */
const QUIET = { DENO_DIR: "/dev/null/none", DENO_NO_UPDATE_CHECK: "1" };

/** A command and the environment that it needs. */
export interface RelayedCommand {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The command that runs another command under the relay; that one sees the variables of the proxy.
 *
 * @param deno Absolute path of Deno.
 */
export function underRelay(deno: string, { command, env }: RelayedCommand): RelayedCommand {
  const source = `${Multiplexer}
(${relay})({ Multiplexer, tcpStreams: ${tcpStreams} }, ${PROXY_PORT}, ${STDIO}, Deno.args);`;
  const module = `data:application/javascript,${encodeURIComponent(source)}`;
  const flags = [
    "-q",
    "-A",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    "--no-code-cache",
  ];
  const variables = { ...proxyVariables(), ...env };
  // Names without values: every user of the machine can read arguments. bubblewrap sets PWD.
  const names = Object.keys({ HOME: "", PWD: "", ...variables }).filter((name) =>
    !Object.hasOwn(QUIET, name)
  );
  const own = Object.entries(env).filter(([name]) => Object.hasOwn(QUIET, name));
  return {
    command: [deno, "run", ...flags, module, JSON.stringify([names, own]), ...command],
    env: { ...variables, ...QUIET },
  };
}

/** Variables that have programs use the proxy. */
function proxyVariables(): Readonly<Record<string, string>> {
  const proxy = `http://127.0.0.1:${PROXY_PORT}`;
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
  return {
    ...Object.fromEntries(
      names.flatMap((name) => [[name, proxy], [name.toLowerCase(), proxy]]),
    ),
    NO_PROXY: "",
    no_proxy: "",
    // Node.js does not look at the others without it.
    NODE_USE_ENV_PROXY: "1",
  };
}

/** Runs in the sandbox, as text: refers to nothing outside of itself. */
async function relay(
  parts: { readonly Multiplexer: typeof Multiplexer; readonly tcpStreams: typeof tcpStreams },
  port: number,
  stdioId: number,
  [environment = "", executable = "", ...args]: readonly string[],
): Promise<void> {
  const [names, own] = JSON.parse(environment);
  const env = Object.fromEntries(own);
  for (const name of names) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  let program: Deno.ChildProcess;
  try {
    program = new Deno.Command(executable, {
      args: [...args],
      clearEnv: true,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    const message = `bwrap: cannot start ${executable}: ${(error as Error).message}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(message));
    Deno.exit(1);
  }
  const channels = new parts.Multiplexer(Deno.stdout.writable);
  const ignore = () => {/* one side has closed, which ends the other */};
  const stdio = channels.open(stdioId, { silent: true });
  // A program that closes its input goes on: what is still sent is read, and nobody gets it.
  stdio.readable.pipeTo(program.stdin, { preventCancel: true })
    .catch(() => stdio.readable.pipeTo(new WritableStream())).catch(ignore);
  const written = program.stdout.pipeTo(stdio.writable).catch(ignore);
  channels.run(Deno.stdin.readable).catch(ignore).finally(() => Deno.exit(1));
  (async () => {
    let id = stdioId;
    for await (const connection of listener) {
      const channel = channels.open(++id);
      const { readable, writable } = parts.tcpStreams(connection);
      // If one way fails, the other one fails with it: there is nobody to talk to.
      const fail = () => channel.reset();
      Promise.all([
        readable.pipeTo(channel.writable).catch(fail),
        channel.readable.pipeTo(writable).catch(fail),
      ]).finally(() => connection.close());
    }
  })();
  const { code } = await program.status;
  // What it has left behind may hold its output open.
  await Promise.race([written, new Promise((resolve) => setTimeout(resolve, 250))]);
  await channels.flush();
  Deno.exit(code);
}
