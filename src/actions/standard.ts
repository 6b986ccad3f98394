/**
 * The actions whose meaning this package fixes, and the complete table of a kernel's actions.
 *
 * @module
 */
import type { ActionSpec, ActionTable } from "../core/resource/kind.ts";
import { FS_ACTIONS } from "./fs.ts";
import { HTTP_ACTIONS } from "./http.ts";
import { MCP_ACTIONS } from "./mcp.ts";
import { PROCESS_ACTIONS } from "./process.ts";

/**
 * The actions whose meaning this package fixes, whether their provider is in use or not, so that a
 * policy means the same everywhere.
 */
export const STANDARD_ACTIONS: ActionTable = {
  ...FS_ACTIONS,
  ...HTTP_ACTIONS,
  ...PROCESS_ACTIONS,
  ...MCP_ACTIONS,
};

/** Who carries out actions, as far as their meaning depends on it. */
export interface ActionProvider {
  /** For messages. */
  readonly name: string;
  /** What it declares of each of its actions; `{}` for a standard one. */
  readonly actions: Readonly<Record<string, Partial<ActionSpec>>>;
}

/**
 * All actions of a kernel: the standard ones, and those that its providers declare.
 *
 * @param byAction The provider that carries out each action.
 * @returns `{}` of a provider for a standard action is resolved to its specification.
 * @throws {TypeError} A provider gives a standard action another meaning, or an action no kind.
 */
export function actionTable(byAction: ReadonlyMap<string, ActionProvider>): ActionTable {
  const declared = Array.from(byAction, ([action, { name, actions }]): [string, ActionSpec] => {
    const spec = Object.hasOwn(actions, action) ? actions[action] ?? {} : {};
    const standard = Object.hasOwn(STANDARD_ACTIONS, action) ? STANDARD_ACTIONS[action] : undefined;
    if (standard !== undefined) {
      if (Object.keys(spec).length === 0 || spec === standard) return [action, standard];
      throw new TypeError(
        `Cannot open the kernel: the meaning of "${action}" is fixed, give {} for it in provider "${name}"`,
      );
    }
    // INVARIANT: an action has the kind that the provider declares which carries it out.
    if (spec.kind !== undefined) return [action, spec as ActionSpec];
    throw new TypeError(
      `Cannot open the kernel: action "${action}" of provider "${name}" has no kind, expected path, url, command or name`,
    );
  });
  return { ...STANDARD_ACTIONS, ...Object.fromEntries(declared) };
}
