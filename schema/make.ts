/**
 * Writes `policy.schema.json`: `deno task schema`.
 *
 * @module
 */
import { policySchema } from "../src/policy_tools/policy_schema.ts";

Deno.writeTextFileSync(
  new URL("policy.schema.json", import.meta.url),
  `${JSON.stringify(policySchema(), null, 2)}\n`,
);
