/** Stand-in for `jsr:@std/assert` where JSR cannot be reached: the assertions this package uses, over `node:assert`. */
import nodeAssert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";

/** Thrown by every assertion that does not hold. */
export class AssertionError extends Error {
  /** The name of this class. */
  override name = "AssertionError";
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
export function assertInstanceOf<T>(
  actual: unknown,
  // deno-lint-ignore no-explicit-any -- the constructor's parameters do not matter, as in the real package
  expected: abstract new (...args: any[]) => T,
): asserts actual is T {
  assert(
    actual instanceof expected,
    `Expected an instance of ${expected.name}, got ${String(actual)}`,
  );
}

function check<E extends Error>(
  error: unknown,
  // deno-lint-ignore no-explicit-any -- as above
  expected?: abstract new (...args: any[]) => E,
  includes?: string,
): E {
  if (expected !== undefined) assertInstanceOf(error, expected);
  if (includes !== undefined) {
    assertStringIncludes(
      stripVTControlCharacters((error as Error).message),
      stripVTControlCharacters(includes),
    );
  }
  return error as E;
}

/** The function throws. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  // deno-lint-ignore no-explicit-any -- as above
  expected?: abstract new (...args: any[]) => E,
  includes?: string,
): E {
  try {
    fn();
  } catch (error) {
    return check(error, expected, includes);
  }
  throw new AssertionError("Expected the function to throw");
}
/** The promise rejects. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any -- as above
  expected?: abstract new (...args: any[]) => E,
  includes?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return check(error, expected, includes);
  }
  throw new AssertionError("Expected the promise to reject");
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
