/**
 * Policies as they are given: a file, a text, an object. Adds to the loader of the core what needs
 * the text: lines of problems, ambiguous scalars and keys; and the examples and warnings.
 *
 * @module
 */
import type { ApprovalRule } from "../approval/approval_rule.ts";
import { type Provenance, readProvenance } from "../provenance/policy.ts";
import { isWrittenSession, type WrittenSession } from "../provenance/rehearsal.ts";
import { readApprovals } from "./approvals.ts";
import { ListFiles, withoutCopies } from "./list_files.ts";
import { splitByMode } from "./shadow.ts";
import { dirname, fromFileUrl, resolve } from "@std/path";
import { messageOf } from "../core/errors.ts";
import { canonicalJson, copyJson, JsonError } from "../core/json.ts";
import { DocumentError, parseDocument } from "../core/policy/document.ts";
import { type LoadOptions, loadPolicy } from "../core/policy/load.ts";
import { placeName, PolicyError, type Problems } from "../core/policy/problem.ts";
import { ANYTHING, isMapping } from "../core/policy/shape.ts";
import type { KindName } from "../core/resource/kind.ts";
import type { Pattern } from "../core/resource/pattern.ts";
import { sha256 } from "../core/request.ts";
import { MissingPermissionError } from "../launch/check.ts";
import {
  type PolicyWithPaths,
  readArgumentPaths,
  withArgumentPaths,
} from "../argument_paths/argument_paths.ts";
import { refuseAmbiguous } from "./ambiguous.ts";
import { checkExamples, type Example, readExamples } from "./examples.ts";
import type { PolicyLimits } from "../limits/limit.ts";
import { checkCoverage, limitsOfCopies, readLimits, unasked, uncounted } from "./limits.ts";
import { lint } from "./lint.ts";
import { lineFinder } from "./line_finder.ts";
import { outline, OutlineError } from "./locate.ts";
import { LinkReview, type PlantedLink } from "./planted_links.ts";
import { DocumentProblems } from "./problems.ts";
import { expandVariables, readVariables, type Variables, withValues } from "./variables.ts";

/**
 * A policy: the path of a YAML file (or its `file:` URL), YAML text as `{ text }`, or the same
 * structure as an object. A string is always a path.
 */
export type PolicySource = string | URL | { readonly text: string } | object;

/** What a policy is read with. */
export interface ReadOptions extends
  Omit<
    LoadOptions,
    "source" | "digest" | "problems" | "expand" | "further" | "conditions" | "linksOutside"
  > {
  /** Values for `${NAME}`; they win over the policy's own. @default none */
  readonly variables?: Variables;
  /** What relative paths of files of lists are relative to. @default that of patterns */
  readonly listBase?: string;
  /** Name for messages. @default the path, "(text)" or "(object)" */
  readonly source?: string;
  /**
   * Whether an example that does not hold refuses the policy; only a test of the examples wants that
   * off. @default true
   */
  readonly enforceExamples?: boolean;
  /**
   * Absolute paths of folders that may be changed whatever the policy allows; links in them are not
   * followed by allow rules. @default none
   */
  readonly changeable?: readonly string[];
}

/** A loaded policy with what it says of itself. */
export interface PolicyWithExamples extends PolicyWithPaths {
  /** The examples of its document. */
  readonly examples: readonly Example[];
  /** The links that its allow rules do not follow. */
  readonly planted: readonly PlantedLink[];
  /** What has to be readable to follow the same links as at this load. */
  readonly markers: readonly string[];
  /** The limits of its rules, and of the whole policy. */
  readonly limits: PolicyLimits;
  /** Which rules need a person's yes, by their id. */
  readonly approvals: ReadonlyMap<string, ApprovalRule>;
  /** What it says of where values come from. */
  readonly provenance: Provenance;
  /** The files of its lists. */
  readonly listFiles: readonly string[];
  /** What it would be without shadow mode; missing if nothing is tried. */
  readonly tried?: TriedPolicy;
}

/** A policy that is only tried. */
export interface TriedPolicy {
  readonly policy: PolicyWithPaths;
  readonly approvals: ReadonlyMap<string, ApprovalRule>;
  readonly limits: PolicyLimits;
  readonly provenance: Provenance;
}

/** What a document is loaded to. */
interface LoadedParts
  extends Pick<PolicyWithExamples, "planted" | "markers" | "limits" | "approvals" | "provenance"> {
  readonly policy: PolicyWithPaths;
  /** What it says for itself, for warnings: without the copies of rules that ask a person. */
  readonly written: Pick<PolicyWithExamples, "limits" | "approvals"> & {
    readonly policy: PolicyWithPaths;
  };
}

/** What of a policy the core does not read: variables and examples here, the rest is for stages. */
export const FURTHER = {
  document: {
    variables: ANYTHING,
    examples: ANYTHING,
    limits: ANYTHING,
    mode: ANYTHING,
    lists: ANYTHING,
    sources: ANYTHING,
  },
  rule: {
    paths: ANYTHING,
    limits: ANYTHING,
    approval: ANYTHING,
    mode: ANYTHING,
    params: ANYTHING,
    target: ANYTHING,
    optional: ANYTHING,
    together: ANYTHING,
    otherwise: ANYTHING,
    to: ANYTHING,
  },
};

/** A plain value, and where problems in it are noted. */
interface ReadDocument {
  readonly value: unknown;
  readonly problems: Problems;
}

/**
 * Reads, checks and loads a policy.
 *
 * @param source A path, `{ text }` or an object.
 * @param options What it is loaded with; relative patterns of a file are relative to its folder,
 * those of others to `world.base`.
 * @returns The policy, with its examples and warnings.
 * @throws {PolicyError} It is refused, or the file cannot be read.
 * @throws {MissingPermissionError} This process may not read the file.
 * @throws {TypeError} It is none of these, or YAML text as a plain string.
 */
export function readPolicy(source: PolicySource, options: ReadOptions): PolicyWithExamples {
  const path = policyPath(source);
  const text = path === undefined ? textOf(source) : readText(path);
  const name = options.source ?? path ?? (text === undefined ? "(object)" : "(text)");
  const document = text === undefined ? readObject(source as object, name) : readYaml(text, name);
  const { value, problems } = document;
  const world = path === undefined
    ? options.world
    : { ...options.world, base: dirname(resolve(path)) };
  const { variables = {} } = options;
  // Variables of the caller are a part of what the policy says.
  const given = Object.keys(variables).length === 0 ? "" : `\0${canonicalJson(variables)}`;
  const files = new ListFiles(options.listBase ?? world.base);
  const own = isMapping(value) ? value["variables"] : undefined;
  const all = {
    ...readVariables(own, problems.at("variables")),
    ...readVariables(variables, problems.at("variables")),
  };
  const ownExamples = isMapping(value) ? value["examples"] : undefined;
  const examples = readExamples(withValues(ownExamples, all), problems.at("examples"));
  const expand = (pattern: string, kind: KindName) =>
    expandVariables(pattern, { kind, variables: all });
  const load = (source: unknown): LoadedParts => {
    const { actions } = options;
    const readList = (path: string) => files.read(path);
    const read = readProvenance(source, { world, actions, expand, readList, problems });
    const { document, provenance, conditions, copies } = read;
    // What is in the lists is a part of what the policy says.
    const digest = sha256((text ?? canonicalJson(value)) + given + files.content);
    const links = new LinkReview(world, options.changeable ?? []);
    const own = {
      limits: readLimits(document, problems),
      approvals: readApprovals(document, problems),
    };
    const rules = problems.at("capabilities");
    const paths = readArgumentPaths(document, { actions: options.actions, problems: rules });
    const loaded = loadPolicy(document, {
      ...options,
      world,
      linksOutside: (changeable: readonly Pattern[]) => links.worldFor(changeable),
      source: name,
      digest,
      problems: withoutCopies(problems, read.count),
      expand,
      further: FURTHER,
      conditions,
      guarded: [...options.guarded ?? [], ...files.guards],
    });
    const policy = withArgumentPaths(loaded, paths, rules);
    checkCoverage(own.limits, { policy, problems: problems.at("limits") });
    const approvals = new Map([...own.approvals, ...read.approvals]);
    const limits = limitsOfCopies(own.limits, copies);
    const written = {
      ...own,
      policy: { ...policy, rules: policy.rules.filter(({ id }) => !copies.has(id)) },
    };
    const { planted, markers } = links;
    return { policy, limits, approvals, provenance, written, planted, markers };
  };
  const { policy: asTried, shadow } = splitByMode(value, options.actions, problems);
  const tried = load(asTried);
  const { policy, approvals, written } = tried;
  if (options.enforceExamples !== false) {
    const { provenance } = tried;
    checkExamples(examples, { policy, approvals, world, provenance }, problems.at("examples"));
  }
  if (problems.found.length > 0) throw new PolicyError(name, problems.found);
  const declared = isMapping(own) ? own : {};
  const warnings = [
    ...lint({ ...tried, policy: written.policy, world, declared, given: variables }),
    ...uncounted(written.limits, written.policy),
    ...unasked(written.approvals, written.policy),
  ];
  const { policy: _, written: _written, ...parts } = tried;
  const { paths: listFiles } = files;
  if (shadow === undefined) return { ...policy, ...parts, examples, warnings, listFiles };
  const { policy: enforced, written: _enforced, ...rest } = load(shadow.enforced);
  if (problems.found.length > 0) throw new PolicyError(name, problems.found);
  const told =
    `shadow mode of ${shadow.what}: what would be refused is done, and recorded as "would"`;
  return {
    ...enforced,
    ...rest,
    examples,
    listFiles,
    warnings: [told, ...warnings],
    tried: {
      policy: { ...policy, approvals },
      approvals,
      limits: tried.limits,
      provenance: tried.provenance,
    },
  };
}

/**
 * The file that a policy is in.
 *
 * @param source As for {@linkcode readPolicy}.
 * @returns `undefined` if it is in none.
 * @throws {TypeError} It is YAML text as a plain string.
 */
export function policyPath(source: PolicySource): string | undefined {
  if (source instanceof URL) return fromFileUrl(source);
  if (typeof source !== "string") return undefined;
  if (source === "") throw new TypeError("Cannot read the policy: its path is empty");
  if (/[\r\n]|^\s*[{[]|^[\w"']+\s*:(\s|$)/.test(source)) {
    throw new TypeError(
      "Cannot read the policy: a string is a path, expected { text: … } for YAML text",
    );
  }
  return source;
}

/**
 * Reads a file of examples: a list, or under the key `examples`.
 *
 * @param path Of a YAML file.
 * @returns The examples.
 * @throws {PolicyError} It is not such a file.
 */
export function readExamplesFile(path: string): Example[] {
  const { value, problems } = readYaml(readText(path), path);
  const examples = isMapping(value)
    ? readExamples(value["examples"] ?? {}, problems.at("examples"))
    : readExamples(value ?? {}, problems);
  if (problems.found.length > 0) throw new PolicyError(path, problems.found);
  return examples;
}

/**
 * Reads what a session is to know from a YAML file, for an explanation.
 *
 * @throws {PolicyError} It says something else, or cannot be read.
 */
export function readSessionFile(path: string): WrittenSession {
  const { value, problems } = readYaml(readText(path), path);
  if (isWrittenSession(value, problems) && problems.found.length === 0) return value;
  throw new PolicyError(path, problems.found);
}

function textOf(source: PolicySource): string | undefined {
  if (source === null || typeof source !== "object") {
    throw new TypeError("Cannot read the policy: expected a path, { text: … } or an object");
  }
  const { text } = source as { readonly text?: unknown };
  return typeof text === "string" ? text : undefined;
}

function readText(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new MissingPermissionError([`--allow-read=${path}`]);
    }
    const isMissing = error instanceof Deno.errors.NotFound;
    const message = isMissing ? "There is no such file" : messageOf(error);
    throw new PolicyError(path, [{ place: "", path: [], message }]);
  }
}

function readObject(source: object, name: string): ReadDocument {
  try {
    return {
      value: copyJson(source, "policy", { exactIntegers: true }),
      problems: new DocumentProblems(),
    };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new PolicyError(name, [{ place: "", path: [], message: error.message }]);
  }
}

function readYaml(text: string, name: string): ReadDocument {
  try {
    const value = parseDocument(text);
    const root = outline(text);
    const problems = new DocumentProblems(lineFinder(root));
    refuseAmbiguous(root, value, problems);
    return { value, problems };
  } catch (error) {
    if (!(error instanceof DocumentError || error instanceof OutlineError)) throw error;
    const path = error instanceof DocumentError ? error.path : [];
    const [message, found] = error instanceof DocumentError
      ? withoutPosition(error.message)
      : [error.message, error.line];
    const line = found ?? (path.length === 0 ? undefined : lineFinder(outline(text))(path));
    const problem = { place: placeName(path), path, message };
    throw new PolicyError(name, [line === undefined ? problem : { ...problem, line }]);
  }
}

/** Takes the position out of the parser's message, which ends in "(line:column)" or "at line n, column m". */
function withoutPosition(message: string): [message: string, line?: number] {
  const found = /\s*(?:at line (\d+), column \d+|\((\d+):\d+\))[\s\S]*$/.exec(message);
  return found === null ? [message] : [message.slice(0, found.index), Number(found[1] ?? found[2])];
}
