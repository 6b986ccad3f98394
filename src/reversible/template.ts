/**
 * Templates with placeholders like `{{data.id}}`, filled so that values stay data (no injection).
 *
 * @module
 */
import { digitsOf, inexactIn, parseExactly } from "./exact_number.ts";

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;
const PATH = /^(target|agent|params|data)((?:\.[\w-]+)*)$/;

/** What is known of an action. */
export type Known = Readonly<Record<string, unknown>>;

/**
 * The paths that the placeholders of a template name, for example `data.id`.
 *
 * @throws {SyntaxError} A placeholder has another form.
 */
export function placeholdersOf(template: unknown): string[] {
  if (typeof template === "string") {
    return Array.from(template.matchAll(PLACEHOLDER), ([whole, path = ""]) => {
      if (PATH.test(path)) return path;
      throw new SyntaxError(
        `Cannot use the placeholder "${whole}", expected target, agent, params.… or data.…`,
      );
    });
  }
  if (template === null || typeof template !== "object") return [];
  return Object.values(template).flatMap(placeholdersOf);
}

/**
 * The value at a path; own properties only. A string on the way is read as JSON, because the body of an
 * answer is one. A number in it keeps its digits, see `exact_number.ts`.
 *
 * @returns `undefined` if there is none.
 */
export function valueAt(known: Known, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => {
    const inside = typeof value === "string" ? parsed(value) : value;
    const there = inside !== null && typeof inside === "object" && Object.hasOwn(inside, name);
    return there ? (inside as Known)[name] : undefined;
  }, known);
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined; // Safe: a string that is not JSON has nothing inside.
  }
}

/**
 * Fills a template for params. A string that is one placeholder becomes the value with its type; within a
 * string, scalars are inserted.
 *
 * @param values By path.
 * @throws {Error} A value is missing, cannot be inserted, or holds a number that is not exact.
 */
export function fill(template: unknown, values: Known): unknown {
  if (typeof template === "string") {
    const whole = /^\{\{\s*([^{}]*?)\s*\}\}$/.exec(template)?.[1];
    if (whole !== undefined) return exactValue(values, whole);
    return template.replace(PLACEHOLDER, (_, path: string) => scalar(values, path));
  }
  if (Array.isArray(template)) return template.map((item) => fill(item, values));
  if (template === null || typeof template !== "object") return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, item]) => [key, fill(item, values)]),
  );
}

/** The target of the undone action, at the start: it was decided as a whole and is inserted as it is. */
const OWN_TARGET = /^\{\{\s*target\s*\}\}(?=\/|$)/;

/**
 * Fills a template for a target. A value is one segment and cannot become more: in a URL it is
 * percent-encoded, in other targets a slash is refused, and `.` and `..` are refused everywhere.
 *
 * @param values By path.
 * @throws {Error} A value is missing, or would be more than one segment.
 */
export function fillTarget(template: string, values: Known): string {
  const own = OWN_TARGET.exec(template)?.[0] ?? "";
  const start = own === "" ? "" : scalar(values, "target");
  const rest = template.slice(own.length);
  const isUrl = /^https?:/i.test(own === "" ? rest : start);
  if (isUrl && rest !== "" && start.includes("?")) {
    throw new Error(`Nothing can be added to a target with a query: ${JSON.stringify(start)}`);
  }
  return start + rest.replace(PLACEHOLDER, (_, path: string) => segment(path, values, isUrl));
}

function segment(path: string, values: Known, isUrl: boolean): string {
  const value = scalar(values, path);
  // deno-lint-ignore no-control-regex -- control characters are what it is about
  if (value === "" || value === "." || value === ".." || /[\u0000-\u001f\u007f]/.test(value)) {
    throw new Error(`The value of "${path}" cannot stand in a target: ${JSON.stringify(value)}`);
  }
  if (isUrl) return encodeURIComponent(value);
  if (!/[/\\]/.test(value)) return value;
  throw new Error(`The value of "${path}" would lead elsewhere: ${JSON.stringify(value)}`);
}

/**
 * Checks that no value can lead to another host.
 *
 * @throws {SyntaxError} A placeholder stands where it could.
 */
export function checkTargetTemplate(template: string): void {
  placeholdersOf(template);
  const origin = /^https?:\/\/[^/?#]*/i.exec(template)?.[0] ?? "";
  if (OWN_TARGET.test(template)) return;
  if (template.startsWith("{{") || origin.includes("{{")) {
    throw new SyntaxError(
      `Cannot use the target "${template}": expected placeholders after the host, or {{target}} at the start`,
    );
  }
}

/** INVARIANT: a number that was rounded, or may have been, is not used. */
function exactValue(values: Known, path: string): unknown {
  const value = requiredValue(values, path);
  const inexact = inexactIn(value);
  if (inexact === undefined) return value;
  throw new Error(`"${path}" holds ${inexact}, a number beyond what JavaScript keeps exactly`);
}

function requiredValue(values: Known, path: string): unknown {
  if (Object.hasOwn(values, path) && values[path] !== undefined) return values[path];
  throw new Error(`there is no "${path}"`);
}

function scalar(values: Known, path: string): string {
  // Within a string the digits themselves are inserted.
  const value = digitsOf(requiredValue(values, path)) ?? exactValue(values, path);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  throw new Error(`"${path}" is neither a string, a number nor a boolean`);
}
