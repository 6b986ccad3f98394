/** Stand-in for `jsr:@std/assert` where JSR cannot be reached: the assertions this package uses, over `node:assert`. */
import nodeAssert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";

/** Thrown by every assertion that does not hold. */
export class AssertionError extends Error {
  /** The name of this class. */
  override name = "AssertionError";

  /** Takes the message, and the cause if there is one. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

function run(check: () => void, message?: string): void {
  try {
    check();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new AssertionError(message === undefined ? text : `${message}: ${text}`);
  }
}

/** The expression is truthy. */
export function assert(expr: unknown, message = ""): asserts expr {
  if (!expr) throw new AssertionError(message || "Expected a truthy value");
}
/** Deep equality. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  run(() => nodeAssert.deepStrictEqual(plain(actual), plain(expected)), message);
}
/** Deep inequality. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  run(() => nodeAssert.notDeepStrictEqual(plain(actual), plain(expected)), message);
}
/** The text contains the part. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assert(
    actual.includes(expected),
    `${message ?? ""} Expected "${actual}" to contain "${expected}"`,
  );
}
/** The text matches the expression. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assert(expected.test(actual), `${message ?? ""} Expected "${actual}" to match ${expected}`);
}
/** The value is of the class. */
// deno-lint-ignore no-explicit-any -- the constructor's parameters do not matter, as in the real package
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expected: T,
  message = "",
): asserts actual is InstanceType<T> {
  assert(
    actual instanceof expected,
    `${message} Expected an instance of ${expected.name}, got ${nameOf(actual)}`,
  );
}

// deno-lint-ignore no-explicit-any -- as above
type ErrorClass = abstract new (...args: any[]) => Error;

/** What was thrown is an error of the class with that message; anything will do if no class is given. */
function check(
  thrown: unknown,
  expected: ErrorClass | string | undefined,
  [includes = "", message]: readonly (string | undefined)[],
): unknown {
  if (typeof expected !== "function") return thrown;
  assertInstanceOf(thrown, Error, message);
  assertInstanceOf(thrown, expected, message);
  const text = stripVTControlCharacters(thrown.message);
  assertStringIncludes(text, stripVTControlCharacters(includes), message);
  return thrown;
}

/** What did not happen; the message stands where the class would, or last. */
function missing(
  what: string,
  expected: ErrorClass | string | undefined,
  [, message]: readonly (string | undefined)[],
): AssertionError {
  return new AssertionError(`${typeof expected === "string" ? expected : message ?? ""} ${what}`);
}

/** The function throws anything. */
export function assertThrows(fn: () => unknown, message?: string): unknown;
/** The function throws an error of the class, whose message has that part. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  // deno-lint-ignore no-explicit-any -- as above
  expected: abstract new (...args: any[]) => E,
  includes?: string,
  message?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  expected?: ErrorClass | string,
  ...texts: (string | undefined)[]
): unknown {
  try {
    fn();
  } catch (error) {
    return check(error, expected, texts);
  }
  throw missing("Expected the function to throw", expected, texts);
}

/** The function returns a promise, which rejects with anything. */
export function assertRejects(fn: () => PromiseLike<unknown>, message?: string): Promise<unknown>;
/** The function returns a promise, which rejects with an error of the class, whose message has that part. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any -- as above
  expected: abstract new (...args: any[]) => E,
  includes?: string,
  message?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  expected?: ErrorClass | string,
  ...texts: (string | undefined)[]
): Promise<unknown> {
  const promise = promiseOf(fn);
  if (promise === undefined) {
    throw missing("Expected a promise that rejects, not a throw or a value", expected, texts);
  }
  try {
    await promise;
  } catch (error) {
    return check(error, expected, texts);
  }
  throw missing("Expected the promise to reject", expected, texts);
}

/** What the function returns, if it is a promise and the function does not throw before. */
function promiseOf(fn: () => PromiseLike<unknown>): PromiseLike<unknown> | undefined {
  try {
    const promise = fn();
    return typeof promise === "object" && typeof promise?.then === "function" ? promise : undefined;
  } catch {
    return undefined;
  }
}

/** What a value is, also one that cannot be made a text. */
function nameOf(value: unknown): string {
  return typeof value === "object" && value !== null
    ? value.constructor?.name ?? "an object"
    : String(value);
}

// The real package does not compare prototypes of plain objects, nor the signs of zeros; node:assert does.
function plain(value: unknown): unknown {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(plain);
  if (
    value !== null && typeof value === "object" &&
    [null, Object.prototype].includes(Object.getPrototypeOf(value))
  ) {
    const keys = Reflect.ownKeys({ ...value }) as (keyof typeof value)[];
    return Object.fromEntries(keys.map((key) => [key, plain(value[key])]));
  }
  return value;
}
