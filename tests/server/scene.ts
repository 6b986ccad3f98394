/**
 * A resident kernel in this process, and a client that holds every answer against the description of the API.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type Schema, Validator } from "@cfworker/json-schema";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ReversibleActionLayer, SnapshotStore } from "@agent-kernel/kernel/reversible";
import type { KernelOptions } from "@agent-kernel/kernel";
import { fsTools } from "../../src/agent/toolsets.ts";
import { ApprovalInbox } from "../../src/approval/inbox.ts";
import { agentToolProvider } from "../../src/hooks/provider.ts";
import { limitRows, shownRow } from "../../src/limits/limit_rows.ts";
import { readLedger } from "../../src/limits/ledger_file.ts";
import { explainedJson, explainRequest } from "../../src/policy_tools/explained_request.ts";
import { resolveOptions } from "../../src/resolve.ts";
import { makeServerFolder } from "../../src/server/folder.ts";
import { describeApi, type ResidentOptions, ResidentServer } from "../../src/server/resident.ts";
import { shownAddress } from "../../src/server/listen_address.ts";
import { TokenFile, tokenFileOf } from "../../src/server/tokens.ts";
import { SYSTEM_TIMER } from "../../src/system_timer.ts";
import { hookScene } from "../hooks/scene.ts";
import type { Workspace } from "../workspace.ts";

/** The user of the tests: asking the system takes a permission that they do not have. */
export function ownerOf({ root }: Workspace): number | null {
  return Deno.statSync(root).uid;
}

/** A resident kernel over the folder `w` of a workspace, on loopback too, with a token for each role. */
export async function servedScene(ws: Workspace, more: Partial<ResidentOptions> = {}) {
  const folder = ws.path("kernel.log.server");
  makeServerFolder(folder);
  const socket = `${folder}/kernel.sock`;
  const root = ws.folder("w");
  const options: KernelOptions = {
    policy: {
      limits: [{ action: "fs.stat", calls: "3/day" }],
      capabilities: [
        {
          id: "asked",
          action: "fs.write",
          resource: `${root}/asked/**`,
          approval: { timeout: "10m", approvers: ["boss"] },
        },
        { id: "files", action: "fs.*", resource: [root, `${root}/**`] },
        { id: "tools", action: "agent.tool", resource: "{TodoWrite,Task}" },
      ],
      deny: [{ id: "secret", action: "fs.*", resource: `${root}/**/.env` }],
    },
    providers: [
      new FilesystemProvider({ snapshots: ws.path("snapshots") }),
      agentToolProvider(folder, []),
    ],
    logPath: ws.path("kernel.log"),
    limits: { path: ws.path("limits") },
    approvals: { path: ws.path("inbox") },
    onWarning: () => {},
  };
  const { kernel, desk, logPath, payload } = await hookScene(ws, options);
  const store = SnapshotStore.open({ folder: ws.path("snapshots") });
  const layer = new ReversibleActionLayer({ kernel, store });
  const resolved = resolveOptions(options);
  const inbox = new ApprovalInbox(ws.path("inbox"));
  const warnings: string[] = [];
  const tokens = new TokenFile(tokenFileOf(socket));
  const now = new Date();
  const token = {
    alice: tokens.add("alice", { agents: ["claude"], now }),
    bob: tokens.add("bob", { agents: ["gemini"], now }),
    eve: tokens.add("eve", { roles: ["look"], now }),
    boss: tokens.add("boss", { roles: ["approve"], now }),
  };
  const parts: ResidentOptions = {
    kernel: {
      submit: (request, more) => layer.submit(request, more),
      permit: (request, more) => kernel.permit(request, more),
      report: (id, report) => kernel.report(id, report),
    },
    hooks: desk,
    ...{ inbox, logPath, undo: { layer, store } },
    status: () => ({ policy: kernel.policy.digest, pid: 1, log: logPath, actions: ["fs.read"] }),
    explain: (request) => explainedJson(explainRequest(request, resolved)),
    limits: (agent) => {
      const usage = readLedger(ws.path("limits"), Date.now())?.usage ?? [];
      return limitRows(usage, { limits: resolved.policy.limits, agent }).map(shownRow);
    },
    tools: () => Promise.resolve(fsTools()),
    clock: () => new Date(),
    timer: SYSTEM_TIMER,
    onWarning: (line) => warnings.push(line),
    listen: { hostname: "127.0.0.1", port: 0 },
    ...more,
  };
  const server = await ResidentServer.open(socket, parts);
  const address = server.address === undefined ? "" : shownAddress(server.address);
  const stop = async () => {
    await server[Symbol.asyncDispose]();
    await kernel.close();
    store[Symbol.dispose]();
  };
  return {
    ...{ root, kernel, layer, inbox, logPath, payload, socket, server, warnings, tokens, token },
    options: parts,
    ...{ address, url: `http://${address}`, client: new ApiClient(`http://${address}`), stop },
    [Symbol.asyncDispose]: stop,
  };
}

/** What a request to the API is. */
export interface ApiRequest {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

// deno-lint-ignore no-explicit-any -- answers whose form the description is compared with
type Body = any;

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>
  >;
}

const DESCRIPTION = describeApi() as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Schema;
};

/** Sends requests, and holds each answer against the description: its status, its type, its schema. */
export class ApiClient {
  readonly #url: string;
  /** The operations that were answered with success, `METHOD path`. */
  readonly succeeded = new Set<string>();

  constructor(url: string) {
    this.#url = url;
  }

  /** All operations of the description, `METHOD path`. */
  static get operations(): string[] {
    return Object.entries(DESCRIPTION.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    );
  }

  /** @returns The status and the JSON of the answer. */
  async call(method: string, path: string, request: ApiRequest = {}) {
    const answer = await this.open(method, path, request);
    const text = await answer.text();
    const body: Body = text === "" ? undefined : JSON.parse(text);
    this.#check(method, path, answer, body);
    return { status: answer.status, body, headers: answer.headers };
  }

  /** The same without reading the body, for streams. */
  async open(method: string, path: string, { token, body, headers }: ApiRequest = {}) {
    const answer = await fetch(this.#url + path, {
      method,
      headers: {
        ...token === undefined ? {} : { authorization: `Bearer ${token}` },
        ...method === "POST" ? { "content-type": "application/json" } : {},
        ...headers,
      },
      ...body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) },
    });
    const isStream = answer.headers.get("content-type") === "text/event-stream";
    if (isStream) this.#check(method, path, answer, undefined);
    return answer;
  }

  #check(method: string, path: string, answer: Response, body: unknown): void {
    const { status } = answer;
    const [plain = ""] = path.split("?");
    const found = Object.keys(DESCRIPTION.paths).filter((one) => fits(one, plain));
    if (found.length === 0) {
      assert(status >= 400, `${method} ${path} is served, and not described`);
      return;
    }
    // A literal segment goes first.
    const [template = ""] = found.sort((a, b) => a.split("{").length - b.split("{").length);
    const operation = found.map((one) => DESCRIPTION.paths[one]?.[method.toLowerCase()])
      .find((one) => one !== undefined);
    const name = `${method} ${template}`;
    if (operation === undefined) {
      assertEquals([400, 401, 403, 405, 415, 421, 429].includes(status), true, `${name} ${status}`);
      return;
    }
    const described = operation.responses[status];
    assert(described !== undefined, `${name}: status ${status} is not described`);
    if (status < 300) this.succeeded.add(name);
    if (body === undefined && described.content === undefined) return;
    const type = answer.headers.get("content-type") ?? "";
    const content = described.content?.[type];
    // A session of MCP ends with an empty answer.
    if (type === "" && body === undefined) return;
    assert(content !== undefined, `${name}: type "${type}" is not described`);
    if (body === undefined) return;
    const { components } = DESCRIPTION;
    const schema = { ...content.schema, components } as unknown as Schema;
    const { valid, errors } = new Validator(schema, "2020-12", false).validate(body);
    const why = errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`);
    assert(valid, `${name} ${status}: ${why.join("; ")}: ${JSON.stringify(body)}`);
  }
}

function fits(template: string, path: string): boolean {
  const pattern = template.replaceAll(".", "\\.").replaceAll(/\{[a-z]+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(path);
}

/** The events of a stream, until enough have come; then it is ended. */
export async function eventsOf(
  answer: Response,
  count: number,
): Promise<{ event: string; id: string; data: Body }[]> {
  const events: { event: string; id: string; data: Body }[] = [];
  const reader = (answer.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (events.length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
      if (field("event") === "") continue; // A comment.
      events.push({ event: field("event"), id: field("id"), data: JSON.parse(field("data")) });
    }
  }
  await reader.cancel();
  return events;
}
