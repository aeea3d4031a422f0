import { openAsBlob } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { ulid } from "ulid";
import { uploadVideo } from "../../clients/upload/uploadVideo.ts";
import { type Answer, type CallOptions, call, signIn } from "../../local/client.ts";
import { clip } from "../../scripts/clips.ts";
import type { Page, Sent } from "../crash/guests.ts";
import type { Plan } from "../crash/plans.ts";
import type { TenantUnderLoad } from "../crash/tenants.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";

interface List<T> {
  readonly items: readonly T[];
  readonly nextCursor?: string | null;
}

/** Guests that send videos and members that read, as their clients do: what passes is tried again, for so long. */
export class Clients {
  readonly #patienceMs: number;
  requests = 0;
  /** Requests that got no answer. */
  cutOff = 0;
  /** Answers of 500 and above, by status and operation. */
  readonly failures = new Map<string, number>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Sends the plan's video by the reference client. */
  async send(page: Page, plan: Plan): Promise<Sent> {
    const { videoId } = await uploadVideo(await openAsBlob(await clip(plan.clip)), {
      apiUrl: stackUnderTest().apiUrl,
      bearer: (refused) => (refused === undefined ? page.session : this.#open(page)),
      questionId: "room",
      contentType: "video/mp4",
      key: ulid(),
      patience: { pauseMs: 100, longestMs: 1_000, enoughMs: this.#patienceMs },
      fetch: (url, init) => this.#counted(`${init.method ?? "GET"} ${new URL(url).pathname}`, () => fetch(url, init)),
    });
    return { tenantId: page.tenantId, videoId, plan, completed: true };
  }

  /** All surveys of the tenant, page by page, each of them, and its log. */
  async read({ id, owner }: TenantUnderLoad): Promise<void> {
    const token = await signIn(stackUnderTest(), owner.email, id);
    let cursor = "";
    do {
      const { body } = await this.#ask<List<{ id: string }>>(`GET /v1/surveys?limit=1${cursor}`, { token });
      for (const survey of body.items) await this.#ask(`GET /v1/surveys/${survey.id}`, { token });
      cursor = typeof body.nextCursor === "string" ? `&cursor=${encodeURIComponent(body.nextCursor)}` : "";
    } while (cursor !== "");
    await this.#ask("GET /v1/events", { token });
  }

  /** Each video that was sent, as a member sees it. */
  async readVideos({ id, owner }: TenantUnderLoad, sent: readonly (Sent & Pick<Page, "surveyId">)[]): Promise<void> {
    const token = await signIn(stackUnderTest(), owner.email, id);
    for (const { tenantId, surveyId, videoId } of sent)
      if (tenantId === id) await this.#ask(`GET /v1/surveys/${surveyId}/videos/${videoId}`, { token });
  }

  /** The page's session has ended: the link opens a new one. */
  async #open(page: Page): Promise<string> {
    const token = new URL(page.link).hash.slice(1);
    const { body } = await this.#ask<{ bearer: string }>("POST /v1/guest/session", { body: { token } });
    page.session = body.bearer;
    return body.bearer;
  }

  async #ask<T>(operation: string, options: CallOptions): Promise<Answer<T>> {
    const end = performance.now() + this.#patienceMs;
    let last = "no answer";
    let pauseMs = 100;
    while (performance.now() < end) {
      const signal = AbortSignal.timeout(30_000);
      const asked = this.#counted(operation, () => call<T>(stackUnderTest(), operation, { ...options, signal }));
      const answer = await asked.catch(() => undefined);
      if (answer?.status === 200) return answer;
      if (answer !== undefined) last = `${answer.status}: ${answer.text}`;
      if (answer !== undefined && answer.status < 500 && answer.status !== 429) break;
      await delay(pauseMs);
      pauseMs = Math.min(1_000, pauseMs * 2);
    }
    throw new Error(`${nameless(operation)}: ${last}`);
  }

  async #counted<T extends { readonly status: number }>(operation: string, ask: () => Promise<T>): Promise<T> {
    this.requests++;
    try {
      const answer = await ask();
      const failure = `${answer.status} ${nameless(operation)}`;
      if (answer.status >= 500) this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
      return answer;
    } catch (error) {
      this.cutOff++;
      throw error;
    }
  }
}

/** Without ids, cursors and the names of blobs. */
function nameless(operation: string): string {
  const [path = ""] = operation.split("?");
  return path
    .split("/")
    .map((part) => (/^[a-z]{3}_\w+$/u.test(part) ? `{${part.slice(0, 3)}}` : part))
    .join("/");
}
