/**
 * The environment of the second process.
 *
 * @module
 */

const PROXIES = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "http_proxy",
  "https_proxy",
  "all_proxy",
];
const LOOPBACK = ["localhost", "127.0.0.1", "::1"];

/** Variables that the second process gets if they are set. It may read none of them but those named. */
const HANDED_ON: readonly string[] = [
  // For Deno: where its cache is, and how to find it.
  ...["HOME", "PATH", "TMPDIR", "DENO_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"],
  // How it prints.
  ...["TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LANG", "LANGUAGE", "TZ"],
  ...["LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"],
  // How the host of a model is reached.
  ...PROXIES,
  ...["NO_PROXY", "no_proxy"],
  // Which certificates and registries are trusted.
  ...["DENO_CERT", "DENO_TLS_CA_STORE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"],
  ...["JSR_URL", "NPM_CONFIG_REGISTRY", "NPM_CONFIG_USERCONFIG"],
  // Who watches Deno's permissions has to see the second process, too.
  ...["DENO_PERMISSION_BROKER_PATH", "DENO_AUDIT_PERMISSIONS", "DENO_TRACE_PERMISSIONS"],
];

/** The part of `Deno.CommandOptions` that is about the environment. */
export interface ChildEnvironment {
  readonly clearEnv: boolean;
  readonly env: Record<string, string>;
}

/**
 * Makes the environment of the second process: what this page lists, and what the command names.
 *
 * A process that was started without `--allow-env` cannot read those variables. Then the second
 * process inherits them all, and it still may read only those that the command names.
 *
 * @param named Variables that the command needs: the key of a model, what MCP servers inherit.
 */
export function childEnvironment(named: readonly string[]): ChildEnvironment {
  if (Deno.permissions.querySync({ name: "env" }).state !== "granted") {
    return { clearEnv: false, env: {} };
  }
  const env: Record<string, string> = {};
  for (const name of [...HANDED_ON, ...named]) {
    // Deno would hand on no variable that loads code, and has none of an impossible name.
    if (/^(LD|DYLD)_|^$|[=\0]/.test(name)) continue;
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  // A proxy does not lead to this machine: models and scripted models may be on it.
  const direct = [env["NO_PROXY"] ?? env["no_proxy"], ...LOOPBACK].filter(Boolean).join(",");
  if (PROXIES.some((name) => env[name])) env["NO_PROXY"] = env["no_proxy"] = direct;
  return { clearEnv: true, env };
}

/**
 * The variables because of which Deno refused to start a process, all emptied. Without
 * `--allow-run` for everything, it hands on no `LD_…` and no `DYLD_…`, which load code into programs.
 *
 * @param error What `spawn` has thrown.
 * @returns `undefined` if it was refused for another reason.
 */
export function withoutRefused(error: unknown): Record<string, string> | undefined {
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const names = error.message.match(/\b(?:LD|DYLD)_\w*/g);
  return names === null ? undefined : Object.fromEntries(names.map((name) => [name, ""]));
}
