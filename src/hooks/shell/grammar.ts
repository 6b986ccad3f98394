/**
 * The tree of a line by the grammar of Bash, and the proof that nothing of the line is missing in it.
 *
 * The parser is made for editors too and goes on after what it does not understand. INVARIANT: every
 * character of the line belongs to a leaf of the tree, or to a gap between two leaves that holds the
 * very tokens which the tree says are there. What is left over is refused.
 *
 * @module
 */
import {
  type HereDoc,
  parse,
  type ParsedScript,
  type Redirection,
  type SyntaxNode,
} from "npm:unbash@^6.0.4";
import { Refusal, shown } from "./refusal.ts";

/** What has to come next in the source. */
type Expected =
  /** A keyword or an operator; line breaks and semicolons may stand around it. */
  | { readonly token: string }
  /** A word or the like: it accounts for itself. */
  | { readonly pos: number; readonly end: number; readonly target?: boolean }
  /** Between two statements: something that separates them. */
  | "separator"
  /** From here on only blanks, until told otherwise. */
  | "tight"
  | "loose";

const MAX_NESTING = 60;

/**
 * The tree of a line.
 *
 * @throws {Refusal} It is no Bash, or the parser has not accounted for all of it.
 */
export function treeOf(source: string): ParsedScript {
  const tree = parse(source);
  const error = tree.errors?.[0];
  if (error !== undefined) throw notBash(source.slice(error.pos) || source, error.message);
  checkWhole(source, tree);
  return tree;
}

/** That the source between two places is what a tree below says. @throws {Refusal} It is not. */
export function checkWhole(source: string, tree: ParsedScript, from = 0, to = source.length): void {
  const error = tree.errors?.[0];
  if (error !== undefined) throw notBash(source.slice(error.pos) || source, error.message);
  if (tree.source !== undefined || tree.shebang !== undefined) throw notBash(source, "a script");
  const expected: Expected[] = [];
  const documents: HereDoc[] = [];
  new Layout(expected, documents).of(tree, 0);
  new Gaps(source, documents).check(expected, from, to);
}

function notBash(piece: string, why: string): Refusal {
  return new Refusal(
    `This is not Bash that can be read: ${shown(piece)} (${why})`,
    "Write plain commands, joined with && or on lines of their own, each quote and bracket closed",
  );
}

/** Lists what the tree says is in the source, in the order of the source. */
class Layout {
  readonly #out: Expected[];
  readonly #documents: HereDoc[];

  constructor(out: Expected[], documents: HereDoc[]) {
    this.#out = out;
    this.#documents = documents;
  }

  of(node: SyntaxNode, depth: number): void {
    if (depth > MAX_NESTING) throw notBash("", `nested more than ${MAX_NESTING} deep`);
    const go = (...items: readonly (SyntaxNode | string | undefined)[]) => {
      for (const item of items) {
        if (typeof item === "string") this.#out.push({ token: item });
        else if (item !== undefined) this.of(item, depth + 1);
      }
    };
    switch (node.type) {
      case "Script":
      case "CompoundList":
        for (const [i, statement] of node.commands.entries()) {
          if (i > 0) this.#out.push("separator");
          go(statement);
        }
        return;
      case "Statement":
        go(node.command, node.background ? "&" : undefined);
        return;
      case "AndOr":
        go(...interleaved(node.commands, node.operators));
        return;
      case "Pipeline":
        for (const prefix of node.prefixes) {
          this.#out.push({ token: prefix.type === "Time" ? "time" : "!" });
          if (prefix.type === "Time" && prefix.posix) this.#out.push(prefix.posix);
          if (prefix.type === "Time" && prefix.endOfOptions) this.#out.push(prefix.endOfOptions);
        }
        go(...interleaved(node.commands, node.operators));
        return;
      case "Subshell":
        go("(", node.body, ")");
        return;
      case "BraceGroup":
        go("{", node.body, "}");
        return;
      case "If":
        go("if", node.clause, "then", node.then);
        for (const { clause, then } of node.elif) go("elif", clause, "then", then);
        if (node.else !== undefined) go("else", node.else);
        go("fi");
        return;
      case "While":
        go(node.kind, node.clause, "do", node.body, "done");
        return;
      case "For":
        go("for", node.name);
        if (node.wordlist !== undefined) {
          go("in");
          this.#tight(node.wordlist, depth);
        }
        go("do", node.body, "done");
        return;
      case "Case":
        go("case", node.word, "in", ...node.items, "esac");
        return;
      case "CaseItem":
        // An opening bracket may be left away; the source is asked by the gaps.
        this.#out.push({ token: "?(" });
        go(...interleaved(node.pattern, node.pattern.slice(1).map(() => "|")), ")", node.body);
        go(node.terminator);
        return;
      case "Redirected":
        go(node.command);
        this.#tight(node.redirects, depth);
        return;
      case "Command": {
        const name = node.name === undefined ? [] : [node.name];
        this.#tight([...node.prefix, ...name, ...node.suffix], depth);
        return;
      }
      case "TestCommand":
        go("[[", node.expression, "]]");
        return;
      case "TestUnary":
        // Without an operator in the source it is a word that must not be empty.
        if (node.pos < node.operand.pos) go(node.operator);
        go(node.operand);
        return;
      case "TestBinary":
        go(node.left, node.operator, node.right);
        return;
      case "TestLogical":
        go(...interleaved(node.operands, node.operands.slice(1).map(() => node.operator)));
        return;
      case "TestNot":
        go(...node.negations.map(() => "!"), node.operand);
        return;
      case "TestGroup":
        go("(", node.expression, ")");
        return;
      case "Redirect":
      case "HereString":
      case "HereDoc":
        this.#redirection(node);
        return;
      case "Word":
      case "Assignment":
        this.#out.push(node);
        return;
      case "Function":
        throw new Refusal(
          `A function is defined: ${shown(node.name.text)}`,
          "Write its commands where they are to run",
        );
      default:
        throw new Refusal(
          `Not understood is what the grammar calls ${node.type}`,
          "Write plain commands, one after the other",
        );
    }
  }

  /** Parts of one command: only blanks stand between them. */
  #tight(nodes: readonly SyntaxNode[], depth: number): void {
    for (const node of nodes) {
      this.of(node, depth + 1);
      this.#out.push("tight");
    }
    if (nodes.length > 0) {
      this.#out.pop();
      this.#out.push("loose");
    }
  }

  #redirection(node: Redirection): void {
    if (node.type === "HereDoc") this.#documents.push(node);
    const target = node.type === "HereDoc" ? node.delimiter : node.target;
    if (target === undefined) throw notBash(node.operator, "nothing after it");
    if (node.descriptor !== undefined) this.#out.push(node.descriptor, "tight");
    const { pos, end } = target;
    this.#out.push({ token: node.operator }, { pos, end, target: true });
  }
}

function interleaved<T>(nodes: readonly T[], operators: readonly string[]): (T | string)[] {
  return nodes.flatMap((node, i) => i === 0 ? [node] : [operators[i - 1] ?? "", node]);
}

/** Longest first. */
const OPERATORS = [";;&", "<<<", "<<-", "&>>", ";;", ";&", "&&", "||", "|&", "<<", ">>", "<&", ">&"]
  .concat(["<>", ">|", "&>", ";", "&", "|", "<", ">", "(", ")"]);
/** Their targets stand on the same line. */
const REDIRECTS = new Set([
  "<",
  ">",
  ">>",
  ">|",
  "<>",
  "<&",
  ">&",
  "&>",
  "&>>",
  "<<",
  "<<-",
  "<<<",
]);
const CLOSERS = new Set([")", "}", "fi", "done", "esac", "]]", "in"]);
const ENDS_WORD = " \t\n;&|<>()";

/** The source between the leaves. */
class Gaps {
  readonly #source: string;
  /** Where a body of a here-document begins, and where the line of its end ends. */
  readonly #bodies: ReadonlyMap<number, number>;

  constructor(source: string, documents: readonly HereDoc[]) {
    this.#source = source;
    this.#bodies = new Map(documents.map((one) => [one.body.pos, endOf(source, one)]));
  }

  /** Compares what is there with what has to be. */
  check(expected: readonly Expected[], from: number, to: number): void {
    let at = from;
    let tight = false;
    let separator = false;
    let tokens: string[] = [];
    const upTo = (end: number) => {
      const { found, separated } = this.#read(at, end, tight);
      const optional = tokens.map((token) => token === "?(" && found.includes("(") ? "(" : token);
      const due = optional.filter((token) => token !== "?(" && token !== "");
      if (found.join(" ") !== due.join(" ") || separator && !separated) {
        throw notBash(this.#source.slice(at, end).trim() || this.#source, "left over");
      }
      tokens = [];
      separator = false;
      tight = false;
    };
    for (const one of expected) {
      if (one === "separator") separator = true;
      else if (one === "tight") tight = true;
      else if (one === "loose") tight = false;
      else if ("token" in one) tokens.push(one.token);
      else {
        if (one.pos < at || one.end < one.pos) throw notBash(this.#source, "out of order");
        upTo(one.pos);
        at = one.end;
        // Digits before an arrow are a descriptor to Bash, and no name of a file.
        const isNumber = one.target && /^\d+$/.test(this.#source.slice(one.pos, at));
        if (isNumber && "<>".includes(this.#source[at] ?? " ")) {
          throw notBash(this.#source, "digits before an arrow");
        }
      }
    }
    upTo(to);
  }

  #read(from: number, to: number, tight: boolean): { found: string[]; separated: boolean } {
    const found: string[] = [];
    let separated = false;
    // Whether what came last can be ended by a semicolon.
    let ends = true;
    let at = from;
    while (at < to) {
      const char = this.#source[at]!;
      if (char === " " || char === "\t") at++;
      else if (this.#source.startsWith("\\\n", at)) at += 2;
      else if ((tight || REDIRECTS.has(found.at(-1) ?? "")) && "\n;#".includes(char)) {
        throw notBash(this.#source.slice(at, to), "left over");
      } else if (char === "\n") {
        separated = true;
        ends = false;
        at++;
        for (let end; (end = this.#bodies.get(at)) !== undefined;) at = end;
      } else if (char === "#") {
        // A comment begins a token; the one before has ended here.
        const end = this.#source.indexOf("\n", at);
        at = end === -1 ? to : end;
      } else {
        const token = OPERATORS.find((one) => this.#source.startsWith(one, at)) ??
          this.#word(at, to);
        at += token.length;
        if (token === ";") {
          if (!ends) throw notBash(this.#source.slice(from, to), "a semicolon after nothing");
          separated = true;
        } else found.push(token);
        if (token === "&") separated = true;
        ends = CLOSERS.has(token);
      }
    }
    if (at > to) throw notBash(this.#source.slice(from, to), "left over");
    return { found, separated };
  }

  #word(at: number, to: number): string {
    let end = at;
    while (end < to && !ENDS_WORD.includes(this.#source[end]!)) end++;
    return this.#source.slice(at, end);
  }
}

/**
 * Where a here-document ends: after the line of its delimiter, which is looked for again here. What the
 * parser takes for the body has to be what Bash takes.
 */
function endOf(source: string, { body, closing, delimiter, operator }: HereDoc): number {
  const refuse = () => notBash(delimiter?.text ?? operator, "here-document without its end");
  if (delimiter === undefined || closing === undefined) throw refuse();
  if (source[body.pos - 1] !== "\n" || delimiter.value === "") throw refuse();
  for (let at = body.pos; at < source.length;) {
    const lineEnd = source.indexOf("\n", at);
    const end = lineEnd === -1 ? source.length : lineEnd;
    const line = source.slice(at, end);
    const text = operator === "<<-" ? withoutTabs(line) : line;
    if (text === delimiter.value) {
      if (end !== closing.end || end - text.length !== closing.pos || at !== body.end) {
        throw refuse();
      }
      return Math.min(end + 1, source.length);
    }
    // Bash joins such a line with the next one before it looks for the end.
    if (!delimiter.quoted && line.endsWith("\\")) throw refuse();
    at = end + 1;
  }
  throw refuse();
}

function withoutTabs(line: string): string {
  let at = 0;
  while (line[at] === "\t") at++;
  return line.slice(at);
}
