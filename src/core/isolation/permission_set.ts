/**
 * Sets of Deno permissions, as data.
 *
 * @module
 */

/** The Deno permissions that a policy can imply. */
export type PermissionName = "read" | "write" | "net" | "run";

/** All of a permission, or a sorted list of its values. */
export type Grants = true | readonly string[];

/**
 * A set of Deno permissions: files and folders (with what is inside of them), `host:port`s,
 * executables. What is not in it is not permitted; `env`, `sys`, `ffi` and `import` never are.
 */
export type PermissionSet = Readonly<Record<PermissionName, Grants>>;

/** The permissions of a whole process, which unlike those of a Worker can be narrowed by denials. */
export interface ProcessPermissions {
  /** What is granted. */
  readonly allow: PermissionSet;
  /** What is denied although it lies in what is granted. */
  readonly deny: Readonly<Record<"read" | "write" | "net", readonly string[]>>;
}

/** The names of the permissions in the order in which they are shown. */
export const PERMISSION_NAMES: readonly PermissionName[] = ["read", "write", "net", "run"];

/** No permission at all. */
export const NOTHING: PermissionSet = { read: [], write: [], net: [], run: [] };

/** Everything that is in one of the sets. */
export function union(...sets: readonly Partial<PermissionSet>[]): PermissionSet {
  const all = (name: PermissionName): Grants => {
    const grants = sets.map((set) => set[name] ?? []);
    if (grants.includes(true)) return true;
    return Array.from(new Set((grants as string[][]).flat())).sort();
  };
  const paths = (name: PermissionName): Grants => {
    const grants = all(name);
    // A folder includes what is inside of it.
    return grants === true
      ? true
      : grants.filter((path) => !grants.some((other) => isInside(path, other)));
  };
  return { read: paths("read"), write: paths("write"), net: all("net"), run: all("run") };
}

/** Whether the path is inside of the folder, and not the folder itself. */
export function isInside(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
