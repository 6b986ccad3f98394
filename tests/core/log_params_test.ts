import { assertEquals } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { recordsOf } from "../records.ts";
import { Workspace } from "../workspace.ts";

Deno.test("logParams: params of denied requests, of all, or of none are on record, without their secrets", async () => {
  for (const logParams of ["digest", "denied", "redacted"] as const) {
    using ws = new Workspace();
    const root = ws.folder("w");
    const logPath = ws.path("kernel.log");
    const kernel = await Kernel.open({
      policy: { capabilities: [{ action: "fs.write", resource: `${root}/**` }] },
      ...{ logPath, logParams, onWarning: () => {} },
    });
    for (const target of [`${root}/a`, "/elsewhere"]) {
      await kernel.submit({ action: "fs.write", target, params: { content: "password=hunter22" } });
    }
    await kernel.close();
    const records = await recordsOf(logPath);
    const logged = { content: "password=[redacted]", encoding: "utf-8" };
    assertEquals(records.map(({ status, params_values }) => [status, params_values]), [
      ["NO_PROVIDER", logParams === "redacted" ? logged : undefined],
      ["DENIED", logParams === "digest" ? undefined : logged],
    ], logParams);
  }
});
