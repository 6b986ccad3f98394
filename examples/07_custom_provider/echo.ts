/**
 * A provider of your own, in a Worker without permissions. Its code is echo_provider.ts.
 *
 *     deno run -P=examples examples/07_custom_provider/echo.ts
 */
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";
import { echo } from "./echo_provider.ts";

using workspace = new Workspace();

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - action: echo.say
    resource: friends/*
    constraint: { times: { max: 3 } }     # the default, 1, counts
`,
  },
  providers: [echo],
  logPath: `${workspace.root}/kernel.log`,
  onWarning: () => {},
});

const requests: ActionRequest[] = [
  { action: "echo.say", target: "friends/bob", params: { text: "hello" } },
  { action: "echo.say", target: "friends/bob", params: { text: "ha", times: 3 } },
  { action: "echo.say", target: "friends/bob", params: { text: "ha", times: 1e9 } },
  { action: "echo.say", target: "strangers/eve", params: { text: "hello" } },
  { action: "echo.say", target: "friends/bob", params: { text: 7 } },
  { action: "echo.say", target: "friends/bob", params: { text: "the password file" } },
];
for (const request of requests) {
  const { status, code = "", data, error } = await kernel.submit(request);
  console.log(request.target, JSON.stringify(request.params), "→", status, code, data ?? error);
}
