/**
 * Warnings of a provider to the operator.
 *
 * @module
 */

/** A provider in the hands of an attacker must not flood the operator. */
const MAX_WARNINGS = 20;
const MAX_LENGTH = 500;

/**
 * Bounds what a provider tells the operator: each warning once, limited in number and length, on one
 * line.
 *
 * @param provider Its name.
 * @param onWarning Gets the lines.
 * @returns What passes a warning on; its argument is untrusted.
 */
export function boundedWarnings(
  provider: string,
  onWarning: (line: string) => void,
): (warning: unknown) => void {
  const passed = new Set<string>();
  return (warning) => {
    if (typeof warning !== "string" || passed.size >= MAX_WARNINGS) return;
    const line = warning.slice(0, MAX_LENGTH).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");
    if (passed.has(line)) return;
    passed.add(line);
    onWarning(`agent-kernel: provider "${provider}": ${line}`);
  };
}
