/**
 * Options as data: the policy, files, permissions and guards that follow from them. Starts nothing.
 *
 * @module
 */
import { type CheckpointNeeds, checkpointNeeds } from "./checkpoint/witness.ts";
import type { KernelOptions } from "./options.ts";
import {
  deniedFolders,
  outside,
  type PermissionNeeds,
} from "./core/isolation/worker_permissions.ts";
import { type ProcessPermissions, processPermissions } from "./launch/process_permissions.ts";
import { type PermissionSet, union } from "./core/isolation/permission_set.ts";
import { guardedCode, packageFolders } from "./own_code.ts";
import { formatDecimal } from "./limits/decimal.ts";
import { covers, hasLimits } from "./limits/limit.ts";
import { reservedAtLeast } from "./limits/measure.ts";
import { gitWithoutEnvironment } from "./policy_tools/git_environment.ts";
import { actionTable } from "./actions/standard.ts";
import type { GuardedPath } from "./core/policy/guard.ts";
import { settledWorld } from "./policy_tools/settled_world.ts";
import { policyPath as pathOf, type PolicyWithExamples, readPolicy } from "./policy_tools/read.ts";
import { placeName, PolicyError, type PolicyProblem } from "./core/policy/problem.ts";
import type { Provider } from "./worker/provider.ts";
import { denoWorld } from "./core/resource/deno_world.ts";
import { specOf } from "./core/resource/kind.ts";
import { KINDS } from "./core/resource/table.ts";
import { CanonicalError, type World } from "./core/resource/world.ts";
import { dirname, fromFileUrl, isAbsolute, normalize, resolve } from "@std/path";

/** What follows from the options before anything is started. */
export interface ResolvedOptions {
  readonly policy: PolicyWithExamples;
  /** For requests. */
  readonly world: World;
  /** For the policy: relative to the folder of its file. */
  readonly policyWorld: World;
  readonly logPath: string;
  /** The folder of the ledger of limits; `undefined` if they are counted elsewhere. */
  readonly limitsPath: string | undefined;
  /** The folder of the inbox of approvals; `undefined` if there is none. */
  readonly approvalsPath: string | undefined;
  /** The folder of sessions; `undefined` if they end with the kernel. */
  readonly sessionsPath: string | undefined;
  readonly providers: readonly Provider[];
  readonly byAction: ReadonlyMap<string, Provider>;
  readonly permissions: ProcessPermissions;
}

/**
 * Works out everything that follows from the options: the loaded policy and the permissions of the
 * process and its Workers. Reads the policy file and resolves the paths that it names.
 */
export function resolveOptions(
  options: KernelOptions,
  { enforceExamples = true }: { readonly enforceExamples?: boolean } = {},
): ResolvedOptions {
  const providers = providerList(options.providers ?? []);
  const byAction = providersByAction(options.providers ?? []);
  const namedPath = pathOf(options.policy);
  const policyPath = namedPath === undefined ? undefined : absolutePath(namedPath, "policy");
  const world = denoWorld({
    ...(options.base === undefined ? {} : { base: absolutePath(options.base, "base") }),
    ...(options.searchPath === undefined ? {} : { searchPath: options.searchPath }),
  });
  const logPath = realOrNamed(absolutePath(options.logPath ?? "kernel.log", "logPath"), world);
  const limitsPath = limitsFolder(options, world);
  const approvalsPath = approvalsFolder(options, world);
  const sessionsPath = sessionsFolder(options, world);
  const inboxes = [
    ...approvalsPath === undefined ? [] : [approvalsPath],
    ...(options.approvals?.approver?.folders ?? []).map((path) =>
      realOrNamed(absolutePath(path, "folders of the approver"), world)
    ),
  ];
  const policyWorld: World = {
    ...world,
    base: policyPath === undefined ? world.base : dirname(policyPath),
  };
  const checkpoints = needsOfCheckpoints(options, logPath);
  const settled = settledWorld(policyWorld);
  const read = readPolicy(policyPath ?? options.policy, {
    world: settled.world,
    actions: actionTable(byAction),
    variables: options.variables ?? {},
    enforceExamples,
    changeable: providers.flatMap(({ changeable, permissions: { write = [] } }) => [
      ...changeable,
      ...(write === true ? [] : write),
    ]),
    guarded: [
      ...guardedPaths(logPath, policyPath),
      ...checkpoints.guards,
      ...guardedStores(providers, logPath),
      ...guardedLedgers(logPath, limitsPath),
      ...guardedInboxes(logPath, inboxes),
      ...guardedSessions(logPath, sessionsPath),
      ...guardedCode(providers),
      ...providers.flatMap(({ name, guards }) =>
        guards.map((path) => ({ path, what: `file of the ${name} provider` }))
      ),
    ],
  });
  settled.end();
  checkProgramLimits(read, byAction);
  const policy = {
    ...read,
    warnings: [
      ...read.warnings,
      ...limitsNeverLeft(read, byAction),
      ...gitWithoutEnvironment(read, programVariables(byAction)),
    ],
  };
  const own: Partial<PermissionSet> = union(
    { read: logFiles(logPath), write: logFiles(logPath) },
    checkpoints.permissions,
    policyPath === undefined ? {} : { read: [policyPath] },
    { read: policy.listFiles },
    sessionsPath === undefined ? {} : { read: [sessionsPath], write: [sessionsPath] },
    { read: providers.flatMap(moduleFolders) },
    // A denial of a folder stays: what lies in it is denied anyhow.
    { read: outside(policy.markers, deniedFolders(policy, "read")) },
    ...providers.map(({ stores }) => ({ read: stores, write: stores })),
    hasLimits(policy.limits) && limitsPath !== undefined
      ? { read: [limitsPath], write: [limitsPath] }
      : {},
    read.approvals.size > 0
      ? { read: inboxes, write: inboxes, net: options.approvals?.approver?.net ?? [] }
      : {},
  );
  const permissions = processPermissions(
    policy,
    providers.map((one) => needsOf(one, byAction)),
    own,
  );
  return {
    policy,
    world,
    policyWorld,
    logPath,
    limitsPath,
    approvalsPath,
    sessionsPath,
    providers,
    byAction,
    permissions,
  };
}

/**
 * INVARIANT: a limit on programs that nobody holds them to is refused.
 *
 * @throws {PolicyError} A rule has one for an action whose provider does not bound programs.
 */
function checkProgramLimits(
  { rules, limits: { programs }, source }: PolicyWithExamples,
  byAction: ReadonlyMap<string, Provider>,
): void {
  const problems = rules.flatMap(({ id, actions, index }): PolicyProblem[] => {
    const texts = programs.get(id)?.texts;
    const odd = actions.find((action) => byAction.get(action)?.boundsPrograms === false);
    if (texts === undefined || odd === undefined) return [];
    const path = ["capabilities", index, "limits"];
    const message = `"${
      texts.join(", ")
    }" bounds programs, and the provider of ${odd} does not; expected a rule for proc.exec alone`;
    return [{ place: placeName(path), path, message }];
  });
  if (problems.length > 0) throw new PolicyError(source, problems);
}

/** The variables of programs, as far as the provider tells. */
function programVariables(byAction: ReadonlyMap<string, Provider>): unknown {
  return (Object(byAction.get("proc.exec")?.config) as Record<string, unknown>)["env"];
}

/** Limits of which a request without params of its own reserves more than there ever is. */
function limitsNeverLeft(
  { rules, actions: table, limits }: PolicyWithExamples,
  byAction: ReadonlyMap<string, Provider>,
): string[] {
  const allowing = rules.filter(({ effect }) => effect === "allow");
  const allowed = new Set(allowing.flatMap(({ actions }) => actions));
  const pairs = [
    ...allowing.flatMap(({ id, actions }) =>
      (limits.rules.get(id) ?? []).map((limit) => ({ limit, actions }))
    ),
    ...limits.all.flatMap((one) => {
      const actions = Array.from(allowed).filter((action) => covers(one, action));
      return one.limits.map((limit) => ({ limit, actions }));
    }),
  ];
  return pairs.flatMap(({ limit, actions }) => {
    const reserved = actions.flatMap((action) => {
      const bounds = byAction.get(action);
      const params = specOf(table, action).defaults ?? {};
      const amount = bounds && reservedAtLeast(limit, { action, params, bounds });
      return amount === undefined || amount <= limit.max ? [] : [{ action, amount }];
    });
    const [first] = reserved;
    if (first === undefined) return [];
    const names = reserved.map(({ action }) => action).join(", ");
    return [
      `limit "${limit.id}" (${limit.text}) is less than the ${
        formatDecimal(first.amount)
      } that ${names} reserves: no such request ever passes, unless its params ask for less (${
        limit.measure === "bytes" ? "max_bytes" : "timeout"
      }, where there is one); raise the limit, or lower the bound of the provider`,
    ];
  });
}

/** What the permissions of a provider's Worker follow from: the actions that lead to it. */
export function needsOf(
  provider: Provider,
  byAction: ResolvedOptions["byAction"],
): PermissionNeeds {
  const actions = Array.from(byAction).flatMap(([action, one]) => one === provider ? [action] : []);
  const { permissions, readsFiles, uses } = provider;
  return { actions, permissions, readsFiles, uses };
}

function providerList(providers: NonNullable<KernelOptions["providers"]>): Provider[] {
  const list = Array.isArray(providers) ? providers : Object.values(providers);
  const unique = Array.from(new Set<Provider>(list));
  const names = new Set(unique.map(({ name }) => name));
  if (names.size < unique.length) {
    throw new TypeError("Cannot open the kernel: two providers have the same name");
  }
  return unique;
}

function providersByAction(
  providers: NonNullable<KernelOptions["providers"]>,
): Map<string, Provider> {
  const byAction = new Map<string, Provider>();
  const add = (action: string, provider: Provider) => {
    const other = byAction.get(action);
    if (other !== undefined) {
      throw new TypeError(
        `Cannot open the kernel: "${other.name}" and "${provider.name}" both carry out ${action}`,
      );
    }
    if (!Object.hasOwn(provider.actions, action)) {
      throw new TypeError(
        `Cannot open the kernel: provider "${provider.name}" does not carry out ${action}`,
      );
    }
    byAction.set(action, provider);
  };
  if (Array.isArray(providers)) {
    for (const provider of providers) {
      for (const action of Object.keys(provider.actions)) add(action, provider);
    }
  } else {
    for (const [action, provider] of Object.entries(providers)) add(action, provider);
  }
  return byAction;
}

/** Everything of the kernel that no action may change. */
function guardedPaths(logPath: string, policyPath: string | undefined): GuardedPath[] {
  const log = [...logFiles(logPath), `${logPath}.checkpoints`].map((path) => ({
    path,
    what: "audit log",
  }));
  return policyPath === undefined ? log : [...log, { path: policyPath, what: "policy file" }];
}

/** What the files of some providers are called in denials. */
const STORES: Readonly<Record<string, string>> = {
  filesystem: "snapshot store",
  limits: "ledger of limits",
  "agent-settings": "socket of the kernel",
};

/** Those that providers name, and the default one of the command line, also if it is not in use now. */
function guardedStores(providers: readonly Provider[], logPath: string): GuardedPath[] {
  const named = providers.flatMap(({ name, stores }) =>
    stores.map((path) => [path, STORES[name] ?? `store of ${name}`] as const)
  );
  const stores = new Map([[`${logPath}.snapshots`, "snapshot store"], ...named]);
  return Array.from(stores, ([path, what]) => ({ path, what, secret: true }));
}

/** The ledger of limits, and the default one of the command line, whether they exist or not. */
function guardedLedgers(logPath: string, limitsPath: string | undefined): GuardedPath[] {
  const ledgers = new Set([`${logPath}.limits`, ...limitsPath === undefined ? [] : [limitsPath]]);
  return Array.from(ledgers, (path) => ({ path, what: "ledger of limits", secret: true }));
}

/** Whoever can write there can say what is trusted. */
function guardedSessions(logPath: string, sessionsPath: string | undefined): GuardedPath[] {
  const folders = new Set([
    `${logPath}.sessions`,
    ...sessionsPath === undefined ? [] : [sessionsPath],
  ]);
  return Array.from(folders, (path) => ({ path, what: "folder of sessions", secret: true }));
}

function sessionsFolder({ sessions }: KernelOptions, world: World): string | undefined {
  if (sessions?.path === undefined) return undefined;
  return realOrNamed(absolutePath(sessions.path, "sessions.path"), world);
}

/** Whoever can write there can say yes. */
function guardedInboxes(logPath: string, own: readonly string[]): GuardedPath[] {
  const inboxes = new Set([`${logPath}.approvals`, ...own]);
  return Array.from(inboxes, (path) => ({ path, what: "inbox of approvals", secret: true }));
}

function approvalsFolder({ approvals }: KernelOptions, world: World): string | undefined {
  if (approvals?.path === undefined) return undefined;
  if (approvals.approver !== undefined) {
    throw new TypeError(
      "Cannot open the kernel: approvals has both an approver and a path, join them with firstOf()",
    );
  }
  return realOrNamed(absolutePath(approvals.path, "approvals.path"), world);
}

function limitsFolder({ limits }: KernelOptions, world: World): string | undefined {
  if (limits?.path === undefined) return undefined;
  if (limits.store !== undefined) {
    throw new TypeError("Cannot open the kernel: limits has both a store and a path");
  }
  return realOrNamed(absolutePath(limits.path, "limits.path"), world);
}

/** The log itself, if the path leads to it by a link: its lock and its journal are beside it. */
function realOrNamed(path: string, world: World): string {
  try {
    return KINDS.path.resolve(path, world);
  } catch (error) {
    if (error instanceof CanonicalError) return path;
    throw error;
  }
}

/** The log and the files beside it that its writer needs. */
function logFiles(log: string): string[] {
  return [log, ...[".journal", ".journal.new", ".segments", ".torn"].map((suffix) => log + suffix)];
}

/** What the checkpoints of the options need: permissions, guarded files. */
function needsOfCheckpoints(
  { checkpoints }: KernelOptions,
  log: string,
): Pick<CheckpointNeeds, "permissions" | "guards"> {
  if (checkpoints === undefined) return { permissions: {}, guards: [] };
  const key = absolutePath(checkpoints.key, "checkpoints.key");
  return checkpointNeeds({ ...checkpoints, key }, log);
}

/** A Worker's module and what it imports are loaded with the permissions of the process. */
function moduleFolders({ module }: Provider): string[] {
  if (module === undefined || !module.startsWith("file:")) return [];
  const folders = packageFolders();
  const folder = dirname(fromFileUrl(module));
  return folders.some((own) => folder.startsWith(`${own}/`)) ? folders : [...folders, folder];
}

function absolutePath(path: string, what: string): string {
  if (typeof path !== "string" || path === "") {
    throw new TypeError(`Cannot open the kernel: ${what} is no path`);
  }
  if (isAbsolute(path)) return normalize(path);
  try {
    return resolve(path);
  } catch (error) {
    throw new TypeError(
      `Cannot open the kernel: ${what} "${path}" is relative, and this process may not read where it stands; give an absolute path`,
      { cause: error },
    );
  }
}
