/**
 * Words of a command line, as they are typed.
 *
 * @module
 */

/** A word as a shell would read it back: POSIX, or with control characters bash, zsh and ksh. */
export function shellQuoted(word: string): string {
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/u.test(word)) {
    const bytes = Array.from(
      new TextEncoder().encode(word),
      (byte) =>
        byte > 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c
          ? String.fromCharCode(byte)
          : `\\x${byte.toString(16).padStart(2, "0")}`,
    );
    return `$'${bytes.join("")}'`;
  }
  return /^[\w@%+=:,./[\]-]+$/.test(word) && !/[[\]]/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}
