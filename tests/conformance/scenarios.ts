/**
 * The scenarios of the official conformance suite (`@modelcontextprotocol/conformance`), and what becomes of them.
 *
 * @module
 */

/** The version that is run. It knows MCP 2025-06-18 and 2025-11-25, the newest that the SDK knows. */
export const SUITE = "npm:@modelcontextprotocol/conformance@0.1.16";

const HTTP =
  "is about the HTTP server in front of the gateway, not about the gateway, which has no transport of its own";
const OAUTH =
  "is about OAuth, which the provider does not speak: who configures a server gives its headers";

/** Each scenario that is not run, with the reason. All others have to pass. */
export const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  "dns-rebinding-protection": HTTP,
  "server-sse-polling": `${HTTP}; it has streams that a server closes to be asked again later`,
  "auth/metadata-default": OAUTH,
  "auth/metadata-var1": OAUTH,
  "auth/metadata-var2": OAUTH,
  "auth/metadata-var3": OAUTH,
  "auth/basic-cimd": OAUTH,
  "auth/scope-from-www-authenticate": OAUTH,
  "auth/scope-from-scopes-supported": OAUTH,
  "auth/scope-omitted-when-undefined": OAUTH,
  "auth/scope-step-up": OAUTH,
  "auth/scope-retry-limit": OAUTH,
  "auth/token-endpoint-auth-basic": OAUTH,
  "auth/token-endpoint-auth-post": OAUTH,
  "auth/token-endpoint-auth-none": OAUTH,
  "auth/pre-registration": OAUTH,
  "auth/2025-03-26-oauth-metadata-backcompat": OAUTH,
  "auth/2025-03-26-oauth-endpoint-fallback": OAUTH,
  "auth/resource-mismatch": OAUTH,
  "auth/offline-access-scope": OAUTH,
  "auth/offline-access-not-supported": OAUTH,
  "auth/client-credentials-jwt": OAUTH,
  "auth/client-credentials-basic": OAUTH,
  "auth/cross-app-access-complete-flow": OAUTH,
};
