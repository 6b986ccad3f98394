/**
 * `agent-kernel serve`: the resident kernel.
 *
 * @module
 */
import { dirname, fromFileUrl } from "@std/path";
import { agentToolProvider } from "../hooks/provider.ts";
import { PLACE_VARIABLES } from "../hooks/settings.ts";
import type { McpRelay } from "../../providers/mcp/relay.ts";
import type { KernelOptions } from "../options.ts";
import { resolveOptions } from "../resolve.ts";
import { type ListenAddress, listenAddress, shownAddress } from "../server/listen_address.ts";
import { UNITS } from "../server/unit.ts";
import { allowedActions } from "./allowed_actions.ts";
import { type Command, EXIT, noPositionals, optional, UsageError, type Values } from "./command.ts";
import { launch } from "./launch.ts";
import { inboxFolder, kernelOptions, launchOptions, ledgerFolder } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { actAs } from "./second_process.ts";
import { agentSettings, serverFolder, socketOf } from "./server_options.ts";
import { SNAPSHOT_OPTIONS, snapshotFolder } from "./snapshot_options.ts";
import { print } from "./terminal.ts";

/** A hook has 50 s; the question is left for the next call of the same. */
const PATIENCE_MS = 30_000;

/** Holds a kernel open for hooks of agents and other programs. */
export const COMMAND: Command = {
  usage: "--policy FILE [--log-path FILE] [--listen 127.0.0.1:PORT] [--reversible]",
  details:
    `One kernel for all agents of this user. It listens at the Unix socket LOG.server/kernel.sock, answers the
hooks that "agent-kernel protect" installs, MCP at /mcp and the requests of other programs, takes up a changed policy by
itself, and ends in order with SIGTERM or "agent-kernel stop". With --listen it also answers on loopback, whoever has a
token ("agent-kernel token"). It runs with the permissions of the policy, of its socket and of that address.`,
  options: {
    ...POLICY_OPTIONS,
    listen: {
      type: "string",
      value: "ADDRESS",
      help: "also listen at 127.0.0.1:PORT or [::1]:PORT, for callers with a token",
    },
    "allow-origin": {
      type: "string",
      multiple: true,
      value: "URL",
      help: "answer requests of web pages of this origin; repeatable (default: none)",
    },
    reversible: {
      type: "boolean",
      help: "save what actions change before they are done, hooks of agents included, for rollback",
    },
    ...SNAPSHOT_OPTIONS,
    openapi: { type: "boolean", help: "print the description of the API (OpenAPI 3.1), and end" },
    unit: {
      type: "string",
      value: "MANAGER",
      help: "print a unit that starts it, for systemd or launchd, and end",
    },
    verbose: { type: "boolean", help: "print the permissions of the process" },
  },
  async run({ values, positionals, args, underPolicy }): Promise<number> {
    noPositionals(positionals);
    if (values["openapi"] === true) {
      const { describeApi } = await import("../server/resident.ts");
      print(JSON.stringify(describeApi(), null, 2));
      return EXIT.OK;
    }
    const listen = listenOf(values);
    const origins = originsOf(values);
    if (values["reversible"] !== true && values["snapshots"] !== undefined) {
      throw new UsageError("--snapshots needs --reversible");
    }
    const snapshots = values["reversible"] !== true
      ? undefined
      : underPolicy
      ? optional(values, "snapshots")
      : snapshotFolder(values);
    const given = snapshots === undefined ? values : { ...values, snapshots };
    const options = await servingOptions(given, underPolicy);
    if (underPolicy) {
      const { serveKernel } = await import("./serve_kernel.ts");
      await using relay = await relayFor(given, options);
      const served = relay === undefined ? options : await servingOptions(given, true, relay);
      return await serveKernel(given, { options: served, listen, origins, relay });
    }
    const resolved = resolveOptions(options);
    if (values["unit"] !== undefined) return printUnit(values, args);
    const { env = [], net = [], ...more } = launchOptions(values);
    return await launch(resolved, [
      ...args,
      ...snapshots === undefined ? [] : [`--snapshots=${snapshots}`],
    ], {
      ...more,
      env: [...env, "HOME", ...PLACE_VARIABLES],
      net: [...net, `unix:${socketOf(values)}`],
      listen: listen === undefined ? [] : [shownAddress(listen)],
      // The questions are listed, and the ledger is read, also if no rule of the first policy has one.
      read: [...more.read ?? [], inboxFolder(values), ledgerFolder(values)],
    });
  },
};

function listenOf(values: Values): ListenAddress | undefined {
  const text = optional(values, "listen");
  if (text === undefined) return undefined;
  try {
    return listenAddress(text);
  } catch (error) {
    throw new UsageError((error as RangeError).message);
  }
}

function originsOf(values: Values): readonly string[] {
  const given = values["allow-origin"];
  return (Array.isArray(given) ? given as string[] : []).map((text) => {
    if (URL.canParse(text) && new URL(text).origin === text) return text;
    throw new UsageError(`--allow-origin ${text} is no origin, expected one like https://host`);
  });
}

/** Between the servers of `--mcp`, if there are any, and the clients of `/mcp`. */
async function relayFor(values: Values, options: KernelOptions): Promise<McpRelay | undefined> {
  if (values["mcp"] === undefined) return undefined;
  const { McpRelay } = await import("../../providers/mcp/relay.ts");
  return new McpRelay({ asks: allowedActions(resolveOptions(options).policy) });
}

async function servingOptions(
  values: Values,
  underPolicy: boolean,
  relay?: McpRelay,
): Promise<KernelOptions> {
  const options = await kernelOptions(values, [], { underPolicy, relay });
  const tools = agentToolProvider(serverFolder(values), agentSettings(values));
  return {
    ...options,
    providers: [...options.providers as Iterable<never>, tools],
    approvals: { ...options.approvals, patienceMs: PATIENCE_MS },
    // For "suggest".
    logParams: options.logParams ?? "denied",
  };
}

function printUnit(values: Values, args: readonly string[]): number {
  const manager = optional(values, "unit") ?? "";
  const unit = Object.hasOwn(UNITS, manager) ? UNITS[manager] : undefined;
  if (unit === undefined) {
    throw new UsageError(
      `--unit ${manager} is unknown, expected ${Object.keys(UNITS).join(" or ")}`,
    );
  }
  const main = new URL("./main.ts", import.meta.url);
  const path = (name: string) => fromFileUrl(new URL(name, import.meta.url));
  const isCheckout = main.protocol === "file:";
  const deno = Deno.execPath();
  const given = args.filter((arg, i) => !/^--unit(=|$)/.test(arg) && !(args[i - 1] === "--unit"));
  print(
    unit({
      command: [
        ...[deno, "run", "--quiet", "--no-prompt"],
        ...isCheckout
          ? [
            `--config=${path("../../deno.json")}`,
            `--lock=${path("./deno.lock")}`,
            "--frozen",
          ]
          : [],
        ...["--allow-read", "--allow-env", "--allow-run=deno"],
        ...[isCheckout ? fromFileUrl(main) : main.href, ...given],
      ],
      // Paths of the options are relative to where it is printed.
      folder: Deno.cwd(),
      searchPath: [dirname(deno), "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
    }).trimEnd(),
  );
  return EXIT.OK;
}

if (import.meta.main) await actAs("serve", COMMAND);
