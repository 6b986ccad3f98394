import { assert, assertEquals } from "@std/assert";
import { executeCall, type ExecuteOptions } from "../../src/worker/execute.ts";
import type { ProviderContext } from "../../src/worker/mod.ts";

const REQUEST = { action: "test.do", target: "x", params: {} };

function options(controller = new AbortController()): ExecuteOptions {
  return {
    config: { a: 1 },
    files: { readable: [], writable: [], denied: [] },
    network: false,
    hosts: [],
    maxOutputBytes: 100,
    decide: () => Promise.reject(new Error("not asked")),
    warn: () => {},
    onClose: () => {},
    signal: () => controller.signal,
  };
}

Deno.test("executeCall() answers at once if the function does", () => {
  assertEquals(executeCall(() => 1, REQUEST, options()), { ok: true, data: 1, truncated: false });
});

Deno.test("executeCall() waits for promises, also for those of other libraries", async () => {
  const thenable = { then: (resolve: (value: string) => void) => resolve("done") };
  for (const promise of [Promise.resolve("done"), thenable]) {
    const answer = executeCall(() => promise, REQUEST, options());
    assert(answer instanceof Promise);
    assertEquals(await answer, { ok: true, data: "done", truncated: false });
  }
});

Deno.test('executeCall() answers with the failure of an object whose "then" throws', () => {
  const hostile = {
    get then() {
      throw new Error("no");
    },
  };
  const answer = executeCall(() => hostile, REQUEST, options());
  assertEquals(answer, { ok: false, code: "PROVIDER_ERROR", error: "no" });
});

Deno.test("a context has the signal of its own call, and no accessor of its own", () => {
  const first = new AbortController();
  const seen: ProviderContext[] = [];
  for (const controller of [first, new AbortController()]) {
    executeCall((_, context) => void seen.push(context), REQUEST, options(controller));
  }
  first.abort();
  assertEquals(seen.map(({ signal }) => signal.aborted), [true, false]);
  // For an accessor V8 would make a hidden class per context, and keep what the call refers to.
  for (const context of seen) {
    const own = Object.values(Object.getOwnPropertyDescriptors(context));
    assertEquals(own.filter(({ get }) => get !== undefined), []);
  }
});

const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();
const thrown: readonly [what: string, value: unknown][] = [
  ["an object without a prototype", Object.create(null)],
  ["a revoked proxy", revoked],
  [
    "an error whose message throws",
    Object.defineProperty(new Error(), "message", {
      get() {
        throw 1;
      },
    }),
  ],
  ["an object whose toString throws", {
    toString() {
      throw 1;
    },
  }],
];
for (const [what, value] of thrown) {
  Deno.test(`executeCall() answers with a failure when ${what} is thrown, at once or later`, async () => {
    const expected = {
      ok: false,
      code: "PROVIDER_ERROR",
      error: "what was thrown cannot be read",
    } as const;
    const throwing = () => {
      throw value;
    };
    assertEquals(executeCall(throwing, REQUEST, options()), expected);
    assertEquals(await executeCall(() => Promise.reject(value), REQUEST, options()), expected);
  });
}
