/**
 * What the servers behind a gateway offer to one client: listed through the gate, and only what the policy could
 * allow.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import {
  PromptSchema,
  ResourceSchema,
  ResourceTemplateSchema,
  type Tool,
  ToolSchema,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import {
  modelName,
  modelTool,
  type OfferedTool,
  offeredTools,
} from "../../providers/mcp/tool_defs.ts";
import { resourceName } from "../../providers/mcp/resource_name.ts";
import type { Changed } from "../../providers/mcp/relay_message.ts";
import type { ActionResult } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import type { Timer } from "../core/timer.ts";
import type { ToolDef } from "../agent/tool_def.ts";
import type { SubmitFn } from "../stages/submit.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import { escape, escapedText } from "../visible_text.ts";
import type { MayAllow } from "./exposure.ts";

/** A kind of list. */
export type ListKind = "tools" | "resources" | "templates" | "prompts";

/** Something that a server offers. */
export interface Offered {
  readonly server: string;
  /** By what a client asks for it: a name, a URI, a template of URIs. */
  readonly key: string;
  /** What the server calls it. */
  readonly ownName: string;
  /** Its name in the policy. */
  readonly target: string;
  /** As a client sees it. */
  readonly shown: Readonly<Record<string, unknown>>;
  /** Of a tool that is called by another name than its own. */
  readonly tool?: ToolDef;
}

/** What a catalogue is made with. */
export interface CatalogueOptions {
  readonly submit: SubmitFn;
  /** The names of the servers. */
  readonly servers: readonly string[];
  /** Who asks; appears in the records. */
  readonly agent?: string | undefined;
  /** Whether tools and prompts have their own names, not `server__name`: for one server. */
  readonly ownNames: boolean;
  readonly mayAllow: MayAllow;
  /** Gets a line for each thing that is left out, once. */
  readonly onWarning: (line: string) => void;
  /** Called when a list is another one than the client was told, or could be told. */
  readonly onChange: (what: Changed) => void;
  readonly timer?: Timer;
}

/** How long a client waits for the list of one server; what comes later is told as a change. */
const PATIENCE_MS = 15_000;
/** Most lists of a server that are asked for because it said that they changed; a call to it adds some again. */
const MAX_RELISTS = 50;
const RELISTS_PER_CALL = 5;
const MAX_WARNINGS = 200;
const MAX_DESCRIPTION = 4096;

const WHAT: Readonly<Record<ListKind, Changed>> = {
  tools: "tools",
  resources: "resources",
  templates: "resources",
  prompts: "prompts",
};
const SCHEMAS = {
  tools: ToolSchema,
  resources: ResourceSchema,
  templates: ResourceTemplateSchema,
  prompts: PromptSchema,
};

interface List {
  offered: Promise<readonly Offered[]>;
  /** The same, once it is there. */
  known?: readonly Offered[];
  /** Set while it is asked for again: whether the server said meanwhile that it changed once more. */
  relisting?: { again: boolean } | undefined;
}

/** The lists of all servers, kept until they change. */
export class Catalogue {
  readonly #options: CatalogueOptions;
  readonly #timer: Timer;
  readonly #lists = new Map<string, List>();
  readonly #relists = new Map<string, number>();
  readonly #warned = new Set<string>();

  constructor(options: CatalogueOptions) {
    this.#options = options;
    this.#timer = options.timer ?? SYSTEM_TIMER;
  }

  /** What all servers offer of a kind. A server that fails, or is slow, is left out. */
  async list(kind: ListKind): Promise<readonly Offered[]> {
    const { servers } = this.#options;
    const lists = await Promise.all(servers.map((server) => this.#inTime(server, kind)));
    return this.#distinct(kind, lists.flat());
  }

  /** What a client means by a name or a URI. */
  async find(kind: ListKind, key: string): Promise<Offered | undefined> {
    // A call of one server does not wait for the list of another.
    const known = this.#options.servers.flatMap((server) =>
      this.#lists.get(`${kind}/${server}`)?.known ?? []
    );
    const same = (offered: Offered) => offered.key === key;
    return this.#distinct(kind, known).find(same) ?? (await this.list(kind)).find(same);
  }

  /** The server that a URI belongs to: it lists it, or has a template for it, or is the only one. */
  async serverOf(uri: string): Promise<string | undefined> {
    const { servers } = this.#options;
    if (servers.length === 1) return servers[0];
    const listed = await this.find("resources", uri);
    if (listed !== undefined) return listed.server;
    const fitting = (await this.list("templates"))
      .map(({ server, key }) => ({ server, prefix: literalPrefix(key) }))
      .filter(({ prefix }) => uri.startsWith(prefix))
      .sort((a, b) => b.prefix.length - a.prefix.length);
    const [best] = fitting;
    const rivals = fitting.filter(({ prefix }) => prefix === best?.prefix);
    return new Set(rivals.map(({ server }) => server)).size === 1 ? best?.server : undefined;
  }

  /** A server was called: it may say again that its lists have changed. */
  called(server: string): void {
    const left = this.#relists.get(server) ?? MAX_RELISTS;
    this.#relists.set(server, Math.min(MAX_RELISTS, left + RELISTS_PER_CALL));
  }

  /** A server says that its lists have changed. They are asked for again, one at a time. */
  async changed(server: string, what: string): Promise<void> {
    const kinds = (Object.keys(WHAT) as ListKind[]).filter((kind) => WHAT[kind] === what);
    await Promise.all(kinds.map((kind) => this.#again(server, kind)));
  }

  /** INVARIANT: of two with one name neither is offered: the client could not say which one it means. */
  #distinct(kind: ListKind, all: readonly Offered[]): Offered[] {
    return Array.from(Map.groupBy(all, ({ key }) => key)).flatMap(([key, same]) => {
      if (same.length === 1) return same;
      const from = same.map(({ server }) => `"${server}"`).join(" and ");
      this.#warn(`${kind} "${escape(key)}" of ${from} are left out: they have the same name`);
      return [];
    });
  }

  async #again(server: string, kind: ListKind): Promise<void> {
    const list = this.#lists.get(`${kind}/${server}`);
    // Who has not asked for it has nothing to be told.
    if (list === undefined) return;
    if (list.relisting !== undefined) return void (list.relisting.again = true);
    const relisting: { again: boolean } = { again: true };
    list.relisting = relisting;
    try {
      while (relisting.again && this.#mayRelist(server)) {
        relisting.again = false;
        const before = await list.offered;
        const now = await this.#ask(server, kind);
        list.offered = Promise.resolve(now);
        list.known = now;
        if (JSON.stringify(shownOf(now)) !== JSON.stringify(shownOf(before))) {
          this.#options.onChange(WHAT[kind]);
        }
      }
    } finally {
      list.relisting = undefined;
    }
  }

  #mayRelist(server: string): boolean {
    const left = this.#relists.get(server) ?? MAX_RELISTS;
    this.#relists.set(server, Math.max(0, left - 1));
    if (left > 0) return true;
    this.#warn(
      `MCP server "${server}" says time and again that its lists change: it is not heard until it is called`,
    );
    return false;
  }

  async #inTime(server: string, kind: ListKind): Promise<readonly Offered[]> {
    const key = `${kind}/${server}`;
    const list = this.#lists.get(key) ?? { offered: this.#ask(server, kind) };
    this.#lists.set(key, list);
    let isLate = false;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const cancel = this.#timer.schedule(() => resolve(undefined), PATIENCE_MS);
    const offered = list.offered.then((offered) => {
      list.known ??= offered;
      if (isLate && offered.length > 0) this.#options.onChange(WHAT[kind]);
      return offered;
    });
    const found = await Promise.race([offered, late]);
    cancel();
    isLate = found === undefined;
    if (isLate) {
      this.#warn(`MCP server "${server}" is slow to list its ${kind}: they may come later`);
    }
    return found ?? [];
  }

  async #ask(server: string, kind: ListKind): Promise<readonly Offered[]> {
    try {
      return await this.#offers(server, kind);
    } catch (error) {
      this.#warn(`No ${kind} of MCP server "${server}": ${escape(messageOf(error))}`);
      // The next time that the client asks, the server is asked again.
      this.#lists.delete(`${kind}/${server}`);
      return [];
    }
  }

  async #offers(server: string, kind: ListKind): Promise<readonly Offered[]> {
    const { submit, agent, mayAllow } = this.#options;
    const result = await submit({
      action: "mcp.list",
      target: server,
      params: kind === "tools" ? {} : { kind },
      ...agent === undefined ? {} : { agent },
    });
    const offered = kind === "tools"
      ? this.#tools(server, result)
      : this.#entries(server, result, kind);
    return offered.filter(({ target, shown, key }) => {
      const isAllowed = kind === "templates"
        ? mayAllow("mcp.read", target, { isPrefix: true })
        : mayAllow(ACTIONS[kind], target);
      const { success } = SCHEMAS[kind].safeParse(shown);
      if (!success) {
        this.#warn(
          `${kind} "${escape(key)}" of "${server}" is left out: it is not of the form of MCP`,
        );
      }
      return isAllowed && success;
    });
  }

  #tools(server: string, result: ActionResult): Offered[] {
    const { ownNames } = this.#options;
    const onWarning = (line: string) => this.#warn(line);
    return offeredTools(server, result, { onWarning }).flatMap((offered) => {
      const { definition, target } = offered;
      const { name: ownName } = definition;
      try {
        const tool = ownNames ? undefined : modelTool(server, offered);
        const key = tool?.name ?? ownName;
        const shown = shownTool(offered, key);
        return [{ server, key, ownName, target, shown, ...tool === undefined ? {} : { tool } }];
      } catch (error) {
        this.#warn(`MCP tool "${target}" is left out: ${escape(messageOf(error))}`);
        return [];
      }
    });
  }

  #entries(server: string, result: ActionResult, kind: Exclude<ListKind, "tools">): Offered[] {
    const { status, data, error = "", code } = result;
    if (status !== "OK") {
      // Whoever is denied the list of tools has been told.
      throw new Error(
        status === "DENIED"
          ? `${error}; needed is a rule {action: mcp.list, resource: ${server}}`
          : `${code}: ${error}`,
      );
    }
    const { [kind]: entries = [], invalid = [] } = data as Record<string, readonly never[]>;
    for (const { name, problem } of invalid as readonly { name: string; problem: string }[]) {
      this.#warn(`${kind} "${name}" of MCP server "${server}" is left out: ${problem}`);
    }
    return (entries as readonly Record<string, string>[]).flatMap((entry) => {
      try {
        return [this.#entry(server, entry, kind)];
      } catch (error) {
        this.#warn(
          `${kind} of MCP server "${server}": one is left out: ${escape(messageOf(error))}`,
        );
        return [];
      }
    });
  }

  #entry(server: string, entry: Readonly<Record<string, string>>, kind: ListKind): Offered {
    const { uri, uriTemplate, name: ownName = "", title, description } = entry;
    const texts = {
      ...title === undefined ? {} : { title: escapedText(title, MAX_DESCRIPTION) },
      ...description === undefined
        ? {}
        : { description: escapedText(description, MAX_DESCRIPTION) },
    };
    if (kind === "prompts") {
      const key = this.#options.ownNames ? ownName : modelName(server, ownName);
      return {
        server,
        key,
        ownName,
        target: `${server}/${ownName}`,
        shown: { ...entry, ...texts, name: key },
      };
    }
    const shown = { ...entry, ...texts, name: escape(ownName) };
    if (uri !== undefined) {
      return { server, key: uri, ownName, target: resourceName(server, uri), shown };
    }
    // Of a template, what comes before the first part that is not literal.
    const template = String(uriTemplate);
    const prefix = literalPrefix(template).replace(/[^/]*$/, "").replace(/\/$/, "");
    const target = /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(prefix)
      ? resourceName(server, prefix)
      : server;
    return { server, key: template, ownName, target, shown };
  }

  #warn(line: string): void {
    if (this.#warned.has(line) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(line);
    this.#options.onWarning(line);
  }
}

const ACTIONS = { tools: "mcp.call", resources: "mcp.read", prompts: "mcp.prompt" } as const;

function shownTool({ definition }: OfferedTool, name: string): Record<string, unknown> {
  const { title, description, inputSchema, outputSchema, annotations } = definition;
  return {
    name,
    ...title === undefined ? {} : { title },
    description,
    inputSchema: inputSchema as Tool["inputSchema"],
    ...outputSchema === undefined ? {} : { outputSchema },
    ...annotations === undefined ? {} : { annotations },
  };
}

function shownOf(offered: readonly Offered[]): unknown {
  return offered.map(({ shown }) => shown);
}

function literalPrefix(template: string): string {
  return template.replace(/\{.*$/s, "");
}
