/**
 * The kinds of resource, and the actions whose kinds are fixed.
 *
 * @module
 */
import { COMMAND } from "./command.ts";
import type { ActionTable, KindName, ResourceKind } from "./kind.ts";
import { NAME } from "./name.ts";
import { httpConstraint, httpParams, mcpParams } from "./params.ts";
import { PATH } from "./path.ts";
import { URL_KIND } from "./url.ts";

/** Every resource kind by name. */
export const KINDS: Readonly<Record<KindName, ResourceKind>> = {
  path: PATH,
  url: URL_KIND,
  command: COMMAND,
  name: NAME,
};

const CHANGE = ["read", "write"] as const;

/**
 * The actions whose meaning this package fixes, whether their provider is in use or not, so that a
 * policy means the same everywhere. What changes a file also reads it (links are checked, a write
 * goes through a temporary file), which Deno wants `read` for.
 */
export const STANDARD_ACTIONS: ActionTable = {
  "fs.read": {
    kind: "path",
    defaults: { encoding: "utf-8" },
    params: ["encoding", "offset", "length", "max_bytes"],
  },
  "fs.list": { kind: "path", params: [] },
  "fs.stat": { kind: "path", params: [] },
  "fs.write": {
    kind: "path",
    access: CHANGE,
    defaults: { encoding: "utf-8" },
    params: ["content", "encoding", "restore"],
  },
  "fs.delete": { kind: "path", access: CHANGE, params: [] },
  "fs.mkdir": { kind: "path", access: CHANGE, params: ["restore"] },
  "fs.move": {
    kind: "path",
    access: CHANGE,
    resources: [{ param: "to", kind: "path", action: "fs.move", required: true }],
    params: ["to", "overwrite"],
  },
  "net.http": {
    kind: "url",
    defaults: { method: "GET" },
    canonicalParams: httpParams,
    canonicalConstraint: httpConstraint,
    params: ["method", "headers", "body", "encoding", "timeout", "follow_redirects", "max_bytes"],
  },
  "proc.exec": {
    kind: "command",
    defaults: { args: [], timeout: 30 },
    resources: [{ param: "cwd", kind: "path", action: "fs.read" }],
    params: ["args", "cwd", "stdin", "timeout", "encoding"],
  },
  "mcp.call": { kind: "name", canonicalParams: mcpParams, params: ["arguments"] },
  "mcp.list": { kind: "name", params: ["pin"] },
};
