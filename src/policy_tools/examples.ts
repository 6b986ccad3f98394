/**
 * The examples with which a policy says what it means.
 *
 * @module
 */
import { NotReadableError } from "../core/resource/world.ts";
import { NO_PROVENANCE, type Provenance } from "../provenance/policy.ts";
import {
  isWrittenSession,
  type Rehearsal,
  rehearse,
  SESSION_FORM,
  type WrittenSession,
} from "../provenance/rehearsal.ts";
import { ruledPartsOf } from "../stages/parts.ts";
import { authorizeWithPaths, type PathContext } from "../argument_paths/decision.ts";
import type { AuthorizedRequest } from "../core/policy/authorize.ts";
import type { Decision } from "../core/policy/decide.ts";
import { effectOf, type PolicyWithApprovals } from "./effect.ts";
import type { Problems } from "../core/policy/problem.ts";
import { type Field, isMapping, type Mapping, readMapping } from "../core/policy/shape.ts";

/** What examples are compared with. */
export type ExampleContext = PathContext & PolicyWithApprovals & {
  /** What the policy says of where values come from. @default nothing */
  readonly provenance?: Provenance;
};

/** An example of a policy: a request and the decision that it should get. */
export interface Example {
  readonly action: string;
  readonly target: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly agent?: string;
  readonly expect: "allow" | "deny" | "approve";
  /** The rule that should decide. */
  readonly rule?: string;
  /** The session that the request is a part of. @default none */
  readonly session?: WrittenSession;
}

const EFFECTS = ["allow", "deny", "approve"];
const TEXT: Field<string> = {
  is: (value): value is string => typeof value === "string" && value !== "",
  expected: "Expected a text",
};
const OPTIONAL_TEXT: Field<string> = {
  is: (value): value is string => typeof value === "string",
  expected: "Expected a text",
};
const EXPECTED = "Expected a mapping {action, target, params?, expect, rule?}";
/** The keys of an example. */
export const EXAMPLE = {
  action: TEXT,
  target: TEXT,
  params: { is: isMapping, expected: "Expected a mapping" } satisfies Field<Mapping>,
  agent: OPTIONAL_TEXT,
  expect: {
    is: (value: unknown): value is Example["expect"] => EFFECTS.includes(value as string),
    expected: `Expected one of ${EFFECTS.join(", ")}`,
  },
  rule: OPTIONAL_TEXT,
  session: { is: isMapping, expected: SESSION_FORM } satisfies Field<Mapping>,
};

/**
 * Reads a list of examples.
 *
 * @param source A plain value; nothing counts as an empty list.
 * @param problems Where it is noted what is wrong with it.
 * @returns Those that are right.
 */
export function readExamples(source: unknown, problems: Problems): Example[] {
  if (source === undefined || source === null) return [];
  if (!Array.isArray(source)) {
    problems.add("Expected a list of {action, target, params?, expect, rule?}");
    return [];
  }
  return source.flatMap((item, i) => readExample(item, problems.at(i)) ?? []);
}

function readExample(source: unknown, problems: Problems): Example | undefined {
  const before = problems.found.length;
  const found = readMapping(source, { shape: EXAMPLE, expected: EXPECTED, problems });
  for (const key of ["action", "target", "expect"] as const) {
    if (isMapping(source) && source[key] === undefined) {
      problems.at(key).add(EXAMPLE[key].expected);
    }
  }
  if (found?.session !== undefined) isWrittenSession(found.session, problems.at("session"));
  return problems.found.length === before ? found as Example : undefined;
}

/**
 * Compares examples with what their policy decides, with the code of the gate.
 *
 * @param examples Of the policy.
 * @param context The policy with its approvals, and the machine; its base is that of the policy.
 * @param problems Where it is noted which example does not hold.
 */
export function checkExamples(
  examples: readonly Example[],
  context: ExampleContext,
  problems: Problems,
): void {
  for (const [i, example] of examples.entries()) {
    const wrong = mismatch(example, context);
    if (wrong !== undefined) problems.at(i).add(wrong);
  }
}

/** What is different from what the example expects; `undefined` if it holds. */
export function mismatch(example: Example, context: ExampleContext): string | undefined {
  const authorized = authorizeExample(example, context);
  if (authorized === undefined) return undefined;
  const { decision: { ruleId, reason } } = authorized;
  const effect = effectOf(authorized, { ...context, session: authorized.session });
  const what = `${example.action} on "${example.target}"`;
  if (effect !== example.expect) {
    const why = effect === "approve" ? `${reason}, if somebody says yes` : reason;
    return `Expects ${example.expect} for ${what}, but it is ${effect}: ${why}`;
  }
  // A copy that asks a person is the same rule, for people.
  const isRule = example.rule === ruleId || `${example.rule} (otherwise)` === ruleId;
  if (example.rule === undefined || isRule) return undefined;
  const actual = ruleId === undefined ? "no rule" : `"${ruleId}"`;
  return `Expects rule "${example.rule}" for ${what}, but it is ${actual}`;
}

/**
 * The decision on an example; a target without canonical form counts as denied.
 *
 * @returns `undefined` if this process may not look at the target: the kernel will not open then.
 */
export function decisionOn(example: Example, context: ExampleContext): Decision | undefined {
  return authorizeExample(example, context)?.decision;
}

function authorizeExample(
  example: Example,
  context: ExampleContext,
): (AuthorizedRequest & Pick<Rehearsal, "session">) | undefined {
  const { provenance = NO_PROVENANCE, policy: { actions }, world } = context;
  const { session, refusal } = rehearse(example.session, { provenance, actions, world });
  const authorized = authorizeWithPaths(example, { ...context, session });
  if (authorized.cause instanceof NotReadableError) return undefined;
  return { ...withRefusal(authorized, { ...context, session, refusal }), session };
}

/** A decision together with what the stages of a session would say. */
export function withRefusal(
  authorized: AuthorizedRequest,
  { refusal, ...context }: Pick<PathContext, "policy" | "session"> & Pick<Rehearsal, "refusal">,
): AuthorizedRequest {
  const { request, decision: { effect, ruleId } } = authorized;
  if (effect === "deny" || ruleId === undefined) return authorized;
  const ruled = ruledPartsOf(request, context);
  const refused = ruled.refusal ?? refusal(request, { rule: ruleId, parts: ruled.parts });
  if (refused === undefined) return authorized;
  const { code, refusal: reason } = refused;
  return { ...authorized, decision: { effect: "deny", ruleId, code, reason } };
}
