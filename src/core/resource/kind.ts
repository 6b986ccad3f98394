/**
 * The interface behind which everything lives that differs between a file and a URL.
 *
 * @module
 */
import type { Pattern } from "./pattern.ts";
import type { World } from "./world.ts";

/** The kinds of target that an action can have. */
export type KindName = "path" | "url" | "command" | "name";

/** One kind of resource: canonical form, pattern language, Deno permission. */
export interface ResourceKind {
  /**
   * The canonical form as far as it follows from the text alone.
   *
   * @throws {CanonicalError} There is none.
   */
  normalise(target: string, world: World): string;
  /**
   * The canonical form of what the normalised target stands for on this machine (links resolved).
   * Only asked for targets that the policy allows by their text, so that a denied target is never
   * touched. Equal to the argument where the kind has nothing to resolve.
   *
   * @throws {CanonicalError} It cannot be resolved.
   */
  resolve(normalised: string, world: World, options?: ResolveOptions): string;
  /** The segments of a canonical form that patterns are matched against. */
  segments(canonical: string): string[];
  /**
   * Compiles the text of a pattern to all forms in which it applies.
   *
   * @returns Empty if there is nothing on this machine that it could match.
   * @throws {PatternError} It is not of the kind's language, or could never match anywhere.
   */
  compile(pattern: string, world: World): Pattern[];
}

/** How links of a path are resolved. */
export interface ResolveOptions {
  /**
   * `"all"`: the action acts on what a link leads to. `"parents"`: it acts on the link itself, as
   * `unlink` and `rename` do; only the folders above it are resolved. @default "all"
   */
  readonly follow?: "all" | "parents";
}

/** The Deno permissions that deal in paths. */
export type PathAccess = "read" | "write";

/** A secondary resource that an action names in its params. */
export interface SecondaryResource extends ResolveOptions {
  /** The param that holds it. */
  readonly param: string;
  /** Its kind. */
  readonly kind: KindName;
  /** The action under which it is decided. */
  readonly action: string;
  /** Whether a request without it is invalid. @default false */
  readonly required?: boolean;
}

/** An action that is part of another one. */
export interface ImpliedAction {
  /** Name of the action that is part of it. */
  readonly action: string;
  /** The param with the resource that this part is done to. @default the target */
  readonly param?: string;
}

/** What the gate has to know of an action. `follow` is about links in its target. */
export interface ActionSpec extends ResolveOptions {
  /** Kind of the target. */
  readonly kind: KindName;
  /**
   * `"none"`: carrying it out changes nothing, inside or outside of this machine, so that an action
   * which was never answered needs no record. Any other action is journalled before its provider is
   * called. @default "some"
   */
  readonly effect?: "none" | "some";
  /** For kind `path`: the Deno permissions that carrying it out takes. @default ["read"] */
  readonly access?: readonly PathAccess[];
  /** Defaults of params; they count in constraints. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /**
   * Brings the params into the one form that constraints and the provider see. Gets a private copy.
   *
   * @throws {CanonicalError} There is none: the request is `INVALID`.
   */
  readonly canonicalParams?: (
    params: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>>;
  /**
   * Brings a constraint into the same form.
   *
   * @throws {CanonicalError} There is none.
   */
  readonly canonicalConstraint?: (
    constraint: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>>;
  /** The params that its provider reads, to tell of deny rules on others. @default any */
  readonly params?: readonly string[];
  /** Secondary resources in the params; each is canonicalised and must be allowed too. */
  readonly resources?: readonly SecondaryResource[];
  /**
   * What carrying it out amounts to: a move reads and deletes its source. Each of these actions has to
   * be allowed too, whatever its params would be. @default none
   */
  readonly implies?: readonly ImpliedAction[];
}

/** Actions by name. */
export type ActionTable = Readonly<Record<string, ActionSpec>>;

const UNDECLARED: ActionSpec = { kind: "name" };

/** The specification of an action; one that nobody declares acts on a name. */
export function specOf(actions: ActionTable, action: string): ActionSpec {
  return Object.hasOwn(actions, action) ? actions[action] as ActionSpec : UNDECLARED;
}
