/**
 * The client of a gateway as a provider: what a server asks of its client is an action like any other, decided and
 * recorded, and carried out by that client.
 *
 * @module
 */
import { DeniedError, ProviderError } from "../worker/provider_error.ts";
import { Provider } from "../worker/provider.ts";
import type { Stage } from "../stages/stage.ts";
import { whyNotAsked } from "./elicitation.ts";

/** Asks a client. */
export type AskClient = (asked: {
  readonly action: string;
  readonly server: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}) => Promise<unknown>;

/** Options of {@linkcode clientProvider}. */
export interface ClientProviderOptions {
  /** Folders of a gateway, which no action may read or change. @default none */
  readonly stores?: readonly string[];
}

/** A user may think for a while. */
const DEADLINE_MS = 600_000;
/** The key under which a stage hands on which client is asked. */
const CLIENT = "mcp_client";

const clients = new Map<string, AskClient>();

/**
 * The provider of `mcp.sample`, `mcp.elicit` and `mcp.roots`, in this process, where the clients are.
 *
 * Only a request with the stage of an {@linkcode askableClient} has a client; without, it fails with `NO_CLIENT`.
 */
export function clientProvider({ stores = [] }: ClientProviderOptions = {}): Provider {
  return new Provider({
    stores,
    name: "mcp-client",
    isolation: "none",
    deadlineMs: DEADLINE_MS,
    actions: { "mcp.sample": {}, "mcp.elicit": {}, "mcp.roots": {} },
    async execute({ action, target: server, params, preparation }, { signal }) {
      const ask = clients.get(String(preparation?.[CLIENT]));
      if (ask === undefined) {
        throw new ProviderError("NO_CLIENT", `There is no client that ${action} could be asked of`);
      }
      const why = action === "mcp.elicit" ? whyNotAsked(params) : undefined;
      // INVARIANT: no rule lets a server ask for a password.
      if (why !== undefined) throw new DeniedError("ELICITATION_REFUSED", `not permitted: ${why}`);
      return await ask({ action, server, params, signal });
    },
  });
}

/** A client that can be asked, until it is disposed of. */
export function askableClient(ask: AskClient): Disposable & { readonly stage: Stage } {
  const id = crypto.randomUUID();
  clients.set(id, ask);
  return {
    // Beside the request, so that none can name a client.
    stage: { name: CLIENT, enter: () => ({ preparation: { [CLIENT]: id } }) },
    [Symbol.dispose]: () => void clients.delete(id),
  };
}
