/**
 * Names that a person or a model could take for one another.
 *
 * @module
 */

/**
 * Letters of other scripts that look like Latin ones: a part of the confusables of UTS #39.
 * {@linkcode isPlain} is the check for all others.
 */
const FOREIGN: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    a: "аαɑ",
    b: "Ььв",
    c: "сϲ",
    d: "ԁ",
    e: "еεҽ",
    g: "ɡց",
    h: "һнʜ",
    i: "іιɩıӏ",
    j: "јϳ",
    k: "кκ",
    m: "м",
    n: "пηո",
    o: "оοσօ",
    p: "рρ",
    q: "ԛգ",
    r: "гᴦ",
    s: "ѕꜱ",
    t: "тτ",
    u: "υսʋ",
    v: "ѵν",
    w: "ԝѡω",
    x: "хχ",
    y: "уγү",
    z: "ᴢʐ",
  }).flatMap(([latin, others]) => Array.from(others, (other) => [other, latin])),
);

/** A form of a name that is equal for names that look alike. */
export function lookOf(name: string): string {
  return Array.from(
    name.normalize("NFKD").replace(/[\p{M}\p{DI}\p{Cf}\p{Cc}\p{Z}]/gu, "").toLowerCase(),
    (char) => FOREIGN[char] ?? char,
  ).join("")
    .replace(/[i1|!]/g, "l")
    .replace(/0/g, "o")
    .replace(/rn/g, "m")
    .replace(/vv/g, "w")
    .replace(/[-_.‐-―−]/g, "_");
}

/** Whether a name has only printable ASCII characters, and single spaces within. */
export function isPlain(name: string): boolean {
  return /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(name);
}
