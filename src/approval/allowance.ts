/**
 * What a rule lets an agent do before somebody is asked: `after: 3/min`.
 *
 * @module
 */
import type { StagePass } from "../stages/stage.ts";
import type { NeededApproval } from "./needed.ts";

/** The most agents that are counted. */
const MAX_AGENTS = 10_000;

/** Counts in memory, for one kernel. */
export class Allowance {
  /** When what was done, by rule and agent, in milliseconds. */
  readonly #times = new Map<string, number[]>();

  /**
   * Lets a request pass without a question if there is something left.
   *
   * @param agent Who asks.
   * @param now On a clock that never goes back, in milliseconds.
   */
  pass(
    { rules, after }: NeededApproval,
    agent: string | undefined,
    now: number,
  ): StagePass | undefined {
    if (after === undefined) return undefined;
    const key = JSON.stringify([rules, agent]);
    const times = (this.#times.get(key) ?? []).filter((time) => now - time < after.perMs);
    // INVARIANT: whoever invents names of agents is asked, sooner or later.
    const isFull = this.#times.size >= MAX_AGENTS && !this.#times.has(key);
    if (isFull || times.length >= after.count) return undefined;
    times.push(now);
    this.#times.set(key, times);
    return { fields: { method: "after", unasked: times.length } };
  }
}
