import { identify } from "../../shared/media/identify.ts";
import { defaultLimits } from "../../shared/media/limits.ts";
import { Rejection } from "../../shared/media/rejection.ts";
import { openSource } from "../../scripts/fileSource.ts";

/** A program: identifies a file that is to be refused and prints what of it was read. `node bench/video/refuse.ts FILE` */
const [path = ""] = process.argv.slice(2);
await using source = await openSource(path);
const refusal = await identify(source, defaultLimits).then(
  () => undefined,
  (error: unknown) => error,
);
if (!(refusal instanceof Rejection)) throw new Error("it was not refused", { cause: refusal });
console.log(JSON.stringify({ code: refusal.code, bytesRead: source.bytesRead() }));
