import { join } from "node:path";
import { type TestApp, runApp } from "../../local/host/testing/app.ts";
import type { HostOptions } from "../../local/host/host.ts";
import { type Stack, startStack } from "../../local/stack.ts";

/** What of this process's environment is for an app that runs in one of its own. */
export function appSettings(env: HostOptions["env"] = process.env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) => value !== undefined && !/^(?:NODE|VITEST)/u.test(name)),
  ) as Record<string, string>;
}

/** A stack in this process, and its app in one of its own, started with options for Node. Disposing the stack ends both. */
export async function startStackApart(
  dataDir: string,
  nodeOptions: readonly string[],
): Promise<{ readonly stack: Stack; readonly app: TestApp }> {
  let app: TestApp | undefined;
  const stack = await startStack({
    port: 0,
    dataDir,
    appDir: join(import.meta.dirname, "../.."),
    log: () => undefined,
    startApp: async ({ appDir, port, env, onBlobCreated }) => {
      const ca = join(dataDir, "certificates", "ca.pem");
      const ran = await runApp({ appDir, ca, port }, appSettings(env), nodeOptions);
      onBlobCreated?.((blob) => {
        ran.send({ blob });
      });
      app = ran;
      return { ...ran, close: () => ran.stop() };
    },
  });
  if (app === undefined) throw new Error("the app did not start");
  return { stack, app };
}
