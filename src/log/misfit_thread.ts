/**
 * The thread that compares own hashes; its first message says that it is there.
 *
 * @module
 */
import { firstMisfit } from "./misfit.ts";

interface Scope {
  onmessage: (event: { readonly data: Uint8Array }) => void;
  postMessage(message: number): void;
}

const scope = globalThis as unknown as Scope;
scope.onmessage = ({ data }) => scope.postMessage(firstMisfit(data));
scope.postMessage(0);
