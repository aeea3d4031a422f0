import { join } from "node:path";
import { type TestApp, runApp } from "../../local/host/testing/app.ts";
import { type Stack, startStack } from "../../local/stack.ts";

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
      const settings = Object.fromEntries(
        Object.entries(env).filter(([name, value]) => value !== undefined && !/^(?:NODE|VITEST)/u.test(name)),
      ) as Record<string, string>;
      const ran = await runApp({ appDir, ca: join(dataDir, "certificates", "ca.pem"), port }, settings, nodeOptions);
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
