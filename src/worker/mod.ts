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
export { Provider, type ProviderLimits, type ProviderOptions } from "./provider.ts";
export type { StandardAction } from "./provider.ts";
export type {
  Execute,
  ProviderContext,
  ProviderEnvironment,
  Question,
} from "./provider_context.ts";
export { deniedBy, DeniedError, ProviderError } from "./provider_error.ts";
export { serveProvider } from "./runtime.ts";
export type { ProviderRequest, ResourceDecision } from "../core/isolation/provider_host.ts";
export type { Preparation } from "../core/admission.ts";
export type {
  ActionSpec,
  ActionTable,
  ImpliedAction,
  KindName,
  PathAccess,
  ResolveOptions,
  SecondaryResource,
} from "../core/resource/kind.ts";
export type { Grants, PermissionName, PermissionSet } from "../core/isolation/permission_set.ts";
export type { DeniedEntry, FileEntry, FileView } from "../launch/file_view.ts";
