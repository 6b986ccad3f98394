/**
 * The environment of programs that providers start: empty, but for what the configuration lists.
 *
 * @module
 */

/** What of an environment a program gets. */
export interface EnvironmentOptions {
  /** Variables, literally. @default {} */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Names of variables that are handed on from this process, which needs `--allow-env` for them.
   * Exact names only, so that nothing that changes how programs are loaded slips in with a pattern.
   * @default []
   */
  readonly inheritEnv?: readonly string[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The dynamic linker's: Deno starts nothing with them unless everything may be started. */
const LINKER = /^(LD|DYLD)_/;

/** How an environment is worked out. */
export interface WhoseEnvironment {
  /** For messages, for example `MCP server "files"`. */
  readonly whose: string;
  /** Whether there is another way than Deno's to set the linker's variables. @default false */
  readonly linker?: boolean;
}

/**
 * Works out an environment once, so that what a program gets does not depend on when it starts.
 *
 * @throws {RangeError} A name or a value is none.
 * @throws {TypeError} The process may not read a variable.
 */
export function childEnvironment(
  { env = {}, inheritEnv = [] }: EnvironmentOptions,
  { whose, linker = false }: WhoseEnvironment,
): Record<string, string> {
  const what = `Cannot make the environment of ${whose}`;
  const refuse = (why: string) => new RangeError(`${what}: ${why}`);
  for (const name of [...Object.keys(env), ...inheritEnv]) {
    if (typeof name !== "string" || !NAME.test(name)) {
      throw refuse(
        `"${name}" is no name of a variable, expected letters, digits and "_", no patterns`,
      );
    }
    if (!linker && LINKER.test(name)) {
      throw refuse(`Deno starts no program with "${name}" unless it may start every program`);
    }
  }
  const inherited = inheritEnv.flatMap((name): [string, string][] => {
    const value = read(name, what);
    return value === undefined ? [] : [[name, value]];
  });
  for (const [name, value] of Object.entries(env)) {
    if (typeof value !== "string" || value.includes("\0")) {
      throw refuse(`"${name}" is no text without NUL`);
    }
  }
  return { ...Object.fromEntries(inherited), ...env };
}

function read(name: string, what: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new TypeError(
      `${what}: this process may not read "${name}", add --allow-env=${name} to deno run`,
    );
  }
}
