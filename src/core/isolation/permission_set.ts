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
 * A set of Deno permissions: files and folders (with everything inside), `host:port`s, executables.
 * Everything else is refused; `env`, `sys`, `ffi` and `import` always are.
 */
export type PermissionSet = Readonly<Record<PermissionName, Grants>>;

/** No permission at all. */
export const NOTHING: PermissionSet = { read: [], write: [], net: [], run: [] };

/** Everything that is in one of the sets. */
export function union(...sets: readonly Partial<PermissionSet>[]): PermissionSet {
  const all = (name: PermissionName): Grants => {
    const grants = sets.map((set) => set[name] ?? []);
    if (grants.includes(true)) return true;
    const values = Array.from(new Set((grants as string[][]).flat())).sort();
    if (name === "net" || name === "run") return values;
    const named = new Set(values);
    // A folder includes what is inside.
    return values.filter((path) =>
      path === "/" ||
      !path.matchAll(/\//g).some(({ index }) => named.has(path.slice(0, index) || "/"))
    );
  };
  return { read: all("read"), write: all("write"), net: all("net"), run: all("run") };
}

/** Whether the path is inside of the folder, and not the folder itself. */
export function isInside(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

/** The `deno.permissions` of a Worker. `"inherit"` where a denial of the process lies inside. */
export type WorkerPermissions =
  & Record<PermissionName, true | "inherit" | string[]>
  & Record<"env" | "sys" | "ffi" | "import", false>;

/**
 * The `deno.permissions` of a Worker that may do what is in the set.
 *
 * @param inherited Permissions to take over from the process. Deno refuses a Worker whose list contains
 * a path that the process denies; there the Worker takes over the process's list with its denials.
 */
export function toWorkerOptions(
  set: PermissionSet,
  inherited: readonly PermissionName[] = [],
): WorkerPermissions {
  const value = (name: PermissionName): true | "inherit" | string[] =>
    inherited.includes(name) ? "inherit" : set[name] === true ? true : [...set[name]];
  const own = { read: value("read"), write: value("write"), net: value("net"), run: value("run") };
  return { ...own, env: false, sys: false, ffi: false, import: false };
}
