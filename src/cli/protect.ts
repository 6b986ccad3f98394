/**
 * `agent-kernel protect` and `unprotect`: the hooks of agents that people already use.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import { messageOf } from "../core/errors.ts";
import { TIMEOUT } from "../protect/hook_command.ts";
import { HOOK_SETTINGS, type HookSettings, TOKEN_VARIABLE } from "../protect/installation.ts";
import { withHooks, withoutHooks } from "../protect/settings_file.ts";
import { sha256 } from "../core/request.ts";
import { listenAddress, shownAddress } from "../server/listen_address.ts";
import {
  type Command,
  type CommandOption,
  EXIT,
  type Invocation,
  optional,
  UsageError,
  type Values,
} from "./command.ts";
import { launchWith } from "./second_start.ts";
import { actAs } from "./second_process.ts";
import { homeFolder, socketOf } from "./server_options.ts";
import { colour, complain, escape, print } from "./terminal.ts";

const AGENTS = Object.keys(HOOK_SETTINGS);

/** Options of commands about the hooks of an agent. */
export const AGENT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  user: { type: "boolean", help: "in the settings of the user (default)" },
  project: { type: "boolean", help: "in the settings of this folder" },
  "log-path": {
    type: "string",
    value: "FILE",
    help: "the log of the kernel (default: kernel.log)",
  },
};

/** Of `protect` and `unprotect`. */
export const CHANGE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  ...AGENT_OPTIONS,
  "dry-run": { type: "boolean", help: "only show what would change" },
};

/** Installs hooks. */
export const COMMAND: Command = {
  usage: `<${AGENTS.join("|")}> [--user|--project] [--dry-run] [--log-path FILE] [--http ADDRESS]`,
  details:
    `Writes hooks into the agent's settings, so that the kernel of "agent-kernel serve" decides about each call of
its tools, and nothing is permitted while no kernel runs. Shows what it changes, keeps the rest of the file as it is, and
keeps a copy beside it, which "unprotect" puts back. Hooks are the weaker form: what the kernel knows is what the
agent tells it; see docs/hooks.md.`,
  options: {
    ...CHANGE_OPTIONS,
    http: {
      type: "string",
      value: "ADDRESS",
      help:
        "claude only: its hooks go straight to the kernel that listens there (serve --listen), with a token",
    },
  },
  run: (invocation) => {
    const { values, positionals } = invocation;
    const entries = entriesFor(settingsFor(values, positionals).settings, optional(values, "http"));
    return changeSettings(invocation, ({ agent, settings, path, before }) => {
      const { empty, isStrict } = settings;
      const options = { agent, socket: socketOf(invocation.values) };
      const now = before === undefined || before.trim() === "" ? empty : before;
      // A byte order mark is white space to JavaScript, and none to JSON.
      const text = before?.startsWith("\ufeff") ? before : now;
      const after = withHooks(text, entries(options), isStrict);
      if (after === before) return { after, done: "is protected already" };
      readBackup(backupOf(path)); // One that is garbage is told before anything is written.
      return {
        ...{ after, done: "protected" },
        notes: [
          ...settings.notes,
          ...invocation.values["http"] === undefined ? [] : [
            `Start the agent with its token in the variable ${TOKEN_VARIABLE} (agent-kernel token add NAME --agent ${agent}); without it every call is refused.`,
          ],
        ],
        prepare: () => keepBackup(path, before, after),
      };
    });
  },
};

/** The hooks to install: programs, or over HTTP. */
function entriesFor(
  { entries, httpEntries }: HookSettings,
  http: string | undefined,
): HookSettings["entries"] {
  if (http === undefined) return entries;
  if (httpEntries === undefined) {
    throw new UsageError("--http is for claude: other agents have no such hooks, or ignore them");
  }
  let origin: string;
  try {
    origin = `http://${shownAddress(listenAddress(http))}`;
  } catch (error) {
    throw new UsageError(messageOf(error).replace("Cannot listen at", "--http"));
  }
  return (options) => httpEntries(options, origin);
}

/** What becomes of a settings file. */
interface SettingsChange {
  /** Its new text; `undefined` if it goes. */
  readonly after: string | undefined;
  /** What is said when it is done. */
  readonly done: string;
  readonly notes?: readonly string[];
  /** Runs before and after it is written. */
  readonly prepare?: () => void;
  readonly finish?: () => void;
}

/** Shows how a settings file changes, and writes it, in a process that may write it and nothing else. */
export async function changeSettings(
  { values, positionals, args, underPolicy }: Invocation,
  change: (
    now: ReturnType<typeof settingsFor> & { readonly before: string | undefined },
  ) => SettingsChange,
): Promise<number> {
  const found = settingsFor(values, positionals);
  const { path, links } = found;
  if (!underPolicy) {
    const files = [path, backupOf(path), draftOf(path), dirname(path)];
    if (links.some((one) => one.includes(","))) {
      throw new UsageError("the path has a comma, which Deno cannot express");
    }
    const flags = [
      `--allow-read=${[...files, ...links, ...links.map(dirname), TIMEOUT].join(",")}`,
      `--allow-write=${files.join(",")}`,
    ];
    return await launchWith(["--no-prompt", ...flags, "--allow-env=HOME"], args, ["HOME"]);
  }
  let before: string | undefined;
  let changed: SettingsChange;
  try {
    before = readIfThere(path);
    changed = change({ ...found, before });
  } catch (error) {
    throw new Error(`Cannot change "${path}": ${messageOf(error)}`);
  }
  const { after, done, notes = [], prepare, finish } = changed;
  for (const line of changedLines(before ?? "", after ?? "")) print(line);
  if (values["dry-run"] === true && after !== before) return EXIT.OK;
  if (after !== before) {
    prepare?.();
    write(path, after);
    finish?.();
  }
  print(escape(`${path}: ${done}`));
  for (const note of notes) complain(escape(`note: ${note}`));
  return EXIT.OK;
}

/** The settings that a command is about. */
export function settingsFor(
  values: Values,
  [agent, ...more]: readonly string[],
): { agent: string; settings: HookSettings; path: string; links: readonly string[] } {
  const found = (named: string) => {
    const links = linksFrom(named);
    return { links, path: links.at(-1) ?? named };
  };
  const settings = agent === undefined || more.length > 0 || !Object.hasOwn(HOOK_SETTINGS, agent)
    ? undefined
    : HOOK_SETTINGS[agent];
  if (agent === undefined || settings === undefined) {
    throw new UsageError(`expected one agent: ${AGENTS.join(", ")}`);
  }
  if (values["project"] === true) {
    if (settings.project === undefined) {
      throw new UsageError(`${agent} takes no hooks from a project; use --user`);
    }
    return { agent, settings, ...found(resolve(settings.project)) };
  }
  const home = homeFolder();
  if (home === undefined) throw new Error("Cannot find the settings: HOME is not set");
  return { agent, settings, ...found(`${home}/${settings.user}`) };
}

/** A settings file that is a link stays one: what it leads to is written, also if that is not there yet. */
function linksFrom(path: string): string[] {
  const paths = [path];
  for (let at = path; paths.length < 20; paths.push(at)) {
    try {
      if (!Deno.lstatSync(at).isSymlink) return paths;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return paths;
      throw error;
    }
    // Its folder may be behind a link too: from there ".." leads elsewhere.
    at = resolve(Deno.realPathSync(dirname(at)), Deno.readLinkSync(at));
  }
  throw new Error(`Cannot find the settings: "${path}" leads from link to link`);
}

/** What a backup says: the digest of what was written over it, then what was there; nothing if there was no file. */
interface Backup {
  readonly wrote: string;
  readonly before: string | null;
}

function backupOf(path: string): string {
  return `${path}.agent-kernel-backup`;
}

function draftOf(path: string): string {
  return `${path}.agent-kernel-new`;
}

/** Keeps the file without our hooks: the earlier copy, if nobody has changed the file since it was made. */
function keepBackup(path: string, before: string | undefined, after: string): void {
  const backup = backupOf(path);
  const earlier = readBackup(backup);
  const first = before !== undefined && earlier?.wrote === sha256(before)
    ? earlier.before
    : before === undefined
    ? null
    : withoutHooks(before);
  write(backup, JSON.stringify({ wrote: sha256(after), before: first } satisfies Backup));
}

function readBackup(path: string): Backup | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const { wrote, before } = JSON.parse(text);
    if (typeof wrote === "string" && (before === null || typeof before === "string")) {
      return { wrote, before };
    }
  } catch {
    // Said below.
  }
  throw new Error(`the copy "${path}" is not one of agent-kernel; move it away and try again`);
}

/** The file as it was before `protect`; if somebody else has changed it since, only without our hooks. */
export function restored(path: string, now: string): string | undefined {
  const backup = readBackup(backupOf(path));
  return backup?.wrote === sha256(now) ? backup.before ?? undefined : withoutHooks(now);
}

/** The copy is of no use any more. */
export function removeBackup(path: string): void {
  removeIfThere(backupOf(path));
}

function write(path: string, text: string | undefined): void {
  if (text === undefined) return removeIfThere(path);
  Deno.mkdirSync(dirname(path), { recursive: true });
  const isThere = readIfThere(path) !== undefined;
  const mode = isThere ? (Deno.statSync(path).mode ?? 0o600) & 0o777 : 0o600;
  const draft = draftOf(path);
  Deno.writeTextFileSync(draft, text, { mode });
  Deno.renameSync(draft, path);
}

function readIfThere(path: string): string | undefined {
  try {
    // What is written back has to be what was there: no byte is replaced, and none left out.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Deno.readFileSync(path),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof TypeError) throw new Error("it is not UTF-8", { cause: error });
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The lines that go and come. */
function changedLines(before: string, after: string): string[] {
  const [old, now] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start++;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) {
    end++;
  }
  return [
    ...old.slice(start, old.length - end).map((line) => colour(`- ${escape(line)}`, "red")),
    ...now.slice(start, now.length - end).map((line) => colour(`+ ${escape(line)}`, "green")),
  ];
}

if (import.meta.main) await actAs("protect", COMMAND);
