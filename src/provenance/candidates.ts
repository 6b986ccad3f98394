/**
 * The values of a kind that stand in a trusted text.
 *
 * @module
 */
import { linksIn } from "./links.ts";
import { normaliseValue, type ValueKind } from "./normalise.ts";

/** A value that is shorter never counts as found in a text: too much would hold it by chance. */
export const MIN_IN_TEXT = 4;

const PHONE = /(?<![\p{L}\p{N}+])(?:\+|00)[\d\u00a0 ().\/-]{6,25}\d(?!\p{N})/gu;
const IBAN = /(?<![\p{L}\p{N}])[A-Za-z]{2}\d{2}(?:[ \u00a0]?[A-Za-z0-9]){11,40}/gu;

const IN_TEXT: Readonly<Record<ValueKind, (text: string) => readonly string[]>> = {
  text: () => [],
  email: (text) => linkValues(text, "email"),
  email_untagged: (text) => linkValues(text, "email"),
  url: (text) => linkValues(text, "url"),
  host: (text) => linkValues(text, "url").map((url) => new URL(url).hostname),
  phone: (text) => Array.from(text.matchAll(PHONE), ([match]) => match),
  iban: ibansIn,
  path: (text) => text.split(/[\s"'`<>()[\]{},;]+/u).map((word) => word.replace(/[.:!?]+$/, "")),
};

/**
 * The values of a kind in a text, in their normal form. Of the kind `text` there are none: whether a text is
 * in another one is found by {@linkcode standsIn}.
 */
export function valuesIn(text: string, kind: ValueKind): string[] {
  return IN_TEXT[kind](text).flatMap((found) => {
    const value = normaliseValue(kind, found);
    return value === undefined || value.length < MIN_IN_TEXT ? [] : [value];
  });
}

/**
 * Whether a value stands in a text between boundaries: not as a part of a word, an address, a path or a number.
 *
 * @param text In its normal form.
 * @param value In its normal form.
 */
export function standsIn(text: string, value: string): boolean {
  if (value.length < MIN_IN_TEXT) return false;
  for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + 1)) {
    const end = at + value.length;
    if (
      /^$|[\s"'`(<[{,;:!?\u2018-\u201f\u00ab\u00bb]$/u.test(text.slice(Math.max(0, at - 1), at))
    ) {
      // A stop ends a sentence, or goes on in a name.
      if (
        /^$|^[\s"'`)>\]},;!?\u2018-\u201f\u00ab\u00bb]|^[.:](?:\s|$)/u.test(
          text.slice(end, end + 2),
        )
      ) {
        return true;
      }
    }
  }
  return false;
}

/** In the decoded readings of a trusted text are no more values: it is taken as it is. */
function linkValues(text: string, kind: "url" | "email"): string[] {
  return (linksIn(text) ?? []).flatMap((link) => {
    if (link.kind !== kind || link.value === undefined || link.within !== undefined) return [];
    // Without a scheme it may be meant in both.
    return kind === "url" && link.isBare === true
      ? [link.value, link.value.replace(/^https:/, "http:")]
      : [link.value];
  });
}

/** After the last character of an IBAN other words may follow: each beginning that has right check digits. */
function ibansIn(text: string): string[] {
  return Array.from(text.matchAll(IBAN), ([match]) => match).flatMap((run) => {
    const ends = Array.from(
      run.matchAll(/(?<=[A-Za-z0-9])(?=[ \u00a0]|$)/gu),
      ({ index }) => index,
    );
    return ends.map((end) => run.slice(0, end)).filter((part) =>
      normaliseValue("iban", part) !== undefined
    ).slice(0, 1);
  });
}
