/**
 * What is known of a shell between two commands: the folders it may be in, and its variables.
 *
 * @module
 */
import { Refusal } from "./refusal.ts";

/** A folder that the shell may be in. */
export interface Place {
  /** Absolute, without `.`, `..` and doubled slashes. */
  readonly path: string;
  /**
   * How many of its last names the line itself went into: only these can be left with `..`, since the
   * shell takes them off its own `$PWD`, and for the rest that may be another name of the folder.
   */
  readonly own: number;
}

/** What is known before a command. */
export interface State {
  /** At least one; where `cd` may have failed, both. */
  readonly places: readonly Place[];
  /** What the line has assigned; `undefined`: one of several values. */
  readonly variables: ReadonlyMap<string, string | undefined>;
}

/** The states after a command that succeeded, and that failed; without a state, that cannot be. */
export interface Outcome {
  readonly ok?: State | undefined;
  readonly failed?: State | undefined;
}

const MAX_PLACES = 8;

/** A command that may succeed or fail, and changes nothing. */
export function either(state: State | undefined): Outcome {
  return { ok: state, failed: state };
}

/** A state that covers both. */
export function join(a: State | undefined, b: State | undefined): State | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  const places = new Map(a.places.map((place) => [place.path, place]));
  for (const place of b.places) {
    const known = places.get(place.path);
    places.set(place.path, known && known.own < place.own ? known : place);
  }
  if (places.size > MAX_PLACES) {
    throw new Refusal(
      "After this many cd it cannot be known in which folder the next command runs",
      "Join them with &&, or name files by absolute paths",
    );
  }
  const variables = new Map<string, string | undefined>();
  for (const name of new Set([...a.variables.keys(), ...b.variables.keys()])) {
    const value = a.variables.get(name);
    variables.set(name, value === b.variables.get(name) ? value : undefined);
  }
  return { places: Array.from(places.values()), variables };
}

/** What comes next whether a command succeeded or failed. */
export function after({ ok, failed }: Outcome): State | undefined {
  return join(ok, failed);
}

/** Whether two states say the same. */
export function same(a: State | undefined, b: State | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.places.length === b.places.length && a.variables.size === b.variables.size &&
    a.places.every(({ path, own }) =>
      b.places.some((one) => one.path === path && one.own === own)
    ) &&
    Array.from(a.variables).every(([name, value]) =>
      b.variables.has(name) && b.variables.get(name) === value
    );
}

/** The state with a variable set; `undefined`: to what cannot be known. */
export function assigned(state: State, name: string, value: string | undefined): State {
  return { ...state, variables: new Map(state.variables).set(name, value) };
}
