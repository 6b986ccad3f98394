/**
 * Everything for writing a provider of your own: one file that describes it and serves it.
 *
 * @example A whole provider
 * ```ts
 * import { Provider, serveProvider } from "@agent-kernel/kernel/provider";
 *
 * export const echo = new Provider({
 *   name: "echo",
 *   module: import.meta.url,
 *   actions: { "echo.say": { kind: "name" } },
 * });
 *
 * serveProvider("echo", ({ target, params }) => ({ to: target, said: params.text ?? null }));
 * ```
 *
 * @module
 */
export {
  deniedBy,
  DeniedError,
  type Execute,
  Provider,
  type ProviderContext,
  ProviderError,
  type ProviderLimits,
  type ProviderOptions,
  type ProviderRequest,
  type Question,
  type Verdict,
} from "../core/isolation/provider.ts";
export { serveProvider } from "./runtime.ts";
export type {
  ActionSpec,
  ActionTable,
  FurtherResource,
  KindName,
  PathAccess,
} from "../core/resource/kind.ts";
export type { DeniedEntry, FileEntry, FileView } from "../launch/file_view.ts";
export type { Grants, PermissionName, PermissionSet } from "../core/isolation/permission_set.ts";
