/**
 * What every provider has to do right, as tests.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { ActionRequest, ActionResult } from "../core/action.ts";
import { readAuditLog } from "../log/reader.ts";
import type { AuditRecord } from "../core/record/record.ts";
import { Kernel } from "../open.ts";
import { needsOf, resolveOptions } from "../resolve.ts";
import { workerPermissions } from "../core/isolation/worker_permissions.ts";
import type { PermissionSet } from "../core/isolation/permission_set.ts";
import type { Provider, ProviderLimits } from "../worker/provider.ts";

/** A test of the suite that does not fit a provider. */
export interface SkippedTest {
  /** Its name, without the name of the provider. */
  readonly test: string;
  /** Why. */
  readonly reason: string;
}

/** Describes a provider to its tests. */
export interface ProviderTestOptions {
  /** Makes the provider, with these limits. */
  readonly provider: (limits: ProviderLimits) => Provider;
  /** A policy, as an object, under which `works` and `fails` are allowed and `denied` is not. */
  readonly policy: object;
  /** A request that succeeds, every time anew. */
  readonly works: ActionRequest;
  /** A request that is allowed and that the provider answers with an error. */
  readonly fails: ActionRequest;
  /** A request that the policy denies. */
  readonly denied: ActionRequest;
  /** A request whose result holds more than 64 bytes. */
  readonly large: ActionRequest;
  /** A request that would take longer than 100 ms. */
  readonly slow?: ActionRequest;
  /** All that the provider's Worker may do under the policy, literally. */
  readonly permissions: Partial<PermissionSet>;
  /** Folder for the audit logs. @default a new temporary folder */
  readonly folder?: string;
  /** Tests that do not fit, each with its reason. @default [] */
  readonly skip?: readonly SkippedTest[];
}

/**
 * Registers the conformance tests of a provider with `Deno.test`.
 *
 * @example
 * ```ts ignore
 * import { testProvider } from "@agent-kernel/kernel/testing";
 * import { EchoProvider } from "./echo_provider.ts";
 *
 * testProvider({
 *   provider: (limits) => new EchoProvider(limits),
 *   policy: { capabilities: [{ action: "echo.say", resource: "friend/**" }] },
 *   works: { action: "echo.say", target: "friend/bob", params: { text: "hello" } },
 *   fails: { action: "echo.say", target: "friend/bob", params: { text: 7 } },
 *   denied: { action: "echo.say", target: "stranger" },
 *   large: { action: "echo.say", target: "friend/bob", params: { text: "x".repeat(100) } },
 *   permissions: {},
 *   skip: [{ test: "ends a call at its deadline", reason: "it answers at once" }],
 * });
 * ```
 */
export function testProvider(options: ProviderTestOptions): void {
  const { name } = options.provider({});
  for (const [test, check] of Object.entries(TESTS)) {
    const skipped = options.skip?.find((entry) => entry.test === test);
    Deno.test({
      name: `provider "${name}" ${test}${
        skipped === undefined ? "" : ` (skipped: ${skipped.reason})`
      }`,
      ignore: skipped !== undefined,
      fn: () => check(options),
    });
  }
}

const TESTS: Readonly<Record<string, (options: ProviderTestOptions) => void | Promise<void>>> = {
  async "carries out what the policy allows, with one record"(options) {
    await withKernel(options, {}, async (submit) => {
      assertEquals((await submit(options.works)).status, "OK");
      return ["OK"];
    });
  },

  async "is not called for what the policy denies"(options) {
    await withKernel(options, {}, async (submit) => {
      assertEquals((await submit(options.denied)).status, "DENIED");
      return ["DENIED"];
    });
  },

  async "answers a failure with an error and a code"(options) {
    await withKernel(options, {}, async (submit) => {
      const { status, error, code } = await submit(options.fails);
      assertEquals(status, "ERROR");
      assert(error, "Expected an error message");
      assert(/^[A-Z][A-Z0-9_]*$/.test(code ?? ""), `Expected a code, got ${code}`);
      return ["FAILED"];
    });
  },

  async "works on after a failure"(options) {
    await withKernel(options, {}, async (submit) => {
      await submit(options.fails);
      assertEquals((await submit(options.works)).status, "OK");
      return ["FAILED", "OK"];
    });
  },

  async "answers each of many concurrent calls"(options) {
    await withKernel(options, {}, async (submit) => {
      const requests = Array.from(
        { length: 64 },
        (_, i) => i % 2 === 0 ? options.works : options.denied,
      );
      const results = await Promise.all(requests.map(submit));
      assertEquals(
        results.map(({ status }) => status),
        requests.map((one) => one === options.works ? "OK" : "DENIED"),
      );
      return undefined;
    });
  },

  async "keeps its result within the bound"(options) {
    await withKernel(options, { maxOutputBytes: 64 }, async (submit) => {
      const { status, code, truncated } = await submit(options.large);
      assert(
        status === "OK" ? truncated === true : code === "RESULT_INVALID",
        `Expected a cut result or RESULT_INVALID, got ${status} ${code}`,
      );
      return undefined;
    });
  },

  async "ends a call at its deadline"(options) {
    const { slow } = options;
    assert(slow, 'Expected a request "slow", or this test among "skip"');
    await withKernel(options, { deadlineMs: 100 }, async (submit) => {
      const { status, code } = await submit(slow);
      assertEquals({ status, code }, { status: "ERROR", code: "DEADLINE_EXCEEDED" });
      return ["FAILED"];
    });
  },

  "can be reached through the kernel only"(options) {
    const provider = options.provider({});
    for (let at: object = provider; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
      const members = Object.getOwnPropertyNames(at).filter((key) => key !== "constructor");
      const callable = members.filter((key) =>
        typeof (provider as unknown as Record<string, unknown>)[key] === "function"
      );
      assertEquals(callable, []);
    }
  },

  "gets the permissions that the policy implies, and no more"(options) {
    const provider = options.provider({});
    const { policy, byAction } = resolveOptions({
      policy: options.policy,
      providers: [provider],
      logPath: "/nowhere/kernel.log",
    });
    const found = workerPermissions(policy, needsOf(provider, byAction));
    assertEquals(found, { read: [], write: [], net: [], run: [], ...options.permissions });
  },
};

/** Runs submits on a fresh kernel and holds the records against the expected statuses. */
async function withKernel(
  { provider, policy, folder }: ProviderTestOptions,
  limits: ProviderLimits,
  body: (
    submit: (request: ActionRequest) => Promise<ActionResult>,
  ) => Promise<string[] | undefined>,
): Promise<void> {
  const logs = Deno.makeTempDirSync(folder === undefined ? {} : { dir: folder });
  const logPath = `${logs}/kernel.log`;
  let submits = 0;
  let expected: string[] | undefined;
  {
    await using kernel = await Kernel.open({
      policy,
      providers: [provider(limits)],
      logPath,
      onWarning: () => {},
    });
    expected = await body((request) => {
      submits++;
      return kernel.submit(request);
    });
  }
  const records: AuditRecord[] = [];
  for await (const line of readAuditLog(logPath)) {
    assert("record" in line, "Expected no damaged line");
    records.push(line.record);
  }
  assertEquals(records.length, submits, "Expected one record for each submit");
  if (expected !== undefined) assertEquals(records.map(({ status }) => status as string), expected);
  Deno.removeSync(logs, { recursive: true });
}
