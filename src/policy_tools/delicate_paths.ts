/**
 * Names of files that one thinks twice about: secrets, and what other programs run or obey.
 *
 * @module
 */

/** What often holds secrets. */
export const SECRET_NAMES: readonly RegExp[] = [
  /(^|[/=])\.env(\.|$)/i,
  /\.(pem|key|p12|pfx|kdbx|jks|keystore|ovpn)$/i,
  /(^|[/=])id_(rsa|dsa|ecdsa|ed25519)/i,
  /(^|[/=])\.(npmrc|netrc|pgpass|pypirc|git-credentials|htpasswd|vault-token)$/i,
  /(^|[/=])\.(ssh|gnupg|aws|azure|kube|docker|password-store)(\/|$)/i,
  /(secret|credential|password|passwd|shadow|token)/i,
];

/** What other programs run or obey. */
export const SETTINGS_NAMES: readonly RegExp[] = [
  /(^|[/=])\.(claude|codex|gemini|qwen|copilot|opencode|cursor|cline|vscode|idea)(\.json|\/|$)/i,
  /(^|[/=])(\.mcp|mcp|opencode)\.json$/i,
  /(^|[/=])\.git(\/|$|modules$|attributes$|config$)/i,
  /(^|[/=])\.(husky|github|circleci|devcontainer)(\/|$)/i,
  /(^|[/=])\.(bash\w*|zsh\w*|profile|inputrc|vimrc|tmux\.conf|envrc)$/i,
  /(^|[/=])(Makefile|package\.json|deno\.jsonc?|Dockerfile|\.gitlab-ci\.yml)$/i,
  /^\/(etc|boot|usr|bin|sbin|lib)(\/|$)/,
  /(^|[/=])(crontab|authorized_keys|systemd|LaunchAgents|autostart)(\/|$)/i,
];

/** Whether a path is one of these. */
export function matchesPattern(path: string, patterns: readonly RegExp[]): boolean {
  return patterns.some((pattern) => pattern.test(path));
}
