/**
 * The environment of programs: what is named, nothing else.
 *
 * @module
 */

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The variables given, and those of this process that are named.
 *
 * @throws {RangeError} A name or a value cannot be one.
 * @throws {TypeError} This process may not read one of those named.
 */
export function environment(
  given: Readonly<Record<string, string>>,
  inherited: readonly string[],
): Record<string, string> {
  const variables = Object.entries(given).concat(inherited.flatMap((name) => {
    checkName(name);
    if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") {
      throw new TypeError(
        `Cannot make provider "process": inheritEnv names "${name}", which this process may not read, ` +
          `add --allow-env=${name} to deno run`,
      );
    }
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as [string, string]];
  }));
  for (const [name, value] of variables) {
    checkName(name);
    if (typeof value !== "string" || value.includes("\0")) {
      throw new RangeError(
        `Cannot make provider "process": env "${name}" is no text without NUL characters`,
      );
    }
  }
  return Object.fromEntries(variables);
}

function checkName(name: string): void {
  if (typeof name === "string" && NAME.test(name)) return;
  throw new RangeError(
    `Cannot make provider "process": "${name}" is no name of a variable, expected letters, digits and _ ` +
      `(each by its exact name, there are no patterns)`,
  );
}
