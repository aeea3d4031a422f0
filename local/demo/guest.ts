import { openAsBlob } from "node:fs";
import { Refusal as RefusedUpload } from "../../clients/upload/exchange.ts";
import { type Uploaded, uploadVideo } from "../../clients/upload/uploadVideo.ts";
import type { GuestSurveyView } from "../../shared/surveys/guestView.ts";
import type { Question } from "../../shared/templates/template.ts";
import type { StackAddresses } from "../client.ts";
import { LocalError } from "../service.ts";
import { Refusal, type Session, ask } from "./api.ts";
import type { Recording } from "./recording.ts";

/** The guest's device: it has the link, and after that a bearer, and nothing else. */
export interface Guest extends Session {
  readonly survey: GuestSurveyView;
}

/** Opens the link. Its token is the fragment, which no browser sends to a server by itself. */
export async function openLink(stack: StackAddresses, link: string): Promise<Guest> {
  const token = new URL(link).hash.slice(1);
  const { bearer } = await ask<{ bearer: string }>({ stack }, "POST /v1/guest/session", { body: { token } });
  return { stack, token: bearer, survey: await ask<GuestSurveyView>({ stack, token: bearer }, "GET /v1/guest/survey") };
}

/** Agrees to the text of the version that was shown. */
export async function agree(guest: Guest): Promise<void> {
  const { version } = guest.survey.consent;
  await ask(guest, "PUT /v1/guest/consent", { body: { version, accepted: true, locale: "en" } });
}

/** Answers every question but the videos. Gives how many those were. */
export async function answerAll(guest: Guest): Promise<number> {
  let answered = 0;
  for (const question of guest.survey.questions) {
    const value = answerTo(question);
    if (value === undefined) continue;
    await ask(guest, `PUT /v1/guest/answers/${question.id}`, { body: { value } });
    answered++;
  }
  return answered;
}

function answerTo(question: Question): string | number | boolean | string[] | undefined {
  switch (question.type) {
    case "text":
      return "See the video.".slice(0, question.maxLength);
    case "number":
      return Math.min(Math.max(2, question.minimum ?? 2), question.maximum ?? 2);
    case "boolean":
      return true;
    case "date":
      return new Date().toISOString().slice(0, 10);
    case "choice": {
      const first = question.options.slice(0, 1).map(({ value }) => value);
      return question.multiple === true ? first : first[0];
    }
    case "video":
    case "section":
      return undefined;
  }
}

/**
 * Sends the recording as the answer to the first video question, straight to storage. `onProgress` is told how many bytes
 * have arrived. Throws {@link Refusal} where the API says no.
 */
export async function upload(guest: Guest, file: Recording, onProgress: (sent: number) => void): Promise<Uploaded> {
  const question = guest.survey.questions.find(({ type }) => type === "video");
  if (question === undefined) throw new LocalError("The survey asks for no video: npm start -- --fresh begins anew.");
  const { path, contentType, sha256 } = file;
  try {
    return await uploadVideo(await openAsBlob(path), {
      ...{ apiUrl: guest.stack.apiUrl, bearer: () => guest.token, key: crypto.randomUUID() },
      ...{ questionId: question.id, contentType, sha256, device: { client: "app", kind: "computer" }, onProgress },
    });
  } catch (error) {
    if (error instanceof RefusedUpload) throw new Refusal("The upload", error.status, error.problem);
    throw error;
  }
}

/** Hands the survey in. Gives the receipt's code. */
export async function submit(guest: Guest): Promise<string> {
  const { receiptCode } = await ask<{ receiptCode: string }>(guest, "POST /v1/guest/submit");
  return receiptCode;
}
