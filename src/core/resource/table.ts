/**
 * The kinds of resource by name.
 *
 * @module
 */
import { COMMAND } from "./command.ts";
import type { KindName, ResourceKind } from "./kind.ts";
import { NAME } from "./name.ts";
import { PATH } from "./path.ts";
import { URL_KIND } from "./url.ts";

/** Every resource kind by name. */
export const KINDS: Readonly<Record<KindName, ResourceKind>> = {
  path: PATH,
  url: URL_KIND,
  command: COMMAND,
  name: NAME,
};
