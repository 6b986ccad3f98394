/**
 * The same policy in the forms of different libraries, each prepared as its documentation says is
 * fastest for many decisions under one policy.
 *
 * @module
 */
import { createMongoAbility, subject } from "@casl/ability";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { newEnforcer, newModelFromString, StringAdapter } from "casbin";
import picomatch from "picomatch";
import { authorize } from "../../src/core/policy/authorize.ts";
import { decide } from "../../src/core/policy/decide.ts";
import { readPolicy } from "../../src/policy_tools/read.ts";
import { STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import type { Policy } from "../../src/core/policy/policy.ts";
import type { World } from "../../src/core/resource/world.ts";

/** A request that all can decide. */
export interface Request {
  readonly action: string;
  readonly path: string;
}

/** Says whether a request is allowed. */
export type Decider = (request: Request) => boolean;

/** A way to decide. */
export interface System {
  readonly name: string;
  /** Prepares a policy that allows `fs.read` on everything inside of each of the folders. */
  readonly prepare: (folders: readonly string[]) => Decider | Promise<Decider>;
}

/** Nothing is looked up on the disk: the peers do not either. */
const WORLD: World = {
  base: undefined,
  searchPath: [],
  realPath: (path) => path,
  readLink: () => undefined,
  list: () => [],
  typeOf: () => undefined,
};

function load(folders: readonly string[]): Policy {
  const capabilities = folders.map((folder) => ({ action: "fs.read", resource: `${folder}/**` }));
  return readPolicy({ capabilities }, { world: WORLD, actions: STANDARD_ACTIONS });
}

const CASBIN_MODEL = `
[request_definition]
r = act, obj
[policy_definition]
p = act, obj
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && keyMatch(r.obj, p.obj)
`;

/** Ours first, then the peers. */
export const SYSTEMS: readonly System[] = [
  {
    name: "ours, decide()",
    prepare(folders) {
      const policy = load(folders);
      const params = {};
      return ({ action, path }) =>
        decide(policy, { action, target: path, params }).effect === "allow";
    },
  },
  {
    name: "ours, with canonicalisation",
    prepare(folders) {
      const policy = load(folders);
      return ({ action, path }) =>
        authorize({ action, target: path, params: {} }, { policy, world: WORLD }).decision.effect === "allow";
    },
  },
  {
    name: "picomatch, compiled, in a loop",
    prepare(folders) {
      const rules = folders.map((folder) => ({
        action: "fs.read",
        matches: picomatch(`${folder}/**`, { dot: true }),
      }));
      return ({ action, path }) =>
        rules.some((rule) => rule.action === action && rule.matches(path));
    },
  },
  {
    name: "@casl/ability, $regex",
    prepare(folders) {
      const ability = createMongoAbility(folders.map((folder) => ({
        action: "fs.read",
        subject: "File",
        conditions: { path: { $regex: new RegExp(`^${folder}/`) } },
      })));
      return ({ action, path }) => ability.can(action, subject("File", { path }));
    },
  },
  {
    name: "casbin, keyMatch, enforceSync",
    async prepare(folders) {
      const lines = folders.map((folder) => `p, fs.read, ${folder}/*`).join("\n");
      const enforcer = await newEnforcer(
        newModelFromString(CASBIN_MODEL),
        new StringAdapter(lines),
      );
      return ({ action, path }) => enforcer.enforceSync(action, path);
    },
  },
  {
    name: "Cedar (wasm), preparsed, path like",
    prepare: (folders) =>
      cedarDecider(
        `like-${folders.length}`,
        folders.map((folder) =>
          `permit (principal, action == Action::"fs.read", resource) when { context.path like "${folder}/*" };`
        ),
        (path) => ({ context: { path }, entities: [] }),
      ),
  },
  {
    name: "Cedar (wasm), preparsed, resource in",
    prepare: (folders) =>
      cedarDecider(
        `in-${folders.length}`,
        folders.map((folder) =>
          `permit (principal, action == Action::"fs.read", resource in Folder::"${folder}");`
        ),
        (path) => ({ context: {}, entities: ancestry(path) }),
      ),
  },
];

/** Asks Cedar about policies that it keeps in parsed form. */
function cedarDecider(
  id: string,
  policies: readonly string[],
  about: (path: string) => Pick<cedar.StatefulAuthorizationCall, "context" | "entities">,
): Decider {
  const parsed = cedar.preparsePolicySet(id, { staticPolicies: policies.join("\n") });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));
  return ({ action, path }) => {
    const answer = cedar.statefulIsAuthorized({
      principal: { type: "Agent", id: "a" },
      action: { type: "Action", id: action },
      resource: { type: "File", id: path },
      preparsedPolicySetId: id,
      ...about(path),
    });
    if (answer.type !== "success") throw new Error(JSON.stringify(answer));
    return answer.response.decision === "allow";
  };
}

/** A file with the folders above it, as Cedar wants to be told. */
function ancestry(path: string): cedar.EntityJson[] {
  const names = path.split("/");
  return names.slice(1).map((_, i): cedar.EntityJson => {
    const depth = names.length - i;
    return {
      uid: { type: i === 0 ? "File" : "Folder", id: names.slice(0, depth).join("/") },
      attrs: {},
      parents: depth > 2 ? [{ type: "Folder", id: names.slice(0, depth - 1).join("/") }] : [],
    };
  });
}
