/**
 * The files that agents have changed: what is read from them later is not more to be trusted than what was written.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { Policy, Rule } from "../core/policy/policy.ts";
import { type ActionTable, specOf } from "../core/resource/kind.ts";

/** Most paths that are kept; beyond it every file counts as changed. */
const MAX_PATHS = 10_000;

/** Whether an action may change files that can be named before. */
export function changesFiles(action: string, actions: ActionTable): boolean {
  const { kind, effect, access, resources = [] } = specOf(actions, action);
  if (effect === "none") return false;
  return kind === "command" || kind === "path" && access?.includes("write") === true ||
    resources.some(({ kind }) => kind === "path");
}

const CHANGING = new WeakMap<Policy, boolean>();

/** Whether a policy allows an action that may change files. */
export function mayChangeFiles(policy: Policy): boolean {
  const known = CHANGING.get(policy);
  if (known !== undefined) return known;
  const may = policy.rules.some(({ effect, actions }) =>
    effect === "allow" && actions.some((action) => changesFiles(action, policy.actions))
  );
  CHANGING.set(policy, may);
  return may;
}

/** Paths that actions of any session have changed. */
export class ChangedFiles {
  readonly #paths = new Set<string>();
  /** The folders above them. */
  readonly #above = new Set<string>();
  /** Those that could not be kept yet. */
  readonly #unkept = new Set<string>();
  readonly #append: (path: string) => void;

  /** @param known From before. @param append Keeps one more. */
  constructor(known: readonly string[], append: (path: string) => void) {
    for (const path of known) this.#remember(path);
    this.#append = append;
  }

  /**
   * Notes what a request is going to change.
   *
   * @param rules Of the policy: a program may change what they let anybody change.
   * @throws {Error} It could not be kept; it is known until the process ends.
   */
  note(
    { action, target, params }: CanonicalRequest,
    { actions, rules }: { readonly actions: ActionTable; readonly rules: readonly Rule[] },
  ): void {
    if (!changesFiles(action, actions)) return;
    const { kind, access, resources = [] } = specOf(actions, action);
    if (kind === "path" && access?.includes("write")) this.#add(target);
    for (const { param, kind } of resources) {
      const path = params[param];
      if (kind === "path" && typeof path === "string") this.#add(path);
    }
    if (kind === "command") { for (const path of changeable(rules, actions)) this.#add(path); }
  }

  /** Whether a path, something in it, or a folder that it is in was changed. */
  has(path: string): boolean {
    if (this.#paths.size >= MAX_PATHS || this.#paths.has(path) || this.#above.has(path)) {
      return true;
    }
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      if (this.#paths.has(path.slice(0, end))) return true;
    }
    return this.#paths.has("/");
  }

  #add(path: string): void {
    if (!this.#paths.has(path)) {
      if (this.#paths.size >= MAX_PATHS) return;
      this.#remember(path);
      this.#unkept.add(path);
    }
    if (!this.#unkept.has(path)) return;
    this.#append(path);
    this.#unkept.delete(path);
  }

  #remember(path: string): void {
    this.#paths.add(path);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      this.#above.add(path.slice(0, end));
    }
    this.#above.add("/");
  }
}

/** The folders and files that rules let somebody change. */
function changeable(rules: readonly Rule[], actions: ActionTable): Set<string> {
  return new Set(rules.flatMap((rule) => {
    const changes = rule.actions.some((action) => {
      const { kind, effect, access } = specOf(actions, action);
      return kind === "path" && effect !== "none" && access?.includes("write") === true;
    });
    if (rule.effect !== "allow" || !changes) return [];
    return (rule.patterns.get("path") ?? []).map(({ reach }) => reach || "/");
  }));
}
