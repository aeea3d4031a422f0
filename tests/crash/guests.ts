import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { ulid } from "ulid";
import { type Answer, type CallOptions, call } from "../../local/client.ts";
import { type ClipName, clip } from "../../scripts/clips.ts";
import type { Random } from "../certify/random.ts";
import { putBlob, putBlock, type Upload } from "../support/upload.ts";
import type { TestSurvey } from "../support/tenant.ts";
import type { Plan } from "./plans.ts";

/** What a guest knows of a video once everything is done. */
export interface Sent {
  readonly tenantId: string;
  readonly videoId: string;
  readonly plan: Plan;
  readonly completed: boolean;
}

/** One guest's page, open on a survey. */
export interface Page extends Pick<TestSurvey, "link" | "surveyId"> {
  readonly tenantId: string;
  session: string;
}

interface Surroundings {
  /** Addresses of the living instances' APIs; there may be none for a while. */
  readonly apis: () => readonly string[];
  readonly random: Random;
}

const patience = 600_000;

/** Guests as their pages behave: whatever fails, or gets no answer, is tried again until it is done or refused. */
export class Guests {
  readonly #surroundings: Surroundings;
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Answers of 500 and above, by status and operation. */
  readonly failures = new Map<string, number>();
  /** Calls that got no answer. */
  cutOff = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Does what the plan says. */
  async send(page: Page, plan: Plan): Promise<Sent> {
    const { random } = this.#surroundings;
    const [inBlocks, key] = [random.below(2) === 0, ulid()];
    const bytes = await this.#file(plan);
    const started = await this.#ask<Upload>(page, "POST /v1/guest/videos", [201], {
      headers: { "idempotency-key": key },
      body: {
        questionId: "room",
        size: bytes.length,
        contentType: "video/mp4",
        ...(plan.wrongHash === true && { sha256: createHash("sha256").update("another file").digest("hex") }),
      },
    });
    const { id } = started.body;
    const sent = { tenantId: page.tenantId, videoId: id, plan };
    await this.#upload(page, started.body, bytes, inBlocks);
    if (plan.abandon === true) return { ...sent, completed: false };
    if (plan.cancel === "sent") return await this.#cancel(page, { ...sent, completed: false });
    const path = `/v1/guest/videos/${id}`;
    await this.#ask(page, `POST ${path}/complete`, [202], { body: { size: bytes.length } });
    if (plan.cancel === undefined) return { ...sent, completed: true };
    if (plan.cancel === "done")
      await this.#until(async () => {
        const { body } = await this.#ask<Upload>(page, `GET ${path}`, [200]);
        return ["ready", "rejected", "processing_failed"].includes(body.state);
      });
    return await this.#cancel(page, { ...sent, completed: true });
  }

  /** Sends the file under the grant; where that has ended meanwhile, under a new one. */
  async #upload(page: Page, started: Upload, bytes: Uint8Array<ArrayBuffer>, inBlocks: boolean): Promise<void> {
    let { upload } = started;
    await this.#until(async () => {
      try {
        if (upload === undefined) throw new Error("there is no grant");
        if (inBlocks) await putBlock(upload.url, 0, bytes);
        else await putBlob(upload.url, bytes);
        return true;
      } catch {
        upload = (await this.#ask<Upload>(page, `GET /v1/guest/videos/${started.id}`, [200])).body.upload;
        return false;
      }
    });
  }

  /** While the video is processed it cannot be taken back: the page asks again. */
  async #cancel(page: Page, sent: Sent): Promise<Sent> {
    await this.#ask(page, `DELETE /v1/guest/videos/${sent.videoId}`, [204]);
    return sent;
  }

  async #file({ clip: name, times = 1 }: Plan): Promise<Uint8Array<ArrayBuffer>> {
    const key = `${name} ${times}`;
    const bytes = this.#files.get(key) ?? (await contentOf(name, times));
    this.#files.set(key, bytes);
    return bytes;
  }

  /** Asks until the answer is one of those wanted. */
  async #ask<T>(
    page: Page,
    operation: string,
    wanted: readonly number[],
    options: CallOptions = {},
  ): Promise<Answer<T>> {
    let found: Answer<T> | undefined;
    await this.#until(async () => {
      const answer = await this.#call<T>(operation, { ...options, token: page.session });
      if (answer === undefined) return false;
      if (answer.status === 401) await this.#open(page);
      if (answer.status >= 500) this.#count(`${answer.status} ${operation.replaceAll(/vid_\w+/gu, "{videoId}")}`);
      if (wanted.includes(answer.status)) found = answer;
      else if (!passing(answer as Answer<{ code?: string }>))
        throw new Error(`${operation} answered ${answer.status}: ${answer.text}`);
      return found !== undefined;
    });
    if (found === undefined) throw new Error(`${operation} was never answered`);
    return found;
  }

  /** The page's session has ended: the link opens a new one. */
  async #open(page: Page): Promise<void> {
    const token = new URL(page.link).hash.slice(1);
    const answer = await this.#call<{ bearer: string }>("POST /v1/guest/session", { body: { token } });
    if (answer?.status === 200) page.session = answer.body.bearer;
  }

  async #call<T>(operation: string, options: CallOptions): Promise<Answer<T> | undefined> {
    const { apis, random } = this.#surroundings;
    const urls = apis();
    const apiUrl = urls[urls.length === 0 ? 0 : random.below(urls.length)];
    if (apiUrl === undefined) return undefined;
    try {
      return await call<T>({ apiUrl }, operation, { ...options, signal: AbortSignal.timeout(30_000) });
    } catch {
      this.cutOff++;
      return undefined;
    }
  }

  #count(failure: string): void {
    this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
  }

  /** Tries until it is done, with growing pauses. */
  async #until(attempt: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + patience;
    let pauseMs = 100;
    while (!(await attempt())) {
      if (performance.now() > end) throw new Error("a guest has lost patience");
      await delay(pauseMs);
      pauseMs = Math.min(1_000, pauseMs * 2);
    }
  }
}

async function contentOf(name: ClipName, times: number): Promise<Uint8Array<ArrayBuffer>> {
  const path = await clip(name);
  if (times === 1) return new Uint8Array(await readFile(path));
  const folder = await mkdtemp(join(tmpdir(), "callpilot-repeated-"));
  const repeated = join(folder, "repeated.mp4");
  const args = ["-nostdin", "-v", "error", "-stream_loop", `${times - 1}`, "-i", path, "-c", "copy", repeated];
  try {
    await promisify(execFile)("ffmpeg", args);
    return new Uint8Array(await readFile(repeated));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether it may go better next time: as the API's problems say, and what the page itself has mended. */
function passing({ status, body }: Answer<{ code?: string }>): boolean {
  if (status === 401 || status === 429 || status >= 500) return true;
  return status === 409 && ["conflict", "invalid_transition"].includes(body.code ?? "");
}
