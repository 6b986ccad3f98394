/**
 * The line of each value in a YAML text, and how scalars and keys were written.
 *
 * `@std/yaml` gives values without positions. This scanner reads the block and flow structure of
 * a text that is known to be valid YAML; it does not interpret scalars. What it does not know it
 * refuses, so that nothing in a policy is read by one parser only.
 *
 * @module
 */
import { unescaped } from "./escapes.ts";
import { findUnseen } from "./unseen.ts";

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

/** What `@std/yaml` loses an anchor on: null, zero, false, and a text that is or could be empty. */
const NOTHING = /^(?:~|null|Null|NULL|false|False|FALSE|[-+]?[0._]+|"[\s\\]*"|'\s*'|[|>][^\n]*)?$/;

/**
 * Scans one YAML document.
 *
 * @param text Valid YAML.
 * @returns The root of the document.
 * @throws {OutlineError} It uses a tag, a directive, a `?` key, or holds several documents, or a
 * character that readers do not see as parsers do.
 */
export function outline(text: string): OutlineNode {
  const unseen = findUnseen(text);
  if (unseen !== undefined) throw new OutlineError(unseen.message, unseen.line);
  return new Scanner(text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n")).document();
}

class Scanner {
  #pos = 0;
  #line = 1;
  readonly #anchors = new Map<string, OutlineNode>();

  constructor(readonly text: string) {}

  document(): OutlineNode {
    this.#skipBlank();
    if (this.#char() === "%") throw this.#refused("A directive");
    if (this.#column() === 0 && this.#rest(/---(?=[ \t\n]|$)/y) !== undefined) {
      const line = this.#line;
      this.#skipBlank();
      if (this.#line === line && !this.#atLineEnd()) {
        throw this.#refused('A value on the line of "---"');
      }
    } else if (/^(?:---|\.\.\.(?=[ \t\n]|$))/.test(this.text.slice(this.#pos, this.#pos + 4))) {
      throw this.#refused("This marker");
    }
    this.#skipBlank();
    const node = this.#block(this.#column());
    this.#skipBlank();
    if (this.#rest(/\.\.\.(?=[ \t\n]|$)/y)) this.#skipBlank();
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

  /** Skips spaces, comments and line breaks. */
  #skipBlank(mayHaveTabs = false): void {
    this.#rest(/(?:[ \t]*(?:(?:^|(?<=[ \t\n]))#[^\n]*)?\n)*/my);
    const isIndentation = this.#column() === 0;
    const space = this.#rest(/[ \t]*/y) ?? "";
    const isOver = this.#rest(/(?:^|(?<=[ \t\n]))#[^\n]*/my) !== undefined || this.#char() === "";
    if (isIndentation && !isOver && !mayHaveTabs && space.includes("\t")) {
      throw this.#refused("A tab in the indentation");
    }
  }

  /** Skips what stands between an indicator and its value. */
  #skipSpace(): void {
    const space = this.#rest(/[ \t]*/y) ?? "";
    if (space.includes("\t") && !this.#atLineEnd()) throw this.#refused("A tab before a value");
  }

  #atLineEnd(): boolean {
    return ["", "\n", "#", " ", "\t"].includes(this.#char());
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
      /^(?:---|\.\.\.)(?:[ \t\n]|$)/.test(this.text.slice(this.#pos, this.#pos + 4));
  }

  #node(indent: number, column: number, collections: boolean): OutlineNode {
    const line = this.#line;
    const anchor = this.#properties();
    if (anchor !== undefined && this.#atLineEnd()) {
      this.#skipBlank();
      const isBlock = this.#isItem() || (!/[[{]/.test(this.#char()) && this.#isKey());
      const node = this.#block(indent);
      if (isBlock && node.children.size > 0) return this.#anchored(anchor, node);
      throw this.#refused("An anchor on another line than its value");
    }
    if (anchor !== undefined && !/[[{]/.test(this.#char()) && this.#isKey()) {
      throw this.#refused("An anchor on a key");
    }
    const start = this.#pos;
    const char = this.#char();
    let node: OutlineNode;
    if (char === "*") {
      const name = this.#rest(/\*[^ \t\n,[\]{}]+/y)?.slice(1) ?? "";
      const target = this.#anchors.get(name);
      node = aliasOf(target, line);
    } else if (collections && this.#isItem()) {
      node = this.#sequence(column);
    } else if (this.#isExplicit()) {
      throw this.#refused('A "?" key');
    } else if (char === "[" || char === "{") {
      node = this.#flow(indent);
      if (indent > 0 && this.text.slice(start, this.#pos).includes("\t")) {
        throw this.#refused("A tab in a flow collection");
      }
      if (/^[ \t]*:([ \t\n]|$)/.test(this.text.slice(this.#pos, this.#pos + 80))) {
        throw this.#refused("A collection as a key");
      }
    } else if (char === "|" || char === ">") {
      node = this.#blockScalar(indent);
    } else if (collections && this.#isKey()) {
      node = this.#mapping(column);
    } else {
      node = this.#scalar(indent);
    }
    return anchor === undefined ? node : this.#anchored(anchor, node, start);
  }

  /** @param start Where its text begins, if it may be nothing: `@std/yaml` forgets such anchors. */
  #anchored(anchor: string, node: OutlineNode, start?: number): OutlineNode {
    const text = start === undefined ? undefined : this.text.slice(start, this.#pos).trim();
    if (text !== undefined && NOTHING.test(text)) throw this.#refused("An anchor on nothing");
    this.#anchors.set(anchor, node);
    return node;
  }

  #properties(): string | undefined {
    let anchor: string | undefined;
    for (;;) {
      if (this.#char() === "!") throw this.#refused("A tag");
      const found = this.#char() === "&" ? this.#rest(/&[^ \t\n,[\]{}]+/y) : undefined;
      if (found === undefined) return anchor;
      anchor = found.slice(1);
      this.#skipSpace();
    }
  }

  #isItem(): boolean {
    return /^-([ \t\n]|$)/.test(this.text.slice(this.#pos, this.#pos + 2));
  }

  #isExplicit(): boolean {
    return /^\?([ \t\n]|$)/.test(this.text.slice(this.#pos, this.#pos + 2));
  }

  #isKey(): boolean {
    const end = this.text.indexOf("\n", this.#pos);
    const rest = this.text.slice(this.#pos, end === -1 ? undefined : end);
    if (rest[0] === '"') return /^"(?:[^"\\]|\\.)*"[ \t]*:(?:[ \t\n]|$)/.test(rest);
    if (rest[0] === "'") return /^'(?:[^']|'')*'[ \t]*:(?:[ \t\n]|$)/.test(rest);
    return /^(?!#)[^\n]*?:(?:[ \t\n]|$)/.test(rest.replace(/[ \t\n]#.*$/, ""));
  }

  #key(flow: boolean, indent: number): { readonly text: string; readonly isPlain: boolean } {
    if (this.#properties() !== undefined) throw this.#refused("An anchor on a key");
    const quoted = this.#quoted(indent);
    if (quoted !== undefined) return { text: quoted, isPlain: false };
    if (this.#char() === "*") throw this.#refused("An alias as a key");
    const plain = this.#rest(
      flow ? /(?:[^:,[\]{}\n]|:(?![ \t\n,[\]{}]))+/y : /(?:[^:\n]|:(?![ \t\n]|$))+/my,
    );
    if (plain === undefined) throw this.#refused("A key without a name");
    return { text: plain.trim(), isPlain: true };
  }

  /** A quoted scalar; its text matters only if it is a key. */
  #quoted(indent: number): string | undefined {
    const raw = this.#rest(/"(?:[^"\\]|\\[\s\S])*"|'(?:[^']|'')*'/y);
    if (raw === undefined) return undefined;
    if (/[^ \t\n][ \t]+\n/.test(raw)) {
      throw this.#refused("A space before a line break in quotes");
    }
    if (new RegExp(`\\n(?! {${indent}})(?![ \\t]*\\n)`).test(raw)) {
      throw this.#refused("A line without indentation in quotes");
    }
    return raw.startsWith('"')
      ? unescaped(raw.slice(1, -1))
      : raw.slice(1, -1).replaceAll("''", "'");
  }

  #mapping(column: number): OutlineNode {
    const children = new Map<string, OutlineNode>();
    const line = this.#line;
    for (;;) {
      const keyLine = this.#line;
      const key = this.#key(false, column);
      if (this.#rest(/[ \t]*:/y) === undefined) throw this.#refused("This syntax");
      this.#skipSpace();
      const value = this.#value(column);
      children.set(key.text, {
        ...value,
        hasPlainKey: key.isPlain,
        line: value.children.size > 0 && value.line > keyLine ? keyLine : value.line || keyLine,
      });
      this.#skipBlank();
      if (this.#pos >= this.text.length || this.#column() !== column || this.#marker()) break;
      if (!this.#isKey()) {
        if (this.#isExplicit()) throw this.#refused('A "?" key');
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
    const atSame = this.#column() === column && this.#isItem();
    const node = this.#block(atSame ? column : column + 1);
    return node.children.size === 0 && node.plain === undefined ? { ...node, line } : node;
  }

  #sequence(column: number): OutlineNode {
    const children = new Map<string, OutlineNode>();
    const line = this.#line;
    while (this.#column() === column && this.#rest(/-(?=[ \t\n]|$)/y) !== undefined) {
      this.#skipSpace();
      this.#skipBlank();
      if (this.#char() === "" || this.#column() <= column) throw this.#refused("An empty item");
      children.set(String(children.size), this.#block(column + 1));
      this.#skipBlank();
    }
    return { line, isList: true, children };
  }

  #blockScalar(indent: number): OutlineNode {
    const line = this.#line;
    this.#rest(/[|>][^\n]*(?:\n|$)/y);
    while (this.#pos < this.text.length) {
      if (this.#rest(/\n/y) !== undefined) continue;
      if (this.#rest(/[ \t]+(?=\n|$)/y)) throw this.#refused("A line of spaces in a text");
      const spaces = /^ */.exec(this.text.slice(this.#pos, this.#pos + 200))?.[0].length ?? 0;
      if (spaces < Math.max(indent, 1)) {
        if (this.#char(spaces) === "\t") throw this.#refused("A tab in the indentation");
        break;
      }
      this.#rest(/[^\n]*(?:\n|$)/y);
    }
    return { line, children: new Map() };
  }

  #scalar(indent: number): OutlineNode {
    const line = this.#line;
    if (this.#quoted(indent) !== undefined) return { line, children: new Map() };
    const plain = (this.#rest(/(?:[^\n#]|(?<![ \t\n])#)+/y) ?? "").trim();
    let folded = false;
    for (;;) {
      const next = /^[ \t]*\n(?:[ \t]*\n)*( *)(?=[^ \t\n#])/.exec(this.text.slice(this.#pos));
      if (next === null || (next[1] ?? "").length < Math.max(indent, 1)) break;
      this.#skipBlank();
      this.#rest(/(?:[^\n#]|(?<![ \t\n])#)+/y);
      folded = true;
    }
    return folded ? { line, children: new Map() } : { line, plain, children: new Map() };
  }

  #flow(indent: number): OutlineNode {
    const line = this.#line;
    const children = new Map<string, OutlineNode>();
    const mapping = this.#char() === "{";
    this.#pos++;
    for (;;) {
      this.#skipInFlow(indent);
      if (this.#char() === "]" || this.#char() === "}") break;
      if (this.#pos >= this.text.length) throw this.#refused("This syntax");
      if (/[,#]/.test(this.#char())) throw this.#refused("An entry without a value");
      if (this.#isExplicit()) throw this.#refused('A "?" key');
      if (mapping) {
        const keyLine = this.#line;
        const key = this.#key(true, indent);
        this.#skipInFlow(indent);
        const hasValue = this.#rest(/:/y) !== undefined;
        if (hasValue && this.#line > keyLine) throw this.#refused("A key on several lines");
        this.#skipInFlow(indent);
        const value = hasValue ? this.#flowValue(indent) : { line: keyLine, children: new Map() };
        children.set(key.text, { ...value, hasPlainKey: key.isPlain });
      } else {
        children.set(String(children.size), this.#flowValue(indent));
        this.#skipInFlow(indent);
        if (this.#char() === ":") throw this.#refused("A pair in a flow sequence");
      }
      this.#skipInFlow(indent);
      if (this.#rest(/,/y) === undefined && this.#char() !== "]" && this.#char() !== "}") {
        throw this.#refused("This syntax");
      }
    }
    this.#pos++;
    return { line, isList: !mapping, children };
  }

  /** Skips to a place that is indented by at least `indent`; tabs are looked for around a block's flow. */
  #skipInFlow(indent: number): void {
    const line = this.#line;
    this.#skipBlank(true);
    if (this.#line > line && this.#column() < indent) {
      throw this.#refused("A line without indentation");
    }
  }

  #flowValue(indent: number): OutlineNode {
    const line = this.#line;
    const anchor = this.#properties();
    const start = this.#pos;
    const char = this.#char();
    let node: OutlineNode;
    if (char === "[" || char === "{") node = this.#flow(indent);
    else if (char === "*") {
      const target = this.#anchors.get((this.#rest(/\*[^ \t\n,[\]{}]+/y) ?? "").slice(1));
      node = aliasOf(target, line);
    } else if (this.#quoted(indent) !== undefined) node = { line, children: new Map() };
    else {
      const plain = this.#rest(/(?:[^:,[\]{}#\n]|:(?![ \t\n,[\]{}])|(?<![ \t\n])#)+/y)?.trim() ??
        "";
      node = { line, plain, children: new Map() };
    }
    return anchor === undefined ? node : this.#anchored(anchor, node, start);
  }
}

/** What an alias stands for, at the line of the alias. */
function aliasOf(target: OutlineNode | undefined, line: number): OutlineNode {
  if (target === undefined) return { line, children: new Map() };
  const { plain, isList = false, children } = target;
  return plain === undefined ? { line, isList, children } : { line, isList, children, plain };
}
