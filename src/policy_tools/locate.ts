/**
 * The line of each value in a YAML text, and how scalars and keys were written.
 *
 * `@std/yaml` gives values without positions. This scanner reads the block and flow structure of
 * a text that is known to be valid YAML; it does not interpret scalars. What it does not know it
 * refuses, so that nothing in a policy is read by one parser only.
 *
 * @module
 */
import type { LineOf } from "./problems.ts";

/** A node of the document. */
export interface OutlineNode {
  /** Line of its first character, from 1. */
  readonly line: number;
  /** The text of a plain (unquoted, one-line) scalar. */
  readonly plain?: string;
  /** Whether it is the value of a key that was written without quotes. */
  readonly hasPlainKey?: boolean;
  /** Whether it is a sequence. */
  readonly isList?: boolean;
  /** Values by key, or by index as text. */
  readonly children: Map<string, OutlineNode>;
}

/** A construct that policies do not use. */
export class OutlineError extends SyntaxError {
  /** The name of this class. */
  override name = "OutlineError";
  /** Line of it, from 1. */
  readonly line: number;

  /**
   * @param message What was found.
   * @param line Where.
   */
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/**
 * Line breaks to some parsers of YAML (1.1 has them, 1.2 has not), and what makes a line look different
 * from what it is: bidirectional overrides (CVE-2021-42574, "Trojan Source") and a byte order mark.
 */
const UNSEEN = /[\u0085\u2028\u2029\u202a-\u202e\u2066-\u2069]|(?!^)\ufeff/;

/**
 * Scans one YAML document.
 *
 * @param text Valid YAML.
 * @returns The root of the document.
 * @throws {OutlineError} It uses a tag, a directive, a `?` key, or holds several documents, or a
 * character that readers do not see as parsers do.
 */
export function outline(text: string): OutlineNode {
  const unseen = UNSEEN.exec(text);
  if (unseen !== null) {
    const digits = unseen[0].charCodeAt(0).toString(16).padStart(4, "0");
    throw new OutlineError(
      `Has the character U+${digits.toUpperCase()}, which readers and parsers see differently, expected "\\u${digits}" in double quotes`,
      text.slice(0, unseen.index).split(/\r\n?|\n/).length,
    );
  }
  return new Scanner(text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n")).document();
}

/**
 * Finds lines in a scanned document.
 *
 * @param root Of the document.
 * @returns The line of a value, or of the nearest value around it that has one.
 */
export function lineFinder(root: OutlineNode): LineOf {
  return (path) => {
    let node = root;
    for (const key of path) {
      const child = childOf(node, String(key));
      if (child === undefined) break;
      node = child;
    }
    return node.line;
  };
}

/** The value of a key, also if a merge key brought it in. */
function childOf(node: OutlineNode, key: string): OutlineNode | undefined {
  const own = node.children.get(key);
  if (own !== undefined) return own;
  return mergedInto(node).map((part) => part.children.get(key)).find((one) => one !== undefined);
}

/** The mappings that a merge key names. */
export function mergedInto(node: OutlineNode): readonly OutlineNode[] {
  const merged = node.children.get("<<");
  if (merged === undefined) return [];
  return merged.isList ? Array.from(merged.children.values()) : [merged];
}

class Scanner {
  #pos = 0;
  #line = 1;
  readonly #anchors = new Map<string, OutlineNode>();

  constructor(readonly text: string) {}

  document(): OutlineNode {
    this.#skipBlank();
    if (this.#char() === "%") throw this.#refused("A directive");
    if (this.#rest(/---(?=\s|$)/y)) this.#skipBlank();
    const node = this.#block(0);
    this.#skipBlank();
    if (this.#rest(/\.\.\.(?=\s|$)/y)) this.#skipBlank();
    if (this.#pos < this.text.length) {
      throw this.#refused("More than one document, or this syntax,");
    }
    return node;
  }

  #char(offset = 0): string {
    return this.text[this.#pos + offset] ?? "";
  }

  #column(): number {
    return this.#pos - (this.text.lastIndexOf("\n", this.#pos - 1) + 1);
  }

  #refused(what: string): OutlineError {
    return new OutlineError(`${what} is not part of the policy format`, this.#line);
  }

  /** Consumes what the sticky expression matches. */
  #rest(expression: RegExp): string | undefined {
    expression.lastIndex = this.#pos;
    const found = expression.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    for (const char of found) if (char === "\n") this.#line++;
    this.#pos += found.length;
    return found;
  }

  #skipBlank(): void {
    this.#rest(/(?:[ \t]*(?:(?:^|(?<=\s))#[^\n]*)?\n)*[ \t]*(?:(?:^|(?<=\s))#[^\n]*)?/my);
  }

  #atLineEnd(): boolean {
    return /^[ \t]*(?:$|\n|(?<=\s)#)/.test(this.text.slice(this.#pos, this.#pos + 1)) ||
      this.#char() === "" || this.#char() === "\n" || this.#char() === "#";
  }

  /** A node that starts on this line or a later one, indented by at least `indent`. */
  #block(indent: number): OutlineNode {
    this.#skipBlank();
    if (this.#pos >= this.text.length || this.#column() < indent || this.#marker()) {
      return { line: this.#line, children: new Map() };
    }
    return this.#node(indent, this.#column(), true);
  }

  #marker(): boolean {
    return this.#column() === 0 &&
      /^(?:---|\.\.\.)(?:\s|$)/.test(this.text.slice(this.#pos, this.#pos + 4));
  }

  #node(indent: number, column: number, collections: boolean): OutlineNode {
    const line = this.#line;
    const anchor = this.#properties();
    if (anchor !== undefined && this.#atLineEnd()) {
      return this.#anchored(anchor, this.#block(indent));
    }
    const char = this.#char();
    let node: OutlineNode;
    if (char === "*") {
      const name = this.#rest(/\*[^\s,[\]{}]+/y)?.slice(1) ?? "";
      const target = this.#anchors.get(name);
      node = aliasOf(target, line);
    } else if (
      collections && char === "-" && /^-(\s|$)/.test(this.text.slice(this.#pos, this.#pos + 2))
    ) {
      node = this.#sequence(column);
    } else if (char === "?" && /^\?(\s|$)/.test(this.text.slice(this.#pos, this.#pos + 2))) {
      throw this.#refused('A "?" key');
    } else if (char === "[" || char === "{") {
      node = this.#flow();
      if (/^[ \t]*:(\s|$)/.test(this.text.slice(this.#pos, this.#pos + 80))) {
        throw this.#refused("A collection as a key");
      }
    } else if (char === "|" || char === ">") {
      node = this.#blockScalar(indent);
    } else if (collections && this.#isKey()) {
      node = this.#mapping(column);
    } else {
      node = this.#scalar(indent);
    }
    return anchor === undefined ? node : this.#anchored(anchor, node);
  }

  #anchored(anchor: string, node: OutlineNode): OutlineNode {
    this.#anchors.set(anchor, node);
    return node;
  }

  #properties(): string | undefined {
    let anchor: string | undefined;
    for (;;) {
      if (this.#char() === "!") throw this.#refused("A tag");
      const found = this.#char() === "&" ? this.#rest(/&[^\s,[\]{}]+/y) : undefined;
      if (found === undefined) return anchor;
      anchor = found.slice(1);
      this.#rest(/[ \t]*/y);
    }
  }

  #isKey(): boolean {
    const end = this.text.indexOf("\n", this.#pos);
    const rest = this.text.slice(this.#pos, end === -1 ? undefined : end);
    if (rest[0] === '"') return /^"(?:[^"\\]|\\.)*"[ \t]*:(?:\s|$)/.test(rest);
    if (rest[0] === "'") return /^'(?:[^']|'')*'[ \t]*:(?:\s|$)/.test(rest);
    return /^[^#\n]*?:(?:\s|$)/.test(rest.replace(/\s#.*$/, ""));
  }

  #key(flow: boolean): { readonly text: string; readonly isPlain: boolean } {
    if (this.#properties() !== undefined) throw this.#refused("An anchor on a key");
    const quoted = this.#quoted();
    if (quoted !== undefined) return { text: quoted, isPlain: false };
    if (this.#char() === "*") throw this.#refused("An alias as a key");
    const plain = this.#rest(
      flow ? /(?:[^:,[\]{}\n]|:(?![\s,[\]{}]))+/y : /(?:[^:\n]|:(?!\s|$))+/my,
    );
    return { text: (plain ?? "").trim(), isPlain: true };
  }

  /** A quoted scalar; its text matters only if it is a key. */
  #quoted(): string | undefined {
    if (this.#char() === '"') {
      return unescaped((this.#rest(/"(?:[^"\\]|\\[\s\S])*"/y) ?? "").slice(1, -1));
    }
    if (this.#char() === "'") {
      return (this.#rest(/'(?:[^']|'')*'/y) ?? "").slice(1, -1).replaceAll("''", "'");
    }
    return undefined;
  }

  #mapping(column: number): OutlineNode {
    const children = new Map<string, OutlineNode>();
    const line = this.#line;
    for (;;) {
      const keyLine = this.#line;
      const key = this.#key(false);
      if (this.#rest(/[ \t]*:/y) === undefined) throw this.#refused("This syntax");
      this.#rest(/[ \t]*/y);
      const value = this.#value(column);
      children.set(key.text, {
        ...value,
        hasPlainKey: key.isPlain,
        line: value.children.size > 0 && value.line > keyLine ? keyLine : value.line || keyLine,
      });
      this.#skipBlank();
      if (this.#pos >= this.text.length || this.#column() !== column || this.#marker()) break;
      if (!this.#isKey()) {
        if (/^\?(\s|$)/.test(this.text.slice(this.#pos, this.#pos + 2))) {
          throw this.#refused('A "?" key');
        }
        break;
      }
    }
    return { line, children };
  }

  /** The value after `key:`; a sequence may stand at the column of the key. */
  #value(column: number): OutlineNode {
    if (!this.#atLineEnd()) return this.#node(column + 1, this.#column(), false);
    const line = this.#line;
    this.#skipBlank();
    const atSame = this.#column() === column &&
      /^-(\s|$)/.test(this.text.slice(this.#pos, this.#pos + 2));
    const node = this.#block(atSame ? column : column + 1);
    return node.children.size === 0 && node.plain === undefined ? { ...node, line } : node;
  }

  #sequence(column: number): OutlineNode {
    const children = new Map<string, OutlineNode>();
    const line = this.#line;
    while (this.#column() === column && this.#rest(/-(?=\s|$)/y) !== undefined) {
      this.#rest(/[ \t]*/y);
      const item = this.#atLineEnd()
        ? this.#block(column + 1)
        : this.#node(column + 1, this.#column(), true);
      children.set(String(children.size), item);
      this.#skipBlank();
    }
    return { line, isList: true, children };
  }

  #blockScalar(indent: number): OutlineNode {
    const line = this.#line;
    this.#rest(/[|>][^\n]*(?:\n|$)/y);
    while (this.#pos < this.text.length) {
      if (this.#rest(/[ \t]*\n/y) !== undefined) continue;
      const spaces = /^ */.exec(this.text.slice(this.#pos, this.#pos + 200))?.[0].length ?? 0;
      if (spaces < Math.max(indent, 1)) break;
      this.#rest(/[^\n]*(?:\n|$)/y);
    }
    return { line, children: new Map() };
  }

  #scalar(indent: number): OutlineNode {
    const line = this.#line;
    if (this.#quoted() !== undefined) return { line, children: new Map() };
    const plain = (this.#rest(/(?:[^\n#]|(?<!\s)#)+/y) ?? "").trim();
    let folded = false;
    for (;;) {
      const next = /^[ \t]*\n(?:[ \t]*\n)*( *)(?=[^\s#])/.exec(this.text.slice(this.#pos));
      if (next === null || (next[1] ?? "").length < Math.max(indent, 1)) break;
      this.#skipBlank();
      this.#rest(/(?:[^\n#]|(?<!\s)#)+/y);
      folded = true;
    }
    return folded ? { line, children: new Map() } : { line, plain, children: new Map() };
  }

  #flow(): OutlineNode {
    const line = this.#line;
    const children = new Map<string, OutlineNode>();
    const mapping = this.#char() === "{";
    this.#pos++;
    for (;;) {
      this.#skipBlank();
      if (this.#char() === "]" || this.#char() === "}") break;
      if (this.#pos >= this.text.length) throw this.#refused("This syntax");
      if (mapping) {
        const keyLine = this.#line;
        const key = this.#key(true);
        this.#skipBlank();
        const hasValue = this.#rest(/:/y) !== undefined;
        this.#skipBlank();
        const value = hasValue ? this.#flowValue() : { line: keyLine, children: new Map() };
        children.set(key.text, { ...value, hasPlainKey: key.isPlain });
      } else {
        children.set(String(children.size), this.#flowValue());
        this.#skipBlank();
        if (this.#char() === ":") throw this.#refused("A pair in a flow sequence");
      }
      this.#skipBlank();
      if (this.#rest(/,/y) === undefined && this.#char() !== "]" && this.#char() !== "}") {
        throw this.#refused("This syntax");
      }
    }
    this.#pos++;
    return { line, isList: !mapping, children };
  }

  #flowValue(): OutlineNode {
    const line = this.#line;
    const anchor = this.#properties();
    const char = this.#char();
    let node: OutlineNode;
    if (char === "[" || char === "{") node = this.#flow();
    else if (char === "*") {
      const target = this.#anchors.get((this.#rest(/\*[^\s,[\]{}]+/y) ?? "").slice(1));
      node = aliasOf(target, line);
    } else if (this.#quoted() !== undefined) node = { line, children: new Map() };
    else {
      const plain = this.#rest(/(?:[^:,[\]{}#\n]|:(?![\s,[\]{}])|(?<!\s)#)+/y)?.trim() ?? "";
      node = { line, plain, children: new Map() };
    }
    return anchor === undefined ? node : this.#anchored(anchor, node);
  }
}

/** What an alias stands for, at the line of the alias. */
function aliasOf(target: OutlineNode | undefined, line: number): OutlineNode {
  if (target === undefined) return { line, children: new Map() };
  const { plain, isList = false, children } = target;
  return plain === undefined ? { line, isList, children } : { line, isList, children, plain };
}

const ESCAPES: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  N: "\x85",
  _: "\xa0",
  L: "\u2028",
  P: "\u2029",
};

/** The text of a double-quoted scalar on one line (YAML 1.2.2, section 5.7). */
function unescaped(raw: string): string {
  return raw.replace(
    /\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|(.))/gis,
    (_, x?: string, u?: string, U?: string, char = "") => {
      const code = x ?? u ?? U;
      if (code === undefined) return ESCAPES[char] ?? char;
      const point = parseInt(code, 16);
      return point > 0x10ffff ? "" : String.fromCodePoint(point);
    },
  );
}
