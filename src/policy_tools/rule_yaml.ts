/**
 * Rules as YAML that fits a narrow terminal and shows every character.
 *
 * @module
 */

const WIDTH = 79;

/**
 * A value as YAML in block form. Texts are in double quotes, in ASCII, and folded where they are long.
 *
 * @param value JSON.
 * @param indent How far its lines are indented.
 * @returns Lines. The first goes behind what the value belongs to, if it is a text or empty.
 */
export function yamlLines(value: unknown, indent: number): string[] {
  const margin = " ".repeat(indent);
  if (Array.isArray(value)) {
    return value.flatMap((one) => {
      const [first = "", ...more] = yamlLines(one, indent + 2);
      return [`${margin}- ${first.trimStart()}`, ...more];
    });
  }
  if (value !== null && typeof value === "object") {
    return Object.entries(value).flatMap(([name, one]) => {
      const key = /^[a-z_]+$/.test(name) && !/^(y|n|yes|no|on|off|true|false|null)$/.test(name)
        ? name
        : quoted(name, indent).join("\n");
      if (isEmpty(one)) return [`${margin}${key}: ${Array.isArray(one) ? "[]" : "{}"}`];
      if (one !== null && typeof one === "object") {
        return [`${margin}${key}:`, ...yamlLines(one, indent + 2)];
      }
      const whole = scalar(one, indent + key.length + 2);
      if (whole.length === 1) return [`${margin}${key}: ${whole[0]}`];
      const [first = "", ...more] = scalar(one, indent + 2);
      return [`${margin}${key}:`, `${margin}  ${first}`, ...more];
    });
  }
  const [first = "", ...more] = scalar(value, indent);
  return [margin + first, ...more];
}

function isEmpty(value: unknown): boolean {
  return value !== null && typeof value === "object" && Object.keys(value).length === 0;
}

function scalar(value: unknown, indent: number): string[] {
  return typeof value === "string" ? quoted(value, indent) : [JSON.stringify(value)];
}

/** In double quotes; a backslash at the end of a line joins it with the next (YAML 1.2, 7.3.1). */
function quoted(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '"';
  for (const char of text) {
    const token = escaped(char);
    if (indent + line.length + token.length + 2 > WIDTH && line.length > 10) {
      lines.push(`${line}\\`);
      // White space at the beginning of a line does not count.
      line = char === " " ? "\\x20" : token;
    } else line += token;
  }
  lines.push(`${line}"`);
  return lines.map((one, i) => i === 0 ? one : " ".repeat(indent) + one);
}

function escaped(char: string): string {
  if (char === '"' || char === "\\") return `\\${char}`;
  if (/^[ -~]$/.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
