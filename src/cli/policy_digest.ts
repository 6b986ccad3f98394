/**
 * The digest of a policy that is not loaded.
 *
 * @module
 */
import { canonicalJson } from "../core/json.ts";
import { optional, type Values } from "./command.ts";
import { policyVariables } from "./request_options.ts";

/**
 * The digest by which a resident kernel knows the policy of these options. Whether the text is a policy
 * is not looked at: a kernel that has loaded the same text knows.
 *
 * @returns SHA-256 in hexadecimal digits; `undefined` if only loading the policy can tell, or say what is
 * wrong with it.
 */
export async function policyDigest(values: Values): Promise<string | undefined> {
  const path = optional(values, "policy");
  if (path === undefined) return undefined;
  const variables = policyVariables(values);
  // The same as `readPolicy` takes its digest of.
  const given = Object.keys(variables).length === 0 ? "" : `\0${canonicalJson(variables)}`;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path));
  } catch {
    return undefined; // Not there, not to be read, not UTF-8: loading it says which.
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text + given));
  return new Uint8Array(digest).toHex();
}
