/**
 * The actions of the file system provider.
 *
 * @module
 */
import type { ActionTable } from "../core/resource/kind.ts";

/**
 * What changes a file also needs `read`: links are checked, and a write goes through a temporary
 * file.
 */
const CHANGE = ["read", "write"] as const;

/** Reading, listing, writing, deleting, making folders, moving. */
export const FS_ACTIONS: ActionTable = {
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
};
