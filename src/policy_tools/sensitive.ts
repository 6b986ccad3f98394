/**
 * Names of files that hold secrets, or that decide what programs and agents do.
 *
 * @module
 */

/** Names of files with secrets, as patterns of one segment. */
export const SECRET_FILES: readonly string[] = [
  ...[".env", ".env.*", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "*.keystore"],
  ...["id_rsa*", "id_ed25519*", "id_ecdsa*", ".netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd"],
  ...[".git-credentials", "*credentials*", "*secret*", "*password*", "*.token"],
];

/** Folders with secrets. */
export const SECRET_FOLDERS: readonly string[] = [
  ...[
    ".ssh",
    ".aws",
    ".gnupg",
    ".kube",
    ".docker",
    ".azure",
    ".gcloud",
    "secrets",
    "*credentials*",
  ],
];

/** Files by which agents, editors and Git are told what to run, and instructions of agents. */
export const GUIDING_FILES: readonly string[] = [
  ...[".mcp.json", "opencode.json", ".gitlab-ci.yml", ".aider.conf.yml", ".gitattributes"],
  ...[".gitconfig", ".gitmodules", "AGENTS.md", "CLAUDE.md", "GEMINI.md", ".cursorrules"],
  ...[".windsurfrules", ".clinerules", "policy.yaml", "HEAD"],
];

/** The same, of folders. */
export const GUIDING_FOLDERS: readonly string[] = [
  ...[".git", ".claude", ".codex", ".gemini", ".cursor", ".vscode", ".opencode", ".husky"],
  ...[".devcontainer", ".windsurf", ".kiro", ".continue", ".roo", ".amazonq", ".zed", ".idea"],
  ...[".github"],
];

const FILES = [...SECRET_FILES, ...GUIDING_FILES];
const FOLDERS = [...SECRET_FOLDERS, ...GUIDING_FOLDERS];
const SECRET_NAME = nameOf([...SECRET_FILES, ...SECRET_FOLDERS]);
const GUIDING_NAME = nameOf([...GUIDING_FILES, ...GUIDING_FOLDERS]);

/** Letter case does not matter: on some file systems it is the same file. */
function nameOf(names: readonly string[]): RegExp {
  const patterns = names.map((name) => name.replace(/[.]/g, "\\$&").replaceAll("*", ".*"));
  return new RegExp(`^(${patterns.join("|")})$`, "iu");
}

/** Whether a name of a file or folder is one of secrets. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Whether it is one by which agents, editors and Git are told what to do. */
export function isGuidingName(name: string): boolean {
  return GUIDING_NAME.test(name);
}

/** Whether it is either. */
export function isSensitive(name: string): boolean {
  return isSecretName(name) || isGuidingName(name);
}

/** Most alternatives of the braces in one pattern. */
const MAX_ALTERNATIVES = 250;

/**
 * Patterns of all of these below folders, for a deny rule.
 *
 * @param folders Of patterns: escaped, without a slash at their end.
 */
export function sensitiveBelow(folders: readonly string[]): string[] {
  const below = (names: readonly string[], end: string) => {
    const size = Math.floor(MAX_ALTERNATIVES / names.length);
    return Array.from({ length: Math.ceil(folders.length / size) }, (_, i) => {
      const some = folders.slice(i * size, (i + 1) * size);
      const start = some.length === 1 ? some[0] : `{${some.join(",")}}`;
      return `${start}/**/{${names.join(",")}}${end}`;
    });
  };
  return [...below(FILES, ""), ...below(FOLDERS, "/**")];
}
