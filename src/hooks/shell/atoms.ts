/**
 * The text of one word, read by the rules of quoting into atoms.
 *
 * The grammar says where a word begins and ends. What is in it is read here once more from its text, so
 * that what is quoted is never taken for what is not.
 *
 * @module
 */
import { ansiC } from "./ansi_c.ts";
import { tooMuch } from "./reading.ts";
import { Refusal, shown } from "./refusal.ts";

/** A piece of a word. */
export type Atom =
  /** A character of the source. */
  | { readonly kind: "char"; readonly text: string; readonly quoted: boolean }
  /** What an expansion gave; also the nothing between two quotes. */
  | {
    readonly kind: "value";
    readonly text: string;
    readonly quoted: boolean;
    /** It is of the form `$name`, whose end is where letters end. */
    readonly open?: boolean;
  }
  /** An expansion whose value is not certain, but which does nothing. */
  | {
    readonly kind: "unknown";
    readonly text: "";
    readonly name: string;
    readonly quoted: boolean;
  };

/** What an expansion stands for. */
export interface Expansions {
  /** @throws {Refusal} The variable may not be used. */
  variable(name: string): { readonly value: string | undefined };
  /** What `$( )` at this place of the word gives, and where it ends. @throws {Refusal} */
  command(at: number): { readonly value: string; readonly end: number };
}

/** How a text is read: as a word, or as the body of a here-document without quotes. */
export type Manner = "word" | "document";

/** Variables of variables double in length. */
const MAX_SIZE = 128 * 1024;
const NAME_START = /[A-Za-z_]/;
const NAME_CHAR = /[A-Za-z0-9_]/;
/** Always digits, of a value that is not known. */
const COUNTS = "?#$!";

/**
 * Reads a text into atoms.
 *
 * @throws {Refusal} There is something in it whose value is not certain.
 */
export function atomsOf(
  text: string,
  { expansions, manner = "word", posix = false }: {
    readonly expansions: Expansions;
    /** @default "word" */
    readonly manner?: Manner;
    /** Refuses what only Bash understands. @default false */
    readonly posix?: boolean;
  },
): Atom[] {
  return new AtomReader(text, { expansions, manner, posix }).read();
}

class AtomReader {
  readonly #text: string;
  readonly #options: {
    readonly expansions: Expansions;
    readonly manner: Manner;
    readonly posix: boolean;
  };
  readonly #out: Atom[] = [];
  #at = 0;
  /** Characters that expansions gave. */
  #size = 0;

  constructor(
    text: string,
    options: {
      readonly expansions: Expansions;
      readonly manner: Manner;
      readonly posix: boolean;
    },
  ) {
    this.#text = text;
    this.#options = options;
  }

  read(): Atom[] {
    if (this.#options.manner === "document") {
      while (this.#at < this.#text.length) this.#insideQuotes(false);
    } else {
      while (this.#at < this.#text.length) this.#outside();
    }
    return this.#out;
  }

  #char(text: string, quoted: boolean): void {
    this.#out.push({ kind: "char", text, quoted });
  }

  #outside(): void {
    const char = this.#text[this.#at]!;
    const next = this.#text[this.#at + 1];
    if (char === "\\") {
      if (next === undefined) throw unread(this.#text);
      // Bash joins the lines before it looks for keywords and names of variables.
      if (next === "\n") throw continued(this.#text);
      this.#char(next, true);
      this.#at += 2;
    } else if (char === "'") {
      const end = this.#text.indexOf("'", this.#at + 1);
      if (end === -1) throw unread(this.#text);
      this.#value(this.#text.slice(this.#at + 1, end), true);
      this.#at = end + 1;
    } else if (char === '"') {
      this.#value("", true);
      this.#at++;
      while (this.#text[this.#at] !== '"') {
        if (this.#at >= this.#text.length) throw unread(this.#text);
        this.#insideQuotes(true);
      }
      this.#at++;
    } else if (char === "$" && next === "'") {
      if (this.#options.posix) throw onlyBash("$'…'");
      const { value, end } = ansiC(this.#text, this.#at + 2);
      this.#value(value, true);
      this.#at = end;
    } else if (char === "$" && next === '"') {
      throw new Refusal(
        `A text that is translated is not certain: ${shown(this.#text)}`,
        'Write "…" without the dollar sign',
      );
    } else if ((char === "<" || char === ">") && next === "(") {
      throw new Refusal(
        `What a process substitution gives is not certain: ${shown(this.#text)}`,
        "Write what the inner command prints to a file first, then name the file",
      );
    } else if (" \t\n;&|<>()".includes(char)) {
      throw unread(this.#text);
    } else if (!this.#expansion(char, false)) {
      this.#char(char, false);
      this.#at++;
    }
  }

  /** Between double quotes, or in a here-document: there the quotes are letters. */
  #insideQuotes(quotes: boolean): void {
    const char = this.#text[this.#at]!;
    if (char === "\\") {
      const next = this.#text[this.#at + 1] ?? "";
      const escapes = next !== "" && ("$`\\\n".includes(next) || quotes && next === '"');
      if (!escapes) this.#char("\\", true);
      else if (next !== "\n") this.#char(next, true);
      this.#at += escapes ? 2 : 1;
    } else if (!this.#expansion(char, true)) {
      this.#char(char, true);
      this.#at++;
    }
  }

  #value(text: string, quoted: boolean, open = false): void {
    this.#size += text.length;
    if (this.#size > MAX_SIZE) throw tooMuch("a word that is too long");
    this.#out.push({ kind: "value", text, quoted, open });
  }

  /** Reads what begins with a dollar sign or a backtick; `false`: it is a letter. */
  #expansion(char: string, quoted: boolean): boolean {
    if (char === "`") throw substitution(this.#text.slice(this.#at));
    if (char !== "$") return false;
    const next = this.#text[this.#at + 1] ?? "";
    if (this.#text.startsWith("\\\n", this.#at + 1)) throw continued(this.#text);
    if (next === "(") {
      if (this.#text[this.#at + 2] === "(") throw arithmetic(this.#text.slice(this.#at));
      const { value, end } = this.#options.expansions.command(this.#at);
      this.#value(value, quoted);
      this.#at = end;
    } else if (next === "[") throw arithmetic(this.#text.slice(this.#at));
    else if (next === "{") this.#braced(quoted);
    else if (NAME_START.test(next)) {
      let end = this.#at + 2;
      while (end < this.#text.length && NAME_CHAR.test(this.#text[end]!)) end++;
      const name = this.#text.slice(this.#at + 1, end);
      if (this.#text.startsWith("\\\n", end)) throw continued(this.#text);
      // Zsh goes on: an element of a list, or a modifier.
      if (this.#text[end] === "[" || /^:[a-zA-Z]/.test(this.#text.slice(end, end + 2))) {
        throw new Refusal(
          `Shells differ about ${shown(this.#text.slice(this.#at, end + 2))}`,
          `Write \${${name}}`,
        );
      }
      this.#variable(name, quoted, true);
      this.#at = end;
    } else if (next !== "" && COUNTS.includes(next)) {
      this.#out.push({ kind: "unknown", text: "", name: next, quoted });
      this.#at += 2;
    } else if (/[0-9@*_-]/.test(next)) {
      throw unknownValue(`$${next}`);
    } else return false;
    return true;
  }

  #braced(quoted: boolean): void {
    const end = this.#text.indexOf("}", this.#at);
    const name = end === -1 ? "" : this.#text.slice(this.#at + 2, end);
    if (name.length === 1 && COUNTS.includes(name)) {
      this.#out.push({ kind: "unknown", text: "", name, quoted });
    } else if (NAME_START.test(name[0] ?? "") && Array.from(name).every((c) => NAME_CHAR.test(c))) {
      this.#variable(name, quoted);
    } else {
      throw new Refusal(
        `What this expansion gives is not certain: ${shown(this.#text.slice(this.#at))}`,
        "Write the value itself",
      );
    }
    this.#at = end + 1;
  }

  #variable(name: string, quoted: boolean, open = false): void {
    const { value } = this.#options.expansions.variable(name);
    if (value === undefined) this.#out.push({ kind: "unknown", text: "", name, quoted });
    else this.#value(value, quoted, open);
  }
}

/** The refusal of a variable whose value cannot be known. */
export function unknownValue(name: string): Refusal {
  return new Refusal(
    `The value of ${shown(name)} is not certain`,
    "Write the value itself, or assign it earlier in the same line",
  );
}

/** The refusal of a command whose output is needed. */
export function substitution(piece: string): Refusal {
  return new Refusal(
    `What a command substitution gives is not certain: ${shown(piece)}`,
    "Run the inner command first, then write its output into the next call",
  );
}

/** The refusal of what plain `sh` takes for something else. */
export function onlyBash(what: string): Refusal {
  return new Refusal(`Plain sh may not know ${shown(what)}`, "Write it without sh -c");
}

function arithmetic(piece: string): Refusal {
  return new Refusal(
    `What this arithmetic gives is not certain: ${shown(piece)}`,
    "Write the number itself",
  );
}

function continued(word: string): Refusal {
  return new Refusal(
    `A word goes on in the next line: ${shown(word)}`,
    "Write a blank before the backslash at the end of a line",
  );
}

function unread(word: string): Refusal {
  return new Refusal(
    `This word is not understood: ${shown(word)}`,
    "Write it between single quotes",
  );
}
