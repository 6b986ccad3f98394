/**
 * What has to hold for the tools of every SDK, shown with the real package against a model that
 * plays a script.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { SubmitFn } from "../../mod.ts";
import type { AdapterOptions } from "../../src/adapters/tool_gate.ts";
import { ScriptedModel, type ScriptStep } from "../../src/testing/mod.ts";
import { CountedGate, toolMessagesOf, TOOLS } from "../agent/counted_gate.ts";

/** One run of an agent of the SDK until it has nothing more to call. */
export interface RunOptions {
  readonly adapter: AdapterOptions;
  readonly baseURL: string;
  readonly stream: boolean;
  readonly signal?: AbortSignal;
}

/** Gives the final text. */
export type RunAgent = (options: RunOptions) => Promise<string>;

/** What a run has left behind. */
export interface Played {
  readonly text: string;
  readonly requests: ScriptedModel["requests"];
  readonly submits: number;
}

/** Plays a script against the gate. */
export async function play(
  run: RunAgent,
  gate: CountedGate,
  script: readonly ScriptStep[],
  { stream = false, signal, ...adapter }:
    & Partial<AdapterOptions>
    & { readonly stream?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Played> {
  await using model = ScriptedModel.start(script);
  let submits = 0;
  const submit: SubmitFn = (request, options) => {
    submits++;
    return gate.kernel.submit(request, options);
  };
  const text = await run({
    adapter: { submit, tools: TOOLS, ...adapter },
    baseURL: model.baseURL,
    stream,
    ...(signal === undefined ? {} : { signal }),
  });
  return { text, requests: model.requests, submits };
}

const call = (name: string, args: unknown) => ({ name, arguments: args });

/** Arguments that a model should not have sent, and what it is told. */
const MISTAKES: readonly (readonly [what: string, args: unknown, told: RegExp])[] = [
  ["a missing argument", {}, /required property "key"/],
  ["an argument of another type", { key: 5 }, /\/key: .*Expected "string"/],
  ["an argument too many", { key: "open/a", more: 1 }, /more/],
  [
    "a whole number beyond 2^53 - 1",
    '{"key": "open/a", "tag": 1234567890123456789}',
    /cannot be kept exactly|Cannot keep all digits/,
  ],
  ["an empty target", { key: "" }, /\/key: expected a string that is not empty/],
  ["a list", "[1]", /expected an? (JSON )?object/],
  ["null", "null", /expected an? (JSON )?object/],
  ["JSON in JSON", JSON.stringify('{"key": "open/a"}'), /expected a JSON object/],
  [
    "what stands for malformed JSON",
    { $malformed: '{"key": "open/a"}' },
    /expected a JSON object/,
  ],
  [
    "what looks like a call",
    { type: "tool_call", name: "get", id: "x", args: { key: "open/a" } },
    /do not fit/,
  ],
];

/**
 * Registers the tests for one SDK.
 *
 * @param name Name of the SDK.
 * @param run Runs an agent of the SDK.
 * @param streams Whether answers are streamed; the tests run once for each value.
 */
export function adapterSuite(
  name: string,
  run: RunAgent,
  streams: readonly boolean[] = [false, true],
): void {
  for (const stream of streams) {
    const how = stream ? "streamed" : "whole";

    Deno.test(`${name}: the calls of ${how} answers are submitted, and their results told`, async () => {
      await using gate = await CountedGate.open();
      gate.value = (key: string) => ({ value: `value of ${key}` });
      const { text, requests, submits } = await play(run, gate, [
        { text: "I look.", calls: [call("get", { key: "open/a", tag: "x" })] },
        { calls: [call("set", { key: "open/b", value: [1, { two: null }] })] },
        { text: "Both are done." },
      ], { stream, agent: "adapted" });
      assertEquals(text, "Both are done.");
      assertEquals(gate.effects, [
        { action: "kv.get", target: "open/a", params: { tag: "x" } },
        { action: "kv.set", target: "open/b", params: { value: [1, { two: null }] } },
      ]);
      assertEquals(toolMessagesOf(requests), [
        { status: "OK", data: { value: "value of open/a" } },
        { status: "OK", data: { value: "value of open/b" } },
      ]);
      assertEquals(requests.map(({ body }) => body.stream === true), [stream, stream, stream]);
      const records = await gate.assertAgreement();
      assertEquals(records.map(({ status, agent }) => [status, agent]), [
        ["OK", "adapted"],
        ["OK", "adapted"],
      ]);
      assertEquals(submits, records.length);
    });

    Deno.test(`${name}: a denial of a ${how} call reaches the model, and is no exception`, async () => {
      await using gate = await CountedGate.open();
      const { text, requests, submits } = await play(run, gate, [
        { calls: [call("get", { key: "open/secret" }), call("get", { key: "closed" })] },
        { text: "A pity" },
      ], { stream });
      assertEquals(text, "A pity");
      const [denied, unnamed] = toolMessagesOf(requests);
      assertEquals(Object.keys(denied ?? {}), ["status", "error", "code"]);
      assertEquals([denied?.status, denied?.code], ["DENIED", "DENY_RULE"]);
      assertStringIncludes(String(denied?.error), "Secrets stay secret");
      assertEquals([unnamed?.status, unnamed?.code], ["DENIED", "NO_RULE"]);
      const told = JSON.stringify(requests.at(-1)?.body);
      for (const other of ["Rather not this", "other-rule", "open/**", "open/elsewhere"]) {
        assertEquals(told.includes(other), false, other);
      }
      assertEquals(gate.effects, []);
      assertEquals((await gate.assertAgreement()).length, submits);
    });
  }

  Deno.test(`${name}: that a call waits for a person reaches the model as it is, and is no exception`, async () => {
    await using gate = await CountedGate.open();
    const error = "not permitted: waiting for a person (question x)";
    const pending = { status: "DENIED", code: "APPROVAL_PENDING", error } as const;
    const script = [{ calls: [call("get", { key: "open/a" })] }, { text: "Later" }];
    const submit: SubmitFn = () => Promise.resolve({ ...pending, details: { question: "x" } });
    const { text, requests } = await play(run, gate, script, { submit });
    assertEquals([text, toolMessagesOf(requests)], ["Later", [pending]]);
  });

  for (const [what, args, expected] of MISTAKES) {
    Deno.test(`${name}: ${what} is answered to the model, recorded as INVALID, and not carried out`, async () => {
      await using gate = await CountedGate.open();
      const { text, requests } = await play(run, gate, [
        { calls: [call("get", args)] },
        { calls: [call("get", { key: "open/a" })] },
        { text: "Mended" },
      ]);
      assertEquals(text, "Mended");
      const [told] = toolMessagesOf(requests);
      assertEquals([told?.status, told?.code], ["ERROR", "INVALID_REQUEST"]);
      assert(expected.test(String(told?.error)), String(told?.error));
      assertEquals(gate.effects.length, 1);
      const records = await gate.assertAgreement();
      assertEquals(records.map(({ status }) => status), ["INVALID", "OK"]);
    });
  }

  Deno.test(`${name}: malformed JSON is answered to the model, recorded as INVALID, and not carried out`, async () => {
    await using gate = await CountedGate.open();
    const { text, requests } = await play(run, gate, [
      { calls: [call("get", '{"key": "open/a"'), call("get", { key: "open/b" })] },
      { text: "Mended" },
    ]);
    assertEquals(text, "Mended");
    const told = toolMessagesOf(requests);
    const wrong = told.find(({ status }) => status === "ERROR");
    assertEquals(wrong?.code, "INVALID_REQUEST");
    assertStringIncludes(String(wrong?.error), "malformed JSON");
    assertEquals(told.length, 2);
    assertEquals(gate.effects.map(({ target }) => target), ["open/b"]);
    const records = await gate.assertAgreement();
    assertEquals(records.map(({ status }) => status).sort(), ["INVALID", "OK"]);
  });

  Deno.test(`${name}: the JSON Schema reaches the model as it is`, async () => {
    await using gate = await CountedGate.open();
    const { requests } = await play(run, gate, [{ text: "Hello" }]);
    const told = requests[0]?.body.tools?.map((one) => {
      const { name, description, parameters } = one.function;
      assert((one.function as { strict?: boolean }).strict !== true);
      return { name, description, parameters };
    });
    assertEquals(
      told,
      TOOLS.map(({ name, description, parameters }) => ({
        name,
        description,
        parameters: parameters as unknown,
      })),
    );
  });

  Deno.test(`${name}: calls of one answer run at the same time, and are answered in their order`, async () => {
    await using gate = await CountedGate.open();
    const both = Promise.withResolvers<void>();
    gate.value = async (key: string) => {
      // None of the two is done before both have begun.
      if (gate.effects.length === 2) both.resolve();
      await both.promise;
      return key;
    };
    const { requests } = await play(run, gate, [
      { calls: [call("get", { key: "open/a" }), call("get", { key: "open/b" })] },
      { text: "Done" },
    ]);
    assertEquals(toolMessagesOf(requests).map(({ data }) => data), ["open/a", "open/b"]);
    await gate.assertAgreement();
  });

  Deno.test(`${name}: an abort ends the run while a call is under way, which stays on record`, async () => {
    await using gate = await CountedGate.open();
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    gate.value = async () => {
      begun.resolve();
      await release.promise;
      return "late";
    };
    const controller = new AbortController();
    await using model = ScriptedModel.start([
      { calls: [call("get", { key: "open/a" })] },
      { text: "Never asked for" },
    ]);
    const submitted: ReturnType<SubmitFn>[] = [];
    const running = run({
      adapter: {
        submit: (request, options) => {
          const result = gate.kernel.submit(request, options);
          submitted.push(result);
          return result;
        },
        tools: TOOLS,
      },
      baseURL: model.baseURL,
      stream: false,
      signal: controller.signal,
    });
    const rejected = assertRejects(() => running);
    await Promise.race([begun.promise, rejected]);
    controller.abort();
    await rejected;
    assertEquals(model.requests.length, 1);
    release.resolve();
    assertEquals((await Promise.all(submitted)).map(({ status }) => status), ["OK"]);
    const records = await gate.assertAgreement();
    assertEquals(records.map(({ status }) => status), ["OK"]);
  });

  Deno.test(`${name}: a run that is aborted before it begins submits nothing`, async () => {
    await using gate = await CountedGate.open();
    await assertRejects(() =>
      play(run, gate, [{ calls: [call("get", { key: "open/a" })] }, { text: "Done" }], {
        signal: AbortSignal.abort(),
      })
    );
    assertEquals([gate.effects, await gate.records()], [[], []]);
  });

  Deno.test(`${name}: a long result is cut, with a note`, async () => {
    await using gate = await CountedGate.open();
    gate.value = "x".repeat(10_000);
    const { requests } = await play(run, gate, [
      { calls: [call("get", { key: "open/a" })] },
      { text: "Done" },
    ], { maxResultChars: 500 });
    const [told] = toolMessagesOf(requests);
    assertEquals(told?.status, "OK");
    assertStringIncludes(String(told?.note), "of 10000 characters");
    assert(JSON.stringify(told).length <= 500);
  });
}
