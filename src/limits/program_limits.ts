/**
 * Bounds of what each program of a rule uses: read from the policy, handed to whoever runs the program.
 *
 * @module
 */
import type { Stage } from "../stages/stage.ts";
import { isMapping } from "../core/policy/shape.ts";
import { type Report, SIZES, TIMES } from "./notation.ts";

/** Bounds of each program; what is not given is not bounded. */
export interface ResourceLimits {
  /**
   * Address space of each process, in bytes (`RLIMIT_AS`). Programs that reserve more than they use
   * (Node.js, Deno, Java, Go) need some GiB. It bounds no sum over processes; a control group does.
   */
  readonly memory?: number;
  /**
   * Processes and threads at a time (`RLIMIT_NPROC`). In a sandbox those of the program are counted,
   * without one all of the user. Linux does not hold it against root, but in a control group.
   */
  readonly processes?: number;
  /** Size of each file that it writes, in bytes (`RLIMIT_FSIZE`). It bounds no sum over files. */
  readonly fileSize?: number;
  /** Time on a CPU of each process, in seconds (`RLIMIT_CPU`); then SIGKILL. */
  readonly cpuSeconds?: number;
  /** Open files of each process (`RLIMIT_NOFILE`). */
  readonly openFiles?: number;
}

/** The limits of a rule on its programs. */
export interface ProgramLimits {
  readonly values: ResourceLimits;
  /** For people, in the form of the policy: `memory 512MiB`. */
  readonly texts: readonly string[];
}

/** The name under which they are handed to a provider, see {@linkcode Stage} and `preparation`. */
export const PROGRAM_LIMITS = "program_limits";

/** How a key of the policy is read. */
interface Key {
  readonly name: keyof ResourceLimits;
  /** Each in the unit of `name`; the empty one is for a number without unit. */
  readonly units: Readonly<Record<string, bigint>>;
  readonly divisor?: bigint;
  readonly expected: string;
}

const COUNT = { units: {}, expected: "Expected a whole number of 1 or more" };
const SIZE = { units: SIZES, expected: "Expected a size like 512MiB" };
const KEYS: Readonly<Record<string, Key>> = {
  memory: { name: "memory", ...SIZE },
  processes: { name: "processes", ...COUNT },
  file_size: { name: "fileSize", ...SIZE },
  cpu: {
    name: "cpuSeconds",
    units: TIMES,
    divisor: 1000n,
    expected: "Expected a time of whole seconds like 30s",
  },
  open_files: { name: "openFiles", ...COUNT },
};

/** The keys of `limits` of a rule that are about its programs. */
export const PROGRAM_KEYS: readonly string[] = Object.keys(KEYS);

/**
 * Takes the limits on programs out of the `limits` of a rule.
 *
 * @param source As the policy has it.
 * @returns What is left, `undefined` if nothing is; and the limits, `undefined` if there are none.
 */
export function splitProgramLimits(
  source: unknown,
  report: Report,
): { readonly counted: unknown; readonly program: ProgramLimits | undefined } {
  if (!isMapping(source)) return { counted: source, program: undefined };
  const found = Object.entries(source).filter(([key]) => Object.hasOwn(KEYS, key));
  if (found.length === 0) return { counted: source, program: undefined };
  const rest = Object.entries(source).filter(([key]) => !Object.hasOwn(KEYS, key));
  const values: { -readonly [K in keyof ResourceLimits]: number } = {};
  for (const [key, value] of found) {
    const { name, units, divisor = 1n, expected } = KEYS[key] as Key;
    const amount = amountOf(value, units);
    if (amount === undefined || amount % divisor !== 0n) report([key], expected);
    else values[name] = Number(amount / divisor);
  }
  return {
    counted: rest.length === 0 ? undefined : Object.fromEntries(rest),
    program: { values, texts: found.map(([key, value]) => `${key} ${value}`) },
  };
}

/** A whole number of 1 or more, with or without a unit. */
function amountOf(value: unknown, units: Readonly<Record<string, bigint>>): bigint | undefined {
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && value >= 1 ? BigInt(value) : undefined;
  }
  if (typeof value !== "string") return undefined;
  const [, digits = "", unit = ""] = /^(\d{1,15}) ?([A-Za-z]+)$/.exec(value) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  const amount = BigInt(digits) * (factor ?? 0n);
  return amount >= 1n && amount <= BigInt(Number.MAX_SAFE_INTEGER) ? amount : undefined;
}

/**
 * Makes the stage that hands the limits to the provider.
 *
 * @param rules By the id of the rule.
 */
export function programLimitsStage(rules: ReadonlyMap<string, ProgramLimits>): Stage {
  return {
    name: PROGRAM_LIMITS,
    enter(_, { rule }) {
      const limits = rules.get(rule);
      return limits && { preparation: { [PROGRAM_LIMITS]: limits.values } };
    },
  };
}
