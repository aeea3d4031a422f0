import { az } from "./az.ts";
import { type App, type Names, type Place, addressOf, apps, codeOf, namesOf, runCode } from "./place.ts";
import { smoke } from "./smoke.ts";
import { smokeWorker } from "./smokeWorker.ts";

/** What was live is live again. The cause says why. */
export class SwappedBack extends Error {
  override readonly name = "SwappedBack";
}

/** Who consumes comes first: messages of the new api are understood by a worker of either build, decision 33. */
const order: readonly App[] = ["worker", "api"];

/**
 * Makes what is staged live, app by app, and looks whether each runs before the next one. Where one does not, or a swap
 * fails, what was live is brought back, and {@link SwappedBack} thrown; another error says what could not be. Until the api is
 * live for the first time, code is set live instead, with nothing to go back to: no slot is ready before a worker has made the
 * keys, and Azure swaps none that is not. A staging slot that was never smoked is not for this to find: stage first.
 */
export async function swap(place: Place, seconds: number, say: (line: string) => void): Promise<void> {
  const names = await namesOf(place);
  const [code = "1", ...others] = await Promise.all(apps.map((app) => codeOf(place, names[app], "staging")));
  if (code === "1" || others.some((each) => each !== code))
    throw new Error("the staging slots do not run one package: stage first");
  const runs: Readonly<Record<App, () => Promise<void>>> = {
    worker: () => smokeWorker(place, names.worker, code, seconds),
    api: async () => smoke(await addressOf(place, names.api, "production"), seconds),
  };
  const swapped: App[] = [];
  const isFirst = (await codeOf(place, names.api, "production")) === "1";
  try {
    for (const app of order) {
      if (isFirst) {
        await runCode(place, names[app], "production", code);
        say(`${app}: live for the first time`);
      } else {
        await swapOver(place, names, app, code);
        swapped.push(app);
        say(`${app}: swapped`);
        await renew(place, names, app);
      }
      await runs[app]();
    }
  } catch (error) {
    if (isFirst) throw error;
    const { message } = error as Error;
    const stuck: string[] = [];
    for (const app of swapped.toReversed())
      try {
        await swapSlots(place, names, app);
        say(`${app}: swapped back`);
        await renew(place, names, app);
      } catch (failure) {
        stuck.push(`${app}, ${(failure as Error).message}`);
      }
    if (stuck.length > 0)
      throw new Error(`${message}; what was live before is not all live again: ${stuck.join("; ")}`, { cause: error });
    throw new SwappedBack(`${message}; what was live before is live again`, { cause: error });
  }
  say("what was staged is live");
}

/** Makes the staged code live. What Azure did although its answer was lost is done. */
async function swapOver(place: Place, names: Names, app: App, code: string): Promise<void> {
  try {
    await swapSlots(place, names, app);
  } catch (error) {
    const staged = await codeOf(place, names[app], "staging").catch(() => code);
    if (staged === code) throw error;
  }
}

async function swapSlots({ group }: Place, names: Names, app: App): Promise<void> {
  await az([
    ...["functionapp", "deployment", "slot", "swap", "--resource-group", group, "--name", names[app]],
    ...["--slot", "staging", "--target-slot", "production"],
  ]);
}

/**
 * A swap moves the slot's instances into production as they run, with the slot's name in their environment. The Functions
 * host takes from that name which keys it knows and which queue its blob trigger keeps: Event Grid, which holds production's
 * key, would be answered 401, which it does not repeat, until Azure exchanges the instance some day
 * (Azure/azure-functions-host#8999, #6785). Nobody but events and messages waits for the worker, and the api has no such key.
 */
async function renew({ group }: Place, names: Names, app: App): Promise<void> {
  if (app === "worker") await az(["functionapp", "restart", "--resource-group", group, "--name", names.worker]);
}
