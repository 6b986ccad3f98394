/**
 * The settings files of agents on the disk: where they are, how they change, and the copies beside them.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import { messageOf } from "../core/errors.ts";
import { sha256 } from "../core/request.ts";
import { PLACE_VARIABLES, userSettings } from "../hooks/settings.ts";
import { type AgentFile, AGENTS, type ProtectedAgent } from "../protect/agent_files.ts";
import { TIMEOUT } from "../protect/hook_command.ts";
import { EXIT, type Invocation, UsageError, type Values } from "./command.ts";
import { launchWith } from "./second_start.ts";
import { homeFolder, settingsPlaces } from "./server_options.ts";
import { colour, complain, escape, print } from "./terminal.ts";

/** A settings file, and what is in it now. */
export interface SettingsFile {
  readonly file: AgentFile;
  /** The file itself, behind all links. */
  readonly path: string;
  readonly before: string | undefined;
}

/** What becomes of a settings file. */
export interface SettingsChange extends SettingsFile {
  /** Its new text; `undefined` if it goes. */
  readonly after: string | undefined;
  /** What is said when it is done. */
  readonly done: string;
  /** Runs before and after it is written. */
  readonly prepare?: () => void;
  readonly finish?: () => void;
}

/** What a command is about. */
export interface Chosen {
  readonly name: string;
  readonly agent: ProtectedAgent;
}

/**
 * Shows how settings files change, and writes them, in a process that may write them and nothing else. Nothing is
 * written unless all of them can be.
 *
 * @param change What becomes of one of them; `undefined` if it is not touched.
 * @param nothing What is said if none is touched.
 * @param notes What the operator has to know.
 */
export async function changeSettings(
  { values, positionals, args, underPolicy }: Invocation,
  change: (now: SettingsFile) => SettingsChange | undefined,
  { nothing, notes = () => [], read = [] }: {
    readonly nothing: string;
    readonly notes?: (files: readonly SettingsFile[]) => readonly string[];
    readonly read?: readonly string[];
  },
): Promise<number> {
  const found = settingsFor(values, positionals);
  if (!underPolicy) {
    const files = found.flatMap(({ path }) => [
      ...[path, backupOf(path), draftOf(path), dirname(path)],
    ]);
    const links = found.flatMap((one) => one.links);
    if ([...links, ...files].some((one) => one.includes(","))) {
      throw new UsageError("the path has a comma, which Deno cannot express");
    }
    const readable = [...files, ...links, ...links.map(dirname), TIMEOUT, ...read];
    const flags = [`--allow-read=${readable.join(",")}`, `--allow-write=${files.join(",")}`];
    const names = ["HOME", ...PLACE_VARIABLES];
    return await launchWith(
      ["--no-prompt", ...flags, `--allow-env=${names.join(",")}`],
      args,
      names,
    );
  }
  const changes = found.flatMap(({ path, file }) => {
    try {
      return change({ file, path, before: readIfThere(path) }) ?? [];
    } catch (error) {
      throw new Error(`Cannot change "${path}": ${messageOf(error)}`);
    }
  });
  if (changes.length === 0) print(nothing);
  for (const { path, before, after, done, prepare, finish } of changes) {
    for (const line of changedLines(before ?? "", after ?? "")) print(line);
    if (after !== before && values["dry-run"] === true) {
      print(escape(`${path}: would be changed`));
      continue;
    }
    if (after !== before) {
      prepare?.();
      write(path, after);
      finish?.();
    }
    print(escape(`${path}: ${done}`));
  }
  for (const note of notes(changes)) complain(escape(`note: ${note}`));
  return EXIT.OK;
}

/** The agent that a command is about. */
export function chosen([name, ...more]: readonly string[]): Chosen {
  const agent = name === undefined || more.length > 0 || !Object.hasOwn(AGENTS, name)
    ? undefined
    : AGENTS[name];
  if (name !== undefined && agent !== undefined) return { name, agent };
  throw new UsageError(`expected one agent: ${Object.keys(AGENTS).join(", ")}`);
}

/** The settings files that a command is about. */
function settingsFor(
  values: Values,
  positionals: readonly string[],
): { file: AgentFile; path: string; links: readonly string[] }[] {
  const { name, agent } = chosen(positionals);
  const found = (file: AgentFile, named: string) => {
    const links = linksFrom(named);
    return { file, links, path: links.at(-1) ?? named };
  };
  if (values["project"] === true) {
    const files = agent.files.flatMap((file) =>
      file.project === undefined ? [] : [found(file, resolve(file.project))]
    );
    if (files.length === 0) {
      throw new UsageError(`${name} takes no settings from a project; use --user`);
    }
    return files;
  }
  const home = homeFolder();
  if (home === undefined) throw new Error("Cannot find the settings: HOME is not set");
  const places = settingsPlaces();
  return agent.files.flatMap((file) =>
    file.user === undefined ? [] : [found(file, userSettings(file.user, home, places))]
  );
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

/**
 * The file as it was before `protect`: byte for byte if nobody has changed it since, else without what is ours.
 * `undefined` if there was none.
 *
 * @param remove Takes out what is ours.
 */
export function original(
  { path, before }: SettingsFile,
  remove: (text: string, earlier: string | null | undefined) => string,
): string | undefined {
  const backup = readBackup(backupOf(path));
  if (before === undefined) return undefined;
  if (backup?.wrote === sha256(before)) return backup.before ?? undefined;
  return remove(before, backup?.before);
}

/** Keeps what a file was before; {@linkcode original} of it as it is then gives it back. */
export function keepBackup(path: string, before: string | undefined, after: string): void {
  const backup: Backup = { wrote: sha256(after), before: before ?? null };
  write(backupOf(path), JSON.stringify(backup));
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
