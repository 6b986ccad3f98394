/**
 * The tools of a server now, compared with what was pinned.
 *
 * @module
 */
import { escape } from "../../src/visible_text.ts";
import { isPlain, lookOf } from "./lookalike.ts";
import { digestOf, type ToolDefinition } from "./tool_definition.ts";

/** A tool as it was when it was pinned, by a person or on first use. */
export interface Pin {
  /** Of the definition, see `digestOf`. */
  readonly sha256: string;
  readonly definition: ToolDefinition;
}

/** The pins of a server by the names of the tools. */
export type Pins = ReadonlyMap<string, Pin>;

/**
 * `pinned`: as it was pinned. `new`: not pinned, and without a problem. `changed`: not as it was
 * pinned. `shadowed`: another tool has its name or a name that looks like it, or the name has
 * characters that do not show.
 */
export type ToolState = "pinned" | "new" | "changed" | "shadowed";

/** A tool of a server, and how it compares with its pin. */
export interface ListedTool extends Pin {
  readonly state: ToolState;
  /** What is wrong with it, escaped; empty for `pinned` and `new`. */
  readonly problem: string;
  /** Whether pinning it, together with the tools that look like it, would make it `pinned`. */
  readonly pinnable: boolean;
}

/**
 * Compares the tools of a server with their pins, and with each other.
 *
 * @returns One entry for each name.
 */
export function compareWithPins(tools: readonly ToolDefinition[], pins: Pins): ListedTool[] {
  const byName = Map.groupBy(tools, ({ name }) => name);
  const names = new Set([...byName.keys(), ...pins.keys()]);
  const byLook = Map.groupBy(names, lookOf);
  return Array.from(byName, ([name, [definition, ...doubles]]) => {
    const tool = { sha256: digestOf(definition as ToolDefinition), definition } as Pin;
    const pin = pins.get(name);
    // INVARIANT: of two tools with one name neither is called: the server would choose which.
    if (doubles.length > 0) {
      const problem = `the server has ${doubles.length + 1} of it`;
      return { ...tool, state: "shadowed", problem, pinnable: false };
    }
    const like = (byLook.get(lookOf(name)) ?? []).filter((other) => other !== name);
    // A person who has pinned them all has seen that they look alike.
    const seen = [name, ...like].every((one) => pins.has(one));
    if (like.length > 0 && !seen) {
      const others = like.map((other) => `"${escape(other)}"`).join(", ");
      const problem = `it looks like ${others} of the same server`;
      return { ...tool, state: "shadowed", problem, pinnable: true };
    }
    if (pin === undefined) {
      if (isPlain(name)) return { ...tool, state: "new", problem: "", pinnable: true };
      const problem = "its name has characters that may look like others";
      return { ...tool, state: "shadowed", problem, pinnable: true };
    }
    if (pin.sha256 === tool.sha256) {
      return { ...tool, state: "pinned", problem: "", pinnable: true };
    }
    const problem = difference(pin.definition, tool.definition).join("; ");
    return { ...tool, state: "changed", problem, pinnable: true };
  });
}

const MAX_SHOWN = 80;

/** What differs between two definitions: a short, escaped line for each part. */
export function difference(before: ToolDefinition, now: ToolDefinition): string[] {
  return compare("", before, now);
}

function compare(place: string, before: unknown, now: unknown): string[] {
  if (isObject(before) && isObject(now)) {
    return Array.from(new Set([...Object.keys(before), ...Object.keys(now)])).sort()
      .flatMap((key) =>
        compare(place === "" ? key : `${place}.${key}`, member(before, key), member(now, key))
      );
  }
  const [old, young] = [shown(before), shown(now)];
  if (old === young) return [];
  const where = escape(place.length > MAX_SHOWN ? `${place.slice(0, MAX_SHOWN)}…` : place);
  if (before === undefined) return [`${where} is new: ${piece(young, 0)}`];
  if (now === undefined) return [`${where} is gone, it was ${piece(old, 0)}`];
  // Both are shown from shortly before the first difference.
  let same = 0;
  while (same < Math.min(old.length, young.length) && old[same] === young[same]) same++;
  const start = Math.max(0, same - 20);
  return [`${where} was ${piece(old, start)}, is now ${piece(young, start)}`];
}

function piece(text: string, start: number): string {
  const part = text.slice(start, start + MAX_SHOWN);
  const more = start + MAX_SHOWN < text.length ? "…" : "";
  return escape(`${start > 0 ? "…" : ""}${part}${more}`);
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? "";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function member(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
