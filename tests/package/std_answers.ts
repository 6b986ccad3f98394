/**
 * What `@std/yaml`, `@std/path`, `@std/streams` and `@std/assert` answer to the inputs of
 * `std_answers.json`. Run as a program it prints that table with the answers of those that are
 * imported: without the line "links" in `deno.json` these are the real ones.
 *
 *     deno run --allow-read=. tests/package/std_answers.ts | deno fmt --ext=json -
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  basename,
  dirname,
  fromFileUrl,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
  toFileUrl,
} from "@std/path";
import { TextLineStream } from "@std/streams";
import { parse } from "@std/yaml";

/** An answer: what came back, or the class of what was thrown. */
export type Answer = { readonly is: unknown } | { readonly error: string };

/** A text and what `parse()` makes of it, alone and as a value in a policy. */
export type YamlRow = { readonly text: string; readonly inPolicy?: Answer } & Answer;

/** A call of a function of `@std/path`. */
export type PathRow = { readonly call: string; readonly args: readonly string[] } & Answer;

/** Chunks, and the lines that `TextLineStream` makes of them. */
export type StreamRow = { readonly chunks: readonly string[] } & Answer;

/** The file `std_answers.json`. */
export interface Table {
  /** Which packages answered. */
  readonly sources: Readonly<Record<string, string>>;
  /** Options of `parse()`. */
  readonly options: { readonly schema: "core" };
  readonly yaml: readonly YamlRow[];
  readonly path: readonly PathRow[];
  readonly streams: readonly StreamRow[];
  /** Names of {@linkcode VALUES} that `assertEquals()` holds to be equal, but for each and itself. */
  readonly equal: readonly (readonly [string, string])[];
  /** By name of {@linkcode ASSERTIONS}. */
  readonly assertions: Readonly<Record<string, string>>;
}

/** The table's file. */
export const TABLE = new URL("std_answers.json", import.meta.url);

/** What `parse()` answers; shared values are written out, what JSON has not is written as `$…`. */
export function yamlAnswer(text: string): Answer {
  return answer(() => plain(parse(text, { schema: "core" })));
}

/** The text as a value in a policy. */
export function inPolicy(text: string): string {
  const indented = text.split(/(?<=\n|\r(?!\n))/).map((line) => `        ${line}`).join("");
  return `capabilities:\n  - action: mcp.call\n    resource: s/t\n    constraint:\n      arguments.a:\n${indented}\n`;
}

/** What `parse()` answers to the text in a policy if it reads the text as alone. */
export function wrapped(answer: Answer): Answer {
  if (!("is" in answer)) return answer;
  const rule = { action: "mcp.call", resource: "s/t", constraint: { "arguments.a": answer.is } };
  return { is: { capabilities: [rule] } };
}

/** What a function of `@std/path` answers. `file:` texts are given as URLs, and URLs come back as texts. */
export function pathAnswer(call: string, args: readonly string[]): Answer {
  return answer(() => {
    const found: unknown = PATH[call]?.(...args);
    return found instanceof URL ? found.href : found;
  });
}

/** The lines of chunks. */
export async function streamAnswer(chunks: readonly string[]): Promise<Answer> {
  const lines: string[] = [];
  for await (const line of ReadableStream.from(chunks).pipeThrough(new TextLineStream())) {
    lines.push(line);
  }
  return { is: lines };
}

/** Whether `assertEquals()` holds two of {@linkcode VALUES} to be equal. */
export function isEqual(left: string, right: string): boolean {
  try {
    assertEquals<unknown>(VALUES[left]?.(), VALUES[right]?.());
    return true;
  } catch {
    return false;
  }
}

/** How an assertion ends: the class of what it throws, or "holds". */
export async function assertionAnswer(name: string): Promise<string> {
  try {
    await ASSERTIONS[name]?.();
    return "holds";
  } catch (error) {
    return error instanceof Error ? error.constructor.name : typeof error;
  }
}

function answer(make: () => unknown): Answer {
  try {
    return { is: make() };
  } catch (error) {
    return { error: error instanceof Error ? error.constructor.name : typeof error };
  }
}

function plain(value: unknown, around: readonly unknown[] = []): unknown {
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return `$${Object.is(value, -0) ? "-0" : value}`;
  }
  if (value === undefined || typeof value === "bigint") return `$${value}`;
  if (typeof value === "string" && !value.isWellFormed()) return `$${JSON.stringify(value)}`;
  if (typeof value !== "object" || value === null) return value;
  if (around.includes(value)) return "$cycle";
  const inside = [...around, value];
  if (Array.isArray(value)) return value.map((item) => plain(item, inside));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return `$${value.constructor.name}`;
  const entries = Object.entries(value).map(([key, inner]) => [key, plain(inner, inside)] as const);
  return Object.fromEntries(entries);
}

// deno-lint-ignore no-explicit-any -- functions of different parameters, called with texts
const PATH: Readonly<Record<string, (...args: any[]) => unknown>> = {
  basename,
  dirname,
  fromFileUrl,
  "fromFileUrl of a URL": (url: string) => fromFileUrl(new URL(url)),
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
  toFileUrl,
};

class Sample {
  readonly a = 1;
}

/** Values to compare, each made anew. */
export const VALUES: Readonly<Record<string, () => unknown>> = {
  "undefined": () => undefined,
  "null": () => null,
  "0": () => 0,
  "-0": () => -0,
  "1": () => 1,
  "1n": () => 1n,
  '"1"': () => "1",
  '""': () => "",
  "true": () => true,
  "NaN": () => NaN,
  "[]": () => [],
  "[undefined]": () => [undefined],
  "[,]": () => new Array(1),
  "[null]": () => [null],
  "[0]": () => [0],
  "[-0]": () => [-0],
  "[1, 2]": () => [1, 2],
  "[2, 1]": () => [2, 1],
  "Uint8Array [1, 2]": () => new Uint8Array([1, 2]),
  "Uint16Array [1, 2]": () => new Uint16Array([1, 2]),
  "{}": () => ({}),
  "{} without prototype": () => Object.create(null),
  "{ a: 1 }": () => ({ a: 1 }),
  "{ a: 1 } without prototype": () => Object.assign(Object.create(null), { a: 1 }),
  "{ a: 1n }": () => ({ a: 1n }),
  "{ a: -0 }": () => ({ a: -0 }),
  "{ a: 0 }": () => ({ a: 0 }),
  "{ a: undefined }": () => ({ a: undefined }),
  "{ b: undefined }": () => ({ b: undefined }),
  "{ a: 1, b: 2 }": () => ({ a: 1, b: 2 }),
  "{ b: 2, a: 1 }": () => ({ b: 2, a: 1 }),
  "{ a: 1, b: undefined }": () => ({ a: 1, b: undefined }),
  "{ 0: 1, 1: 2 }": () => ({ 0: 1, 1: 2 }),
  "{ a: [{}] }": () => ({ a: [{}] }),
  "{ a: [{} without prototype] }": () => ({ a: [Object.create(null)] }),
  "{ [Symbol.for('a')]: 1 }": () => ({ [Symbol.for("a")]: 1 }),
  "a Sample": () => new Sample(),
  "Map { 'a' => 1, 'b' => 2 }": () => new Map([["a", 1], ["b", 2]]),
  "Map { 'b' => 2, 'a' => 1 }": () => new Map([["b", 2], ["a", 1]]),
  "Map { {} => 1 }": () => new Map([[{}, 1]]),
  "Set { 1, 2 }": () => new Set([1, 2]),
  "Set { 2, 1 }": () => new Set([2, 1]),
  "Set { {} }": () => new Set([{}]),
  "Date 0": () => new Date(0),
  "Date 1": () => new Date(1),
  "/a/": () => /a/,
  "/a/g": () => /a/g,
  "URL of a": () => new URL("http://a/"),
  "URL of b": () => new URL("http://b/"),
  "Error a": () => new Error("a"),
  "Error b": () => new Error("b"),
  "TypeError a": () => new TypeError("a"),
};

const thrower = (value: unknown) => () => {
  throw value;
};
const rejecter = (value: unknown) => () => Promise.reject(value);
// deno-lint-ignore no-explicit-any -- what is not a promise, for a function that wants one
const noPromise = (): any => 1;
/** What has the properties of an error, and is none. */
const LIKE_ERROR = { name: "Error", message: "a", stack: "" };
/** Something with a method `then` that rejects. */
const thenable = <T extends object>(target: T): T & PromiseLike<never> =>
  Object.assign(target, {
    then: (_done: unknown, failed: (reason: unknown) => void) => failed(new Error("a")),
  }) as T & PromiseLike<never>;

/** Assertions, each of which holds or does not. */
export const ASSERTIONS: Readonly<Record<string, () => unknown>> = {
  "assert of true": () => assert(true),
  "assert of 0": () => assert(0),
  "assert of an empty text": () => assert(""),
  "assert of an object": () => assert({}),
  "assertNotEquals of equal objects": () => assertNotEquals({ a: 1 }, { a: 1 }),
  "assertNotEquals of other objects": () => assertNotEquals({ a: 1 }, { a: 2 }),
  "assertNotEquals of 0 and -0": () => assertNotEquals(0, -0),
  "assertNotEquals of NaN": () => assertNotEquals(NaN, NaN),
  "assertStringIncludes of a part": () => assertStringIncludes("abc", "b"),
  "assertStringIncludes of nothing": () => assertStringIncludes("abc", ""),
  "assertStringIncludes of something else": () => assertStringIncludes("abc", "B"),
  "assertMatch of a match": () => assertMatch("abc", /b/),
  "assertMatch of none": () => assertMatch("abc", /^b/),
  "assertMatch of a second match": () => {
    const expression = /b/g;
    assertMatch("ab", expression);
    assertMatch("ab", expression);
  },
  "assertInstanceOf of its class": () => assertInstanceOf(new Date(), Date),
  "assertInstanceOf of a superclass": () => assertInstanceOf(new TypeError(), Error),
  "assertInstanceOf of a subclass": () => assertInstanceOf(new Error(), TypeError),
  "assertInstanceOf of null": () => assertInstanceOf(null, Object),
  "assertThrows without an error": () => assertThrows(() => {}),
  "assertThrows with an error": () => assertThrows(thrower(new Error("a"))),
  "assertThrows with a text": () => assertThrows(thrower("a")),
  "assertThrows with a text for a class": () => assertThrows(thrower("a"), Error),
  "assertThrows with undefined": () => assertThrows(thrower(undefined)),
  "assertThrows of a superclass": () => assertThrows(thrower(new TypeError("a")), Error),
  "assertThrows of another class": () => assertThrows(thrower(new Error("a")), TypeError),
  "assertThrows of a part": () => assertThrows(thrower(new Error("abc")), Error, "b"),
  "assertThrows of nothing": () => assertThrows(thrower(new Error("abc")), Error, ""),
  "assertThrows of another text": () => assertThrows(thrower(new Error("abc")), Error, "d"),
  "assertThrows of colours": () => assertThrows(thrower(new Error("a\x1b[1mb")), Error, "ab"),
  "assertThrows of a rejection": () => assertThrows(() => Promise.resolve()),
  "assertThrows with an object like an error": () => assertThrows(thrower(LIKE_ERROR), Error),
  "assertThrows with a text, and a message": () => assertThrows(thrower("a"), "why"),
  "assertThrows without an error, with a message": () => assertThrows(() => {}, "why"),
  "assertThrows of another text, with a message": () =>
    assertThrows(thrower(new Error("abc")), Error, "d", "why"),
  "assertThrows of colours on both sides": () =>
    assertThrows(thrower(new Error("a\x1b[1mb")), Error, "\x1b[31ma\x1b[39mb"),
  "assertThrows gives what was thrown": () => assert(assertThrows(thrower("a")) === "a"),
  "assertRejects without an error": () => assertRejects(() => Promise.resolve()),
  "assertRejects with an error": () => assertRejects(rejecter(new Error("a"))),
  "assertRejects with a text": () => assertRejects(rejecter("a")),
  "assertRejects with a text for a class": () => assertRejects(rejecter("a"), Error),
  "assertRejects of a superclass": () => assertRejects(rejecter(new TypeError("a")), Error),
  "assertRejects of another class": () => assertRejects(rejecter(new Error("a")), TypeError),
  "assertRejects of a part": () => assertRejects(rejecter(new Error("abc")), Error, "b"),
  "assertRejects of another text": () => assertRejects(rejecter(new Error("abc")), Error, "d"),
  "assertRejects of a throw": () => assertRejects(thrower(new Error("a"))),
  "assertRejects of a throw of the class": () => assertRejects(thrower(new Error("a")), Error, "a"),
  "assertRejects of an async throw": () =>
    assertRejects(async () => await thrower(new Error("a"))()),
  "assertRejects of no promise": () => assertRejects(noPromise),
  "assertRejects of a thenable": () => assertRejects(() => thenable({})),
  "assertRejects of a function with then": () => assertRejects(() => thenable(() => {})),
  "assertRejects with undefined": () => assertRejects(rejecter(undefined)),
  "assertRejects with an object like an error": () => assertRejects(rejecter(LIKE_ERROR), Error),
  "assertRejects with a text, and a message": () => assertRejects(rejecter("a"), "why"),
  "assertRejects of another text, with a message": () =>
    assertRejects(rejecter(new Error("abc")), Error, "d", "why"),
  "assertRejects gives what was thrown": async () =>
    assert(await assertRejects(rejecter("a")) === "a"),
};

/** Writes the table anew with the answers of the imported packages. */
async function answered(table: Table): Promise<Table> {
  const names = Object.keys(VALUES);
  const pairs = names.flatMap((left, i) =>
    names.slice(i + 1).map((right) => [left, right] as const)
  );
  return {
    sources: table.sources,
    options: table.options,
    yaml: table.yaml.map(({ text }) => {
      const alone = yamlAnswer(text);
      const within = yamlAnswer(inPolicy(text));
      const isSame = JSON.stringify(within) === JSON.stringify(wrapped(alone));
      return { text, ...alone, ...(isSame ? {} : { inPolicy: within }) };
    }),
    path: table.path.map(({ call, args }) => ({ call, args, ...pathAnswer(call, args) })),
    streams: await Promise.all(
      table.streams.map(async ({ chunks }) => ({ chunks, ...await streamAnswer(chunks) })),
    ),
    equal: pairs.filter(([left, right]) => isEqual(left, right)),
    assertions: Object.fromEntries(
      await Promise.all(
        Object.keys(ASSERTIONS).map(async (name) => [name, await assertionAnswer(name)] as const),
      ),
    ),
  };
}

if (import.meta.main) {
  console.log(JSON.stringify(await answered(JSON.parse(Deno.readTextFileSync(TABLE))), null, 2));
}
