/**
 * `agent-kernel init`: a first policy for a folder.
 *
 * @module
 */
import { join, relative, resolve } from "@std/path";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { HttpProvider } from "../../providers/http/mod.ts";
import { ProcessProvider } from "../../providers/process/mod.ts";
import { NOTHING } from "../core/isolation/permission_set.ts";
import { permissionsOf } from "../implied_permissions.ts";
import { toFlags } from "../launch/flags.ts";
import { type StarterAnswers, starterPolicy } from "../policy_tools/starter.ts";
import { resolveOptions } from "../resolve.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  optional,
  UsageError,
  type Values,
} from "./command.ts";
import { launchWith } from "./second_start.ts";
import { shellQuoted } from "./shell_quoted.ts";
import { searchPathOf } from "./policy_options.ts";
import { isUsual, type Project, projectIn, type Script } from "./project.ts";
import { actAs } from "./second_process.ts";
import { escape, print } from "./terminal.ts";

/** Writes a first policy. */
export const COMMAND: Command = {
  usage: "[FOLDER] [--yes] [--force]",
  details:
    `Looks at the folder (git, package managers, settings of agents, MCP servers), asks a few questions, and writes a
commented policy.yaml with examples; where there is a deno.json, a permission set "agent-kernel" is added to it.
Nothing that is there is changed without --force. An option answers its question; --yes takes the default of
the others.`,
  options: {
    yes: { type: "boolean", help: "ask nothing" },
    force: { type: "boolean", help: "overwrite policy.yaml, and the permission set in deno.json" },
    "read-only": { type: "boolean", help: "agents change nothing in the folder" },
    git: { type: "string", value: "HOW", help: "none, look (default in a checkout) or commit" },
    script: {
      type: "string",
      multiple: true,
      value: "WORDS",
      help: 'a command line that agents may run, like "npm test"; repeatable ("-" for none)',
    },
    host: {
      type: "string",
      multiple: true,
      value: "HOST",
      help: 'a host that agents may read by HTTPS; repeatable ("-" for none)',
    },
    shadow: {
      type: "boolean",
      help: "try it first: let everything through, and record what would be denied",
    },
    "no-shadow": { type: "boolean", help: "enforce it from the start (default)" },
  },
  async run({ values, positionals, underPolicy }: Invocation): Promise<number> {
    const [given = ".", ...more] = positionals;
    if (more.length > 0) throw new UsageError("expected one folder");
    const folder = folderOf(given);
    const project = projectIn(folder);
    const answers = answersOf(values, project);
    const policy = join(folder, "policy.yaml");
    const force = values["force"] === true;
    if (underPolicy) {
      write(policy, starterPolicy(answersFrom(answers, project)), force);
      print(`Written: ${escape(policy)}`);
      addPermissions(folder, project, { answers, values, force });
      for (const line of next(folder, project, answers)) print(line);
      return EXIT.OK;
    }
    if (!force && isThere(policy)) {
      throw new Error(`"${policy}" is there already; --force overwrites it`);
    }
    const asked = values["yes"] === true ? answers : ask(folder, project, { answers, values });
    // INVARIANT: what is written was loaded, with its examples.
    resolvedWith(folder, starterPolicy(answersFrom(asked, project)), values);
    const flags = toFlags({
      allow: { ...NOTHING, read: ["/"], write: [policy, join(folder, "deno.json")] },
      deny: { read: [], write: [], net: [] },
    });
    return await launchWith(flags, ["init", folder, "--yes", ...asArguments(asked, force)]);
  },
};

/** The answers, as the options have them. */
interface Answers {
  readonly readOnly: boolean;
  readonly git: StarterAnswers["git"];
  readonly scripts: readonly string[];
  readonly hosts: readonly string[];
  readonly shadow: boolean;
}

function folderOf(given: string): string {
  const folder = resolve(given);
  try {
    if (Deno.statSync(folder).isDirectory) return Deno.realPathSync(folder);
  } catch {
    // Said below: whatever it is, it is no folder to work in.
  }
  throw new UsageError(`"${given}" is no folder`);
}

function shown({ program, args }: Script): string {
  return [program, ...args].join(" ");
}

function listOf(values: Values, name: string): readonly string[] | undefined {
  const given = values[name];
  if (!Array.isArray(given)) return undefined;
  return (given as readonly string[]).filter((one) => one !== "-" && one !== "");
}

function answersOf(values: Values, project: Project): Answers {
  const git = optional(values, "git") ?? (project.git ? "look" : "none");
  if (git !== "none" && git !== "look" && git !== "commit") {
    throw new UsageError(`--git ${git} is unknown, expected none, look or commit`);
  }
  if (values["shadow"] === true && values["no-shadow"] === true) {
    throw new UsageError("--shadow and --no-shadow exclude each other");
  }
  const scripts = listOf(values, "script") ?? project.scripts.filter(isUsual).map(shown);
  const hosts = listOf(values, "host") ??
    project.registries.map((url) => new URL(url).host);
  for (const script of scripts) wordsOf(script);
  for (const host of hosts) urlOf(host);
  return {
    readOnly: values["read-only"] === true,
    git,
    scripts,
    hosts,
    shadow: values["shadow"] === true,
  };
}

function wordsOf(script: string): string[] {
  const words = script.trim().split(/\s+/);
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  if (words[0] !== "" && !/[\u0000-\u001f"'`$\\|&;<>*?[\]{}]/.test(script)) return words;
  throw new UsageError(`"${script}" is no plain command line, expected words like npm run build`);
}

function urlOf(host: string): string {
  if (/^([a-z0-9-]+\.)*[a-z0-9-]+(:\d{1,5})?$/i.test(host)) {
    return `https://${host.toLowerCase()}/**`;
  }
  throw new UsageError(`"${host}" is no host, expected one like api.example.com`);
}

function answersFrom(
  { readOnly, git, scripts, hosts, shadow }: Answers,
  project: Project,
): StarterAnswers {
  return {
    writes: !readOnly,
    git,
    scripts: scripts.map(wordsOf),
    urls: hosts.map(urlOf),
    servers: Array.from(new Set(project.mcp.flatMap(({ servers }) => servers))),
    shadow,
  };
}

function asArguments({ readOnly, git, scripts, hosts, shadow }: Answers, force: boolean): string[] {
  const list = (name: string, all: readonly string[]) =>
    (all.length === 0 ? ["-"] : all).map((one) => `--${name}=${one}`);
  return [
    `--git=${git}`,
    ...list("script", scripts),
    ...list("host", hosts),
    ...readOnly ? ["--read-only"] : [],
    ...shadow ? ["--shadow"] : [],
    ...force ? ["--force"] : [],
  ];
}

/** Asks for what no option says. */
function ask(
  folder: string,
  project: Project,
  { answers, values }: { readonly answers: Answers; readonly values: Values },
): Answers {
  if (!Deno.stdin.isTerminal()) {
    throw new UsageError("there is no terminal to ask on; --yes takes the defaults");
  }
  print(`For agents that work in ${escape(folder)}. Enter takes what is in brackets.`);
  const text = (question: string, usual: string) => {
    const answer = prompt(`${escape(question)} [${escape(usual)}]`) ?? "";
    return answer.trim() === "" ? usual : answer.trim();
  };
  const yes = (question: string, usual: boolean) =>
    /^y(es)?$/i.test(text(question, usual ? "y" : "n"));
  const list = (question: string, usual: readonly string[]) =>
    text(question, usual.length === 0 ? "-" : usual.join(", ")).split(",").map((one) => one.trim())
      .filter((one) => one !== "" && one !== "-");
  const isGiven = (name: string) => values[name] !== undefined;
  const answered: Answers = {
    readOnly: isGiven("read-only")
      ? answers.readOnly
      : !yes("May they change files there?", !answers.readOnly),
    git: isGiven("git") || !project.git
      ? answers.git
      : text("git: none, look or commit?", answers.git) as Answers["git"],
    scripts: isGiven("script")
      ? answers.scripts
      : list("Command lines that they may run?", answers.scripts),
    hosts: isGiven("host")
      ? answers.hosts
      : list("Hosts that they may read by HTTPS?", answers.hosts),
    shadow: isGiven("shadow") || isGiven("no-shadow") ? answers.shadow : yes(
      "Try it first: let everything through, and record what would be denied?",
      answers.shadow,
    ),
  };
  return answersOf({
    git: answered.git,
    script: [...answered.scripts, "-"],
    host: [...answered.hosts, "-"],
    "read-only": answered.readOnly,
    shadow: answered.shadow,
  }, project);
}

/** What follows from the policy on this machine. */
function resolvedWith(folder: string, text: string, values: Values) {
  return resolveOptions({
    policy: { text },
    base: folder,
    providers: [new FilesystemProvider(), new ProcessProvider({ env: {} }), new HttpProvider()],
    logPath: join(folder, "kernel.log"),
    searchPath: searchPathOf(values),
  });
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function write(path: string, text: string, force: boolean): void {
  // A link that an agent left there is not followed.
  if (force && isThere(path)) {
    if (Deno.lstatSync(path).isSymlink) {
      throw new Error(`"${path}" is a symbolic link, which is not followed`);
    }
    Deno.writeTextFileSync(path, text);
  } else Deno.writeTextFileSync(path, text, { createNew: true });
}

const SET = "agent-kernel";

/** Adds the permission set to deno.json. Of a file with comments it says what to add. */
function addPermissions(
  folder: string,
  { denoJson }: Project,
  { answers, values, force }: {
    readonly answers: Answers;
    readonly values: Values;
    readonly force: boolean;
  },
): void {
  if (denoJson === undefined) return;
  const path = join(folder, "deno.json");
  const text = starterPolicy(answersFrom(answers, projectIn(folder)));
  const set = permissionsOf(resolvedWith(folder, text, values)).denoJson;
  let config: Record<string, unknown>;
  try {
    config = Object(JSON.parse(denoJson));
  } catch {
    print(
      `Not changed: ${
        escape(path)
      }, which is not plain JSON; add what "agent-kernel permissions --format deno-json" prints`,
    );
    return;
  }
  const permissions = Object(config["permissions"]) as Record<string, unknown>;
  if (Object.hasOwn(permissions, SET) && !force) {
    print(
      `Not changed: ${escape(path)} has a permission set "${SET}" already; --force replaces it`,
    );
    return;
  }
  if (Deno.lstatSync(path).isSymlink) {
    print(`Not changed: ${escape(path)} is a symbolic link`);
    return;
  }
  const changed = { ...config, permissions: { ...permissions, [SET]: set } };
  const indent = /^\s+/m.exec(denoJson.replace(/^[^\n]*\n/, ""))?.[0].replace(/\n/g, "") ?? "  ";
  Deno.writeTextFileSync(path, `${JSON.stringify(changed, null, indent)}\n`);
  print(`Changed: ${escape(path)}, permissions "${SET}": deno run -P=${SET} …`);
}

/** The next three commands. */
function next(folder: string, { agents, mcp }: Project, { shadow }: Answers): string[] {
  const here = relative(Deno.cwd(), folder);
  const at = (name: string) => shellQuoted(here === "" ? name : join(here, name));
  const servers = mcp[0] === undefined ? "" : ` --mcp ${at(mcp[0].file)}`;
  const agent = agents.find((one) => one !== "cursor") ?? "claude";
  return [
    "",
    "Next:",
    `  agent-kernel test-policy ${at("policy.yaml")}`,
    `  agent-kernel serve --policy ${at("policy.yaml")} --base ${
      shellQuoted(here === "" ? "." : here)
    } --log-params${servers}   # and: agent-kernel protect ${agent}`,
    `  agent-kernel learn kernel.log${
      shadow ? " --from shadow" : ""
    }   # after some work: rules for what was done`,
  ];
}

if (import.meta.main) await actAs("init", COMMAND);
