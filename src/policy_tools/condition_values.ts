/**
 * Values that stand for all values, as far as conditions can tell them apart.
 *
 * @module
 */
import { canonicalJson } from "../core/json.ts";
import { isMapping } from "../core/policy/shape.ts";
import { parseSize } from "../core/policy/size.ts";
import {
  expandBraces,
  insideOnly,
  MANY,
  parseSegment,
  type Step,
} from "../core/resource/pattern.ts";
import { Cover, keyOf } from "./cover.ts";
import { Budget, type Characters, type Grammar, targetsOutside } from "./language.ts";

/** Values of a param. */
export interface Representatives {
  /** `undefined` stands for a missing param. */
  readonly values: readonly unknown[];
  /** Whether no other value is told apart from all of these. */
  readonly complete: boolean;
}

/** What conditions on one value speak of. */
interface Mentioned {
  readonly values: unknown[];
  readonly numbers: number[];
  readonly lengths: number[];
  readonly bytes: number[];
  readonly globs: Glob[];
  readonly lists: (readonly unknown[])[];
  /** Conditions on items and words. */
  readonly items: unknown[];
  readonly options: unknown[];
}

/** A glob with what it allows, and with what it denies further. */
interface Glob {
  readonly inside: readonly Step[];
  readonly all: readonly Step[];
}

/** Longest text that is made to show a bound, in characters. */
const MAX_TEXT = 4 * 1024 * 1024;
/** Most globs of which all combinations are looked at. */
const MAX_GLOBS = 6;
const STATES = 20_000;

const SEGMENT: Characters = {
  prefix: "",
  allows: (character) => character !== "/",
  min: 0,
  without: [".", ".."],
};
const TEXT: Grammar = {
  start: "start",
  accepts: (phase) => phase === "text",
  shapes: {
    start: [{ phase: "text", open: SEGMENT }],
    text: [{ phase: "text", open: SEGMENT }],
  },
};
const OPTION: Grammar = {
  ...TEXT,
  shapes: { ...TEXT.shapes, start: [{ phase: "text", open: { ...SEGMENT, prefix: "-", min: 1 } }] },
};

/**
 * Values for conditions on one param.
 *
 * @param sources The conditions as the policy has them.
 * @returns Complete for equality, lists of values, bounds, globs, the beginning of lists; not for other
 * conditions on items and words, and not for globs together with bounds on the length.
 */
export function representatives(sources: readonly unknown[]): Representatives {
  const mentioned = nothingMentioned();
  for (const source of sources) mention(source, mentioned);
  const texts = textsFor(mentioned, TEXT);
  const lists = listsFor(mentioned);
  return {
    values: distinct([
      ...mentioned.values,
      ...numbersFor(mentioned),
      ...texts.values,
      true,
      false,
      null,
      undefined,
      ...lists.values,
      {},
      { other: 0 },
    ]),
    complete: texts.complete && lists.complete,
  };
}

function mention(source: unknown, into: Mentioned): void {
  if (!isMapping(source)) return equalTo(source, into);
  for (const [operator, operand] of Object.entries(source)) {
    const list: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
    const size = typeof operand === "string"
      ? parseSize(operand) ?? 0
      : typeof operand === "number"
      ? operand
      : 0;
    if (operator === "in") list.forEach((value) => equalTo(value, into));
    else if (operator === "any") list.forEach((one) => mention(one, into));
    else if (operator === "not") mention(operand, into);
    else if (operator === "glob") into.globs.push(...globsOf(operand));
    else if (operator === "prefix") into.lists.push(list);
    else if (operator === "each" || operator === "operands") into.items.push(operand);
    else if (operator === "options") into.options.push(operand);
    else if (operator === "max" || operator === "min") into.numbers.push(size);
    else if (operator === "max_length") into.lengths.push(size);
    else if (operator === "max_bytes") into.bytes.push(size);
  }
}

function equalTo(value: unknown, into: Mentioned): void {
  into.values.push(value);
  if (typeof value === "number") into.numbers.push(value);
  if (Array.isArray(value)) into.lists.push(value);
}

function globsOf(operand: unknown): Glob[] {
  return [operand].flat().filter((text) => typeof text === "string").flatMap(expandBraces)
    .map((text) => {
      const all = text.split("/").map(parseSegment);
      return { inside: insideOnly(all), all };
    });
}

function numbersFor({ numbers }: Mentioned): number[] {
  const sorted = Array.from(new Set(numbers)).sort((a, b) => a - b);
  const [first = 0] = sorted;
  return sorted.flatMap((one, i) => {
    const next = sorted[i + 1] ?? one + 2;
    const between = one + 1 < next ? one + 1 : (one + next) / 2;
    return [one, between];
  }).concat(first - 1);
}

function textsFor(mentioned: Mentioned, grammar: Grammar): Representatives {
  const { globs, lengths, bytes, values } = mentioned;
  const named = values.filter((value) => typeof value === "string");
  const free = freshTexts(named);
  // A text that is named is told apart from others that the same globs match.
  const all = globs.length === 0 ? [] : [...globs, ...named.map(literalGlob)];
  const words = all.length === 0 ? { values: [], complete: true } : wordsOf(all, grammar);
  const sized = [...lengths, ...bytes].flatMap((size) => {
    const count = Math.max(0, Math.floor(size));
    return count >= MAX_TEXT ? [] : [...ofLength(count, named), ...ofLength(count + 1, named)];
  });
  const complete = words.complete &&
    (lengths.length === 0 || bytes.length === 0) &&
    (globs.length === 0 || lengths.length + bytes.length === 0) &&
    [...lengths, ...bytes].every((size) => size < MAX_TEXT);
  return {
    values: ["", ...free, ...words.values, ...globs.length > 0 ? [".."] : [], ...sized],
    complete,
  };
}

/** Texts that are none of these, one in lower and one in upper case. */
function freshTexts(named: readonly string[]): string[] {
  return ["x", "X"].flatMap((start) => {
    for (let i = 0; i <= named.length; i++) {
      const text = i === 0 ? start : `${start}${i}`;
      if (!named.includes(text)) return [text];
    }
    return [];
  });
}

/** A text of so many characters, and of as many bytes, that is none of these. */
function ofLength(count: number, named: readonly string[]): string[] {
  for (let i = 0; i <= named.length && i < 26; i++) {
    const text = String.fromCharCode(97 + (23 + i) % 26).repeat(count);
    if (!named.includes(text)) return [text];
  }
  return [];
}

function literalGlob(text: string): Glob {
  const steps = text.split("/");
  return { inside: steps, all: steps };
}

/** Texts for each way in which globs can match. */
function wordsOf(globs: readonly Glob[], grammar: Grammar): Representatives {
  const unique = Array.from(new Map(globs.map((glob) => [keyOf(glob.all), glob])).values());
  const all = unique.length <= MAX_GLOBS;
  const subsets = all
    ? Array.from(
      { length: 1 << unique.length },
      (_, bits) => unique.filter((_, i) => bits >> i & 1),
    )
    : [[], ...unique.map((one) => [one])];
  const budget = new Budget(STATES);
  const values = subsets.flatMap((subset) => {
    const cover = new Cover<string>();
    for (const { inside, all: full } of unique) {
      if (!subset.some((one) => one.all === full)) cover.insert(inside, keyOf(inside));
      if (full.at(-1) === MANY) cover.insert(full, `? ${keyOf(full)}`);
    }
    const wholes = subset.length === 1 ? subset.map((one) => [one.all]) : [];
    return [subset.map(({ inside }) => inside), ...wholes].flatMap((lefts) =>
      targetsOutside(lefts, cover, { grammar, budget }).map(({ word }) => word.join("/"))
    );
  });
  return { values, complete: all && !budget.spent };
}

const MAX_ITEMS = 12;
const MAX_LIST = 1000;

function listsFor({ lists, lengths, items, options }: Mentioned): Representatives {
  const starts = lists.flatMap((list) =>
    Array.from({ length: list.length + 1 }, (_, count) => list.slice(0, count))
  );
  const bases = distinct([[], ...starts]) as unknown[][];
  const sized = lengths.filter((size) => size < MAX_LIST).flatMap((size) => {
    const count = Math.max(0, Math.floor(size));
    return [Array(count).fill("x"), Array(count + 1).fill("x")];
  });
  const single = items.length === 0 ? [] : representatives(items).values;
  const optionWords = options.length === 0
    ? []
    : textsFor({ ...nothingMentioned(), globs: options.flatMap(globsOf) }, OPTION).values
      .filter((word) => typeof word === "string" && word.startsWith("-"))
      .concat("-x", "--other");
  const named = lists.flat().filter((item) => typeof item === "string");
  const numbers = lists.flat().filter((item) => typeof item === "number");
  const further = distinct([
    ...single.filter((value) => value !== undefined),
    ...optionWords,
    ...freshTexts(named),
    Math.max(0, ...numbers) + 1,
  ]);
  const some = further.slice(0, MAX_ITEMS);
  const longer = bases.flatMap((base) => further.map((item) => [...base, item]));
  const pairs = items.length + options.length === 0
    ? []
    : bases.slice(0, 4).flatMap((base) => some.flatMap((a) => some.map((b) => [...base, a, b])));
  return {
    values: [...bases, ...longer, ...sized, ...pairs],
    complete: items.length + options.length === 0 && (lists.length === 0 || lengths.length === 0) &&
      lengths.every((size) => size < MAX_LIST),
  };
}

function nothingMentioned(): Mentioned {
  return {
    values: [],
    numbers: [],
    lengths: [],
    bytes: [],
    globs: [],
    lists: [],
    items: [],
    options: [],
  };
}

function distinct(values: readonly unknown[]): unknown[] {
  return Array.from(
    new Map(values.map((value) => [value === undefined ? "" : canonicalJson(value), value]))
      .values(),
  );
}

/**
 * Whether a condition certainly holds where another one does. Looks at their form alone.
 *
 * @returns `false` also where it cannot be told.
 */
export function implies(given: unknown, wanted: unknown): boolean {
  if (same(given, wanted)) return true;
  // In another form, or in none, something else is compared.
  if (isMapping(given) && isMapping(wanted) && !same(given["as"], wanted["as"])) return false;
  if (!isMapping(wanted)) {
    return isMapping(given) && oneOf(given["in"], (all) => all.every((one) => same(one, wanted)));
  }
  // All operators of what is wanted have to hold.
  return Object.entries(wanted).every(([operator, operand]) =>
    isMapping(given)
      ? Object.entries(given).some(([own, value]) =>
        operatorImplies([own, value], [operator, operand])
      )
      : operator === "in" && oneOf(operand, (all) => all.some((one) => same(one, given)))
  );
}

function oneOf(list: unknown, test: (list: readonly unknown[]) => boolean): boolean {
  return Array.isArray(list) && test(list);
}

function operatorImplies(
  [own, value]: readonly [string, unknown],
  [operator, operand]: readonly [string, unknown],
): boolean {
  if (own !== operator) return false;
  if (same(value, operand)) return true;
  switch (operator) {
    case "in":
      return oneOf(
        value,
        (own) => oneOf(operand, (all) => own.every((one) => all.some((other) => same(one, other)))),
      );
    case "from": {
      const sources = [operand].flat();
      return [value].flat().every((one) => sources.some((other) => same(one, other)));
    }
    case "links":
      return value === "none";
    case "min_length":
      return Number(value) >= Number(operand);
    case "glob":
    case "options":
      return globImplies(value, operand);
    case "each":
    case "operands":
      return implies(value, operand);
    case "prefix":
      return oneOf(
        value,
        (own) => oneOf(operand, (start) => start.every((one, i) => same(one, own[i]))),
      );
    default:
      return false;
  }
}

function globImplies(given: unknown, wanted: unknown): boolean {
  const cover = new Cover<true>();
  for (const { inside } of globsOf(wanted)) cover.insert(inside, true);
  const budget = new Budget(STATES);
  const isWanted = (values: readonly true[]) => values.length === 0;
  return globsOf(given).every(({ inside }) =>
    targetsOutside([inside], cover, { grammar: TEXT, isWanted, budget }).length === 0
  ) && !budget.spent;
}

function same(a: unknown, b: unknown): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b));
}
