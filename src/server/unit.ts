/**
 * The unit of a resident kernel for the service managers of Linux and macOS, as text.
 *
 * @module
 */

/** What a unit starts. */
export interface UnitOptions {
  /** The command line; its program is an absolute path. */
  readonly command: readonly string[];
  /** Where it runs, absolute. */
  readonly folder: string;
  /** Folders in which programs are searched. */
  readonly searchPath: string;
}

/** By the name that the command line takes. */
export const UNITS: Readonly<Record<string, (options: UnitOptions) => string>> = {
  systemd: systemdUnit,
  launchd: launchdPlist,
};

/**
 * A user unit of systemd. What a policy allows is held by Deno's permissions; the lines here take what no policy can
 * allow. Not among them, because the kernel needs it: namespaces (the sandbox of programs is made of them) and memory
 * that is written and run (V8 compiles).
 */
function systemdUnit({ command, folder, searchPath }: UnitOptions): string {
  return `# For one user: write it to ~/.config/systemd/user/agent-kernel.service, then
#   systemctl --user daemon-reload && systemctl --user enable --now agent-kernel
[Unit]
Description=Agent Kernel, one policy for the agents of this user

[Service]
Type=exec
ExecStart=${command.map(systemdWord).join(" ")}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory=${systemdValue(folder)}
Environment=${systemdWord(`PATH=${searchPath}`)}
Restart=on-failure
RestartSec=2
KillMode=mixed
TimeoutStopSec=90
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
LimitCORE=0
TasksMax=4096

[Install]
WantedBy=default.target
`;
}

/** A launch agent of macOS. It has no hardening of its own: what it may do is held by Deno's permissions. */
function launchdPlist({ command, folder, searchPath }: UnitOptions): string {
  const text = (value: string) => `<string>${xml(value)}</string>`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- For one user: write it to ~/Library/LaunchAgents/org.agent-kernel.plist, then
     launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/org.agent-kernel.plist -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>org.agent-kernel</string>
  <key>ProgramArguments</key>
  <array>
${command.map((word) => `    ${text(word)}`).join("\n")}
  </array>
  <key>WorkingDirectory</key>
  ${text(folder)}
  <key>EnvironmentVariables</key>
  <dict>
    <key>PATH</key>
    ${text(searchPath)}
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ExitTimeOut</key>
  <integer>90</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>Umask</key>
  <integer>63</integer>
  <key>HardResourceLimits</key>
  <dict>
    <key>Core</key>
    <integer>0</integer>
  </dict>
</dict>
</plist>
`;
}

/** A word of a command line, as systemd.service(5) reads it back. */
function systemdWord(word: string): string {
  assertLine(word);
  const escaped = word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("$", "$$$$")
    .replaceAll("%", "%%");
  return /^[\w@+=:,./%-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** A value that is no list of words. */
function systemdValue(text: string): string {
  assertLine(text);
  return text.replaceAll("%", "%%");
}

function assertLine(text: string): void {
  if (/\p{Cc}/u.test(text)) {
    throw new RangeError(
      `Cannot write a unit: ${JSON.stringify(text)} has a control character, expected none`,
    );
  }
}

function xml(text: string): string {
  assertLine(text);
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
