/**
 * Lists, pipelines and compound commands: in which order and in which folders commands may run.
 *
 * INVARIANT: a state that is handed on covers every state that the shell can be in at that place. Where
 * two ways lead to one place their states are joined; what cannot be followed is refused.
 *
 * @module
 */
import type {
  For,
  If,
  ParsedScript,
  PipelineNode,
  Statement,
  SyntaxNode,
  While,
} from "npm:unbash@^6.0.4";
import { onlyBash } from "./atoms.ts";
import { checkLookedAt, type Reader, simpleCommand, wordOptions } from "./commands.ts";
import { condition } from "./conditions.ts";
import { treeOf } from "./grammar.ts";
import { deeper, type Flow, type LoopExits, Steps } from "./reading.ts";
import { redirect } from "./redirections.ts";
import { Refusal, shown } from "./refusal.ts";
import { after, assigned, either, join, type Outcome, same, type State } from "./state.ts";
import { checkAssigned } from "./variables.ts";
import { fieldsOf } from "./words.ts";

/** Turns of a loop after which what is known does not settle any more. */
const MAX_TURNS = 8;

/** Reads a line and adds its steps. @throws {Refusal} What it does is not certain. */
export function readLine(
  source: string,
  start: {
    readonly state: State;
    readonly flow: Flow;
    readonly home: string | undefined;
    readonly steps: Steps;
  },
): void {
  const { state, flow, home, steps } = start;
  const reader: Reader = {
    home,
    steps,
    source,
    line(text, { state, flow, posix }) {
      const places = state.places.map(({ path }) => ({ path, own: 0 }));
      readLine(text, {
        state: { places, variables: new Map() },
        flow: deeper(flow, posix),
        home,
        steps,
      });
    },
  };
  const tree: ParsedScript = treeOf(source);
  new Statements(reader).list(tree.commands, state, flow);
}

class Statements {
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  list(statements: readonly Statement[], state: State, flow: Flow): Outcome {
    let outcome: Outcome = either(state);
    let last = state;
    for (const [i, statement] of statements.entries()) {
      const before = after(outcome);
      if (before === undefined) {
        this.#unreached().list(statements.slice(i), last, scratch(flow));
        return {};
      }
      last = before;
      if (statement.background === true) {
        throw new Refusal(
          "A command in the background outlives the call that was decided",
          "Write it without &, or use what the agent has for commands in the background",
        );
      }
      outcome = this.#node(statement.command, before, flow);
    }
    return outcome;
  }

  /**
   * Reads what cannot be reached, and keeps nothing of it.
   *
   * INVARIANT: every word of a line is read by the rules of quoting, so that nothing rests on where the
   * grammar alone believes that a word ends.
   */
  #unreached(): Statements {
    return new Statements({ ...this.#reader, steps: new Steps(this.#reader.steps) });
  }

  #node(node: Statement["command"], state: State, flow: Flow): Outcome {
    if (node.type !== "AndOr") return this.#pipeline(node, state, flow);
    let { ok, failed }: Outcome = either(undefined);
    for (const [i, command] of node.commands.entries()) {
      const operator = node.operators[i - 1];
      const before = i === 0 ? state : operator === "&&" ? ok : failed;
      if (before === undefined) this.#unreached().#pipeline(command, state, scratch(flow));
      const outcome = before === undefined ? {} : this.#pipeline(command, before, flow);
      if (i === 0) ({ ok, failed } = outcome);
      else if (operator === "&&") {
        ok = outcome.ok;
        failed = join(failed, outcome.failed);
      } else if (operator === "||") {
        ok = join(ok, outcome.ok);
        failed = outcome.failed;
      } else throw unknown(node);
    }
    return { ok, failed };
  }

  #pipeline(node: PipelineNode, state: State, flow: Flow): Outcome {
    if (node.type !== "Pipeline") return this.#command(node, state, flow);
    if (flow.posix && node.prefixes.some(({ type }) => type === "Time")) throw onlyBash("time");
    if (flow.posix && node.operators.includes("|&")) throw onlyBash("|&");
    const negated = node.prefixes.filter(({ type }) => type === "Negation").length % 2 === 1;
    const [first, ...others] = node.commands;
    if (first === undefined) throw unknown(node);
    if (others.length === 0) {
      const { ok, failed } = this.#command(first, state, flow);
      return negated ? { ok: failed, failed: ok } : { ok, failed };
    }
    for (const [i, command] of node.commands.entries()) {
      this.#command(command, state, { ...flow, fed: flow.fed || i > 0, loop: undefined });
    }
    return either(state);
  }

  #command(node: SyntaxNode, state: State, flow: Flow): Outcome {
    switch (node.type) {
      case "Command":
        return simpleCommand(node, { reader: this.#reader, state, flow });
      case "Redirected": {
        const options = wordOptions(this.#reader, state, flow);
        const fed = redirect(node.redirects, { ...options, steps: this.#reader.steps }) ?? flow.fed;
        const { ok, failed } = this.#command(node.command, state, { ...flow, fed });
        return { ok, failed: join(failed, state) };
      }
      case "BraceGroup":
        return this.list(node.body.commands, state, flow);
      case "Subshell":
        this.list(node.body.commands, state, { ...flow, loop: undefined });
        return either(state);
      case "If":
        return this.#if(node, state, flow);
      case "While":
        return this.#while(node, state, flow);
      case "For":
        return this.#for(node, state, flow);
      case "Case": {
        checkLookedAt(node.word, this.#reader, state, flow);
        let outcome: Outcome = either(state);
        for (const { pattern, body, terminator } of node.items) {
          if (terminator !== undefined && terminator !== ";;") {
            throw new Refusal(`Not followed is ${shown(terminator)}`, "End each case with ;;");
          }
          for (const word of pattern) checkLookedAt(word, this.#reader, state, flow);
          outcome = both(outcome, this.list(body.commands, state, flow));
        }
        return outcome;
      }
      case "TestCommand":
        if (flow.posix) throw onlyBash("[[");
        condition(node.expression, {
          ...wordOptions(this.#reader, state, flow),
          steps: this.#reader.steps,
        });
        return either(state);
      default:
        throw unknown(node);
    }
  }

  #if(node: If, state: State, flow: Flow): Outcome {
    let outcome: Outcome = {};
    let otherwise: State | undefined = state;
    for (const { clause, then } of [node, ...node.elif]) {
      const reached: boolean = otherwise !== undefined;
      const inside: Flow = reached ? flow : scratch(flow);
      const reader: Statements = reached ? this : this.#unreached();
      const { ok, failed } = reader.list(clause.commands, otherwise ?? state, inside);
      const branch = this.#reached(then.commands, {
        state: reached ? ok : undefined,
        flow,
        else: state,
      });
      outcome = both(outcome, branch);
      otherwise = reached ? failed : undefined;
    }
    if (node.else === undefined) return both(outcome, either(otherwise));
    return both(
      outcome,
      this.#reached(node.else.commands, { state: otherwise, flow, else: state }),
    );
  }

  /** Reads a list that is only reached if there is a state; otherwise it is read apart. */
  #reached(
    statements: readonly Statement[],
    { state, flow, else: otherwise }: {
      readonly state: State | undefined;
      readonly flow: Flow;
      readonly else: State;
    },
  ): Outcome {
    if (state !== undefined) return this.list(statements, state, flow);
    this.#unreached().list(statements, otherwise, scratch(flow));
    return {};
  }

  #while(node: While, state: State, flow: Flow): Outcome {
    let before: State = state;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const exits: LoopExits = {};
      const inside = { ...flow, loop: exits };
      // In a condition Bash takes break and continue for how that has ended.
      const asked = { ...flow, loop: undefined };
      const { ok, failed }: Outcome = this.list(node.clause.commands, before, asked);
      const [on, end]: readonly (State | undefined)[] = node.kind === "while"
        ? [ok, failed]
        : [failed, ok];
      const body = this.#reached(node.body.commands, { state: on, flow: inside, else: before });
      const next: State = join(before, join(after(body), exits.again)) ?? before;
      if (same(next, before)) return either(join(end, exits.left));
      before = next;
    }
    throw new Refusal(
      "In which folder the next turn of a loop runs is not certain",
      "Write (cd FOLDER && COMMAND) in brackets, or no cd in the loop",
    );
  }

  #for(node: For, state: State, flow: Flow): Outcome {
    if (node.wordlist === undefined) throw new Refusal("A loop over nothing", "Write for x in a b");
    const name = node.name.text;
    checkAssigned(name);
    const options = wordOptions(this.#reader, state, flow);
    const values = node.wordlist.flatMap((word) => fieldsOf(word, options));
    let outcome: Outcome = either(state);
    let left: State | undefined;
    if (values.length === 0) {
      const unknown = assigned(state, name, undefined);
      this.#unreached().list(node.body.commands, unknown, { ...flow, loop: {} });
    }
    for (const value of values) {
      this.#reader.steps.count();
      const before = after(outcome);
      if (before === undefined) break;
      const exits: LoopExits = {};
      const inside = { ...flow, loop: exits };
      const turn = this.list(node.body.commands, assigned(before, name, value), inside);
      left = join(left, exits.left);
      outcome = both(turn, either(exits.again));
    }
    return both(outcome, either(left));
  }
}

/** A flow in which a loop can be left without effect. */
function scratch(flow: Flow): Flow {
  return { ...flow, loop: flow.loop && {} };
}

/** The outcome where one of two ways was taken. */
function both(a: Outcome, b: Outcome): Outcome {
  return { ok: join(a.ok, b.ok), failed: join(a.failed, b.failed) };
}

function unknown({ type }: SyntaxNode): Refusal {
  return new Refusal(`Not followed is what the grammar calls ${type}`, "Write plain commands");
}
