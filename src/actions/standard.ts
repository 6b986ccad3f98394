/**
 * The actions whose meaning this package fixes.
 *
 * @module
 */
import type { ActionTable } from "../core/resource/kind.ts";
import { httpConstraint, httpParams, mcpParams } from "./params.ts";

const CHANGE = ["read", "write"] as const;

/**
 * The actions whose meaning this package fixes, whether their provider is in use or not, so that a
 * policy means the same everywhere. What changes a file also reads it (links are checked, a write
 * goes through a temporary file), which Deno wants `read` for.
 */
export const STANDARD_ACTIONS: ActionTable = {
  "fs.read": {
    kind: "path",
    effect: "none",
    defaults: { encoding: "utf-8" },
    params: ["encoding", "offset", "length", "max_bytes"],
  },
  "fs.list": { kind: "path", effect: "none", params: [] },
  "fs.stat": { kind: "path", effect: "none", params: [] },
  "fs.write": {
    kind: "path",
    access: CHANGE,
    defaults: { encoding: "utf-8" },
    params: ["content", "encoding", "restore"],
  },
  "fs.delete": { kind: "path", access: CHANGE, follow: "parents", params: [] },
  "fs.mkdir": { kind: "path", access: CHANGE, params: ["restore"] },
  "fs.move": {
    kind: "path",
    access: CHANGE,
    follow: "parents",
    resources: [
      { param: "to", kind: "path", action: "fs.move", required: true, follow: "parents" },
    ],
    implies: [
      { action: "fs.read" },
      { action: "fs.delete" },
      { action: "fs.write", param: "to" },
    ],
    params: ["to", "overwrite"],
  },
  "net.http": {
    kind: "url",
    defaults: { method: "GET" },
    canonicalParams: httpParams,
    canonicalConstraint: httpConstraint,
    params: ["method", "headers", "body", "encoding", "timeout", "follow_redirects", "max_bytes"],
  },
  // A tunnel to a host and port, whatever goes through it. The target is `https://host:port/`.
  "net.connect": { kind: "url", params: [] },
  "proc.exec": {
    kind: "command",
    defaults: { args: [], timeout: 30 },
    resources: [{ param: "cwd", kind: "path", action: "fs.read" }],
    params: ["args", "cwd", "stdin", "timeout", "encoding"],
  },
  "mcp.call": { kind: "name", canonicalParams: mcpParams, params: ["arguments"] },
  "mcp.list": { kind: "name", params: ["pin"] },
};
