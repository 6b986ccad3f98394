/**
 * Keys of a file of MCP servers that are not used, so that a mistyped one is seen.
 *
 * @module
 */
import { nearest } from "../near.ts";

const FILE_KEYS = ["mcpServers", "lockFile", "pins"];
const SERVER_KEYS = [
  ...["command", "args", "env", "inheritEnv", "cwd", "pidNamespace"],
  ...["url", "headers", "timeout", "timeoutMs", "type", "disabled"],
];
/** What other clients have there, and what changes nothing of what a server is or may. */
const WITHOUT_MEANING = [
  ...["description", "name", "title", "icon", "gallery", "version", "$schema"],
  ...["autoApprove", "alwaysAllow", "trust"],
];

/**
 * One line for each key that is not used.
 *
 * @param file The object of the file. Of its own keys only those are told that are nearly known ones: some clients
 * have much else in it.
 * @param servers Those of `mcpServers` that are used.
 */
export function unusedKeys(
  file: Readonly<Record<string, unknown>>,
  servers: Readonly<Record<string, unknown>>,
): string[] {
  const ofFile = Object.keys(file).filter((key) =>
    !FILE_KEYS.includes(key) && nearest(key, FILE_KEYS) !== undefined
  );
  return [
    ...ofFile.map((key) => lineFor(key, FILE_KEYS)),
    ...Object.entries(servers).flatMap(([name, server]) =>
      unknownKeys(server).map((key) => `server "${name}": ${lineFor(key, SERVER_KEYS)}`)
    ),
  ];
}

function unknownKeys(server: unknown): string[] {
  if (server === null || typeof server !== "object" || Array.isArray(server)) return [];
  return Object.keys(server).filter((key) =>
    !SERVER_KEYS.includes(key) && !WITHOUT_MEANING.includes(key)
  );
}

function lineFor(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return `the key "${key}" is not used${near === undefined ? "" : `, did you mean "${near}"?`}`;
}
