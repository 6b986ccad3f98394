/**
 * What a server has beside tools: resources, templates of resources, prompts.
 *
 * @module
 */
import { copyJson } from "../../src/core/json.ts";
import { messageOf } from "../../src/core/errors.ts";
import { escape } from "../../src/visible_text.ts";
import type { Connection } from "./connection.ts";
import { withExactNumbers } from "./exact_numbers.ts";
import { listed } from "./pages.ts";
import { resourceName } from "./resource_name.ts";
import type { InvalidTool } from "./tool_definition.ts";

/** What `mcp.list` can list beside tools. */
export type ListKind = "resources" | "templates" | "prompts";

/** An entry of a list, checked: it has these strings and what else MCP knows of it. */
export type Listed = Readonly<Record<string, unknown>>;

/** A kind of list. */
interface ListForm {
  readonly method: string;
  /** The capability that a server with it declares. */
  readonly capability: string;
  /** The key of the entries in an answer. */
  readonly what: string;
  /** Strings that an entry has to have. */
  readonly needs: readonly string[];
  /** All that is kept of it. */
  readonly keeps: readonly string[];
}

const DESCRIBED = ["name", "title", "description"];
const FORMS: Readonly<Record<ListKind, ListForm>> = {
  resources: {
    method: "resources/list",
    capability: "resources",
    what: "resources",
    needs: ["uri", "name"],
    keeps: ["uri", ...DESCRIBED, "mimeType", "size", "annotations"],
  },
  templates: {
    method: "resources/templates/list",
    capability: "resources",
    what: "resourceTemplates",
    needs: ["uriTemplate", "name"],
    keeps: ["uriTemplate", ...DESCRIBED, "mimeType", "annotations"],
  },
  prompts: {
    method: "prompts/list",
    capability: "prompts",
    what: "prompts",
    needs: ["name"],
    keeps: [...DESCRIBED, "arguments"],
  },
};

const LIMITS = { depth: 8, nodes: 1000, characters: 64 * 1024 };
const MAX_NAME = 256;

/** Whether a list can be asked for by this name. */
export function isListKind(kind: unknown): kind is ListKind {
  return typeof kind === "string" && Object.hasOwn(FORMS, kind);
}

/**
 * Asks a server for all of its resources, templates or prompts. One that cannot be used is listed as invalid.
 *
 * @throws {ProviderError} The server fails; `PROTOCOL_ERROR`: it is no list, or too long.
 */
export async function listEntries(
  connection: Connection,
  { kind, server, signal }: {
    readonly kind: ListKind;
    readonly server: string;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly entries: readonly Listed[]; readonly invalid: readonly InvalidTool[] }> {
  const form = FORMS[kind];
  const entries: Listed[] = [];
  const invalid: InvalidTool[] = [];
  if (!connection.has(form.capability)) return { entries, invalid };
  for await (const given of listed(connection, { ...form, signal })) {
    try {
      entries.push(checked(withExactNumbers(given, Number), { form, server }));
    } catch (error) {
      const { uri, uriTemplate, name } = Object(given);
      const shown = String(uri ?? uriTemplate ?? name ?? `#${entries.length + invalid.length + 1}`);
      invalid.push({ name: escape(shown.slice(0, MAX_NAME)), problem: escape(messageOf(error)) });
    }
  }
  return { entries, invalid };
}

function checked(
  given: unknown,
  { form, server }: { readonly form: ListForm; readonly server: string },
): Listed {
  const all = Object(given) as Listed;
  const own = form.keeps.flatMap((key) => {
    const value = Object.hasOwn(all, key) ? all[key] : undefined;
    return value === undefined || value === null ? [] : [[key, value] as const];
  });
  const entry = copyJson(Object.fromEntries(own), "entry", LIMITS) as Listed;
  const lacking = form.needs.find((key) => typeof entry[key] !== "string" || entry[key] === "");
  if (lacking !== undefined) throw new TypeError(`expected a string as "${lacking}"`);
  if (String(entry["name"]).length > MAX_NAME) {
    throw new TypeError(`its name has more than ${MAX_NAME} characters`);
  }
  // What has no name in a policy can be neither allowed nor read.
  if (typeof entry["uri"] === "string") resourceName(server, entry["uri"]);
  return entry;
}
