/**
 * Names of files that one thinks twice about: secrets, and what other programs run or obey.
 *
 * @module
 */
import { isGuidingName, isSecretName } from "./sensitive.ts";

/** What often holds secrets, beside the names in `sensitive.ts`: for a person who reads a warning. */
const SECRET_NAMES: readonly RegExp[] = [
  /(^|[/=])\.env(\.|$)/i,
  /\.(pem|key|p12|pfx|kdbx|jks|keystore|ovpn)$/i,
  /(^|[/=])id_(rsa|dsa|ecdsa|ed25519)/i,
  /(^|[/=])\.(npmrc|netrc|pgpass|pypirc|git-credentials|htpasswd|vault-token)$/i,
  /(^|[/=])\.(ssh|gnupg|aws|azure|kube|docker|password-store)(\/|$)/i,
  /(secret|credential|password|passwd|shadow|token)/i,
];

/** The same, of what other programs run or obey. */
const SETTINGS_NAMES: readonly RegExp[] = [
  /(^|[/=])\.(claude|codex|gemini|qwen|copilot|opencode|cursor|cline|vscode|idea)(\.json|\/|$)/i,
  /(^|[/=])(\.mcp|mcp|opencode)\.json$/i,
  /(^|[/=])\.git(\/|$|modules$|attributes$|config$)/i,
  /(^|[/=])\.(husky|github|circleci|devcontainer)(\/|$)/i,
  /(^|[/=])\.(bash\w*|zsh\w*|profile|inputrc|vimrc|tmux\.conf|envrc)$/i,
  /(^|[/=])(Makefile|package\.json|deno\.jsonc?|Dockerfile|\.gitlab-ci\.yml)$/i,
  /^\/(etc|boot|usr|bin|sbin|lib)(\/|$)/,
  /(^|[/=])(crontab|authorized_keys|systemd|LaunchAgents|autostart)(\/|$)/i,
];

/** Whether a path, or an argument with one, is or may hold a secret. */
export function isSecret(path: string): boolean {
  return SECRET_NAMES.some((name) => name.test(path)) || namesIn(path).some(isSecretName);
}

/** Whether it is what other programs, editors and agents run or obey. */
export function isSettings(path: string): boolean {
  return SETTINGS_NAMES.some((name) => name.test(path)) || namesIn(path).some(isGuidingName);
}

function namesIn(path: string): string[] {
  return path.split(/[/=]/);
}
