import { setTimeout as sleep } from "node:timers/promises";
import type { VideoView } from "../../shared/videos/videoView.ts";
import { Refusal } from "./api.ts";
import type { Uploaded } from "../../clients/upload/uploadVideo.ts";
import { type Guest, agree, answerAll, openLink, submit, upload } from "./guest.ts";
import type { Break } from "./options.ts";
import { type Played, checkEvents, checkOriginal, checkPlayback } from "./checks.ts";
import type { Recording } from "./recording.ts";
import { type Receiver, receiverUrl, startReceiver } from "./receiver.ts";
import type { DemoStack } from "./runningStack.ts";
import { type Claim, bar, duration, megabytes, progress, say, sayLive } from "./screen.ts";
import {
  type InvitedSurvey,
  type Tenant,
  eventsAfter,
  inviteGuest,
  keepSubscription,
  signInTenant,
  subscribe,
  surveyState,
  wantedEvents,
  watchVideo,
} from "./tenant.ts";

export interface Outcome {
  readonly claims: readonly Claim[];
  /** Where the video was refused: why, and how the survey goes on. */
  readonly rejection?: {
    readonly code: string;
    readonly remedy: string;
    readonly goesOn: string;
    readonly link: string;
  };
  readonly played?: Played;
}

export interface Cast {
  readonly stack: DemoStack;
  readonly file: Recording;
  readonly ffprobe: string;
  readonly breaks?: Break | undefined;
}

/** The main job, from the tenant's invitation to the tenant's server, and what of it is true. */
export async function mainJob({ stack, file, ffprobe, breaks }: Cast): Promise<Outcome> {
  const claims: Claim[] = [];
  const tenant = await signInTenant(stack);
  const url = receiverUrl(stack.webhookReceiverUrl);
  const { readUntil: before, ...subscription } = await subscribe(tenant, url);
  const { readUntil } = await eventsAfter(tenant, before);
  say("tenant", `${tenant.email} signed in`);
  say("tenant", `webhooks go to ${url}`);

  let surveyId = "";
  await using receiver = await startReceiver({
    ...{ origin: stack.webhookReceiverUrl, secret: subscription.secret, breaks },
    onReceived: ({ id, type, data, fault }) => {
      // Others are late news of an earlier run.
      if (data["surveyId"] === surveyId)
        say("receiver", `${type} ${id}, signature ${fault === undefined ? "verified" : `wrong (${fault})`}`);
    },
  });

  const inviting = performance.now();
  const survey = await inviteGuest(tenant);
  surveyId = survey.id;
  say("tenant", `survey ${survey.id} made, with its link`);
  claims.push({ step: "Survey and link", holds: true, ms: since(inviting), result: survey.id });

  say("guest", `has ${file.name}, ${megabytes(file.size)}`);
  const opening = performance.now();
  const guest = await openLink(stack, survey.link);
  await agree(guest);
  const answered = await answerAll(guest);
  const answers = `consent to version ${guest.survey.consent.version}, ${answered} questions answered`;
  say("guest", `opened the link: ${answers}`);
  claims.push({ step: "Consent, answers", holds: true, ms: since(opening), result: answers });

  const sent = await send(guest, file, claims);
  if (sent instanceof Refusal) return { claims, rejection: await refused(tenant, survey, sent.code, sent.reason) };
  const video = await follow(tenant, survey.id, sent.videoId, guest, claims);
  if (video.state !== "ready") {
    const { code, remedy } = video.rejection ?? { code: video.state, remedy: "Look at functions.log." };
    return { claims, rejection: await refused(tenant, survey, code, remedy) };
  }
  claims.push(checkOriginal(video, file));
  const played = await checkPlayback(tenant, video, ffprobe, breaks);
  claims.push(...played.claims);
  await arrival(receiver, survey.id);
  const { claims: told, readUntil: read } = await checkEvents(tenant, survey.id, readUntil, receiver);
  claims.push(...told);
  await keepSubscription(tenant, { ...subscription, readUntil: read });
  return { claims, played };
}

/** Uploads the recording; gives the API's refusal where it says at once that it takes no such file. */
async function send(guest: Guest, file: Recording, claims: Claim[]): Promise<Uploaded | Refusal> {
  const uploading = performance.now();
  const step = "Upload";
  try {
    const sent = await upload(guest, file, progress("guest", "uploading", file.size));
    const ms = since(uploading);
    const blocks = `${sent.blocks} ${sent.blocks === 1 ? "block" : "blocks"}`;
    say("guest", `uploaded ${file.name}: ${megabytes(file.size)} in ${blocks}, ${duration(ms)}`);
    claims.push({ step, holds: true, ms, bytes: file.size, result: `${blocks}, ${sent.videoId}` });
    return sent;
  } catch (error) {
    if (!(error instanceof Refusal) || !["unsupported_type", "too_large"].includes(error.code)) throw error;
    claims.push({ step, holds: false, ms: since(uploading), bytes: file.size, result: `refused: ${error.code}` });
    return error;
  }
}

/** Submits while the video is being processed, and follows that to its end. */
async function follow(
  tenant: Tenant,
  surveyId: string,
  videoId: string,
  guest: Guest,
  claims: Claim[],
): Promise<VideoView> {
  const processing = performance.now();
  const [receipt, video] = await Promise.all([
    submitted(guest),
    watchVideo(tenant, { surveyId, videoId }, showStates(processing)),
  ]);
  if (receipt !== undefined) {
    claims.push({ step: "Submission", holds: true, ms: receipt.ms, result: `receipt ${receipt.code}` });
  }
  const { media, state, rejection } = video;
  const found = media === undefined ? rejection?.code : `by ${media.method}, ${media.width} x ${media.height}`;
  const result = found === undefined ? state : `${state}, ${found}`;
  claims.push({ step: "Processing", holds: state === "ready", ms: since(processing), bytes: media?.size, result });
  return video;
}

/** The receipt; undefined where the video was refused so soon that the survey lacks it. */
async function submitted(guest: Guest): Promise<{ readonly code: string; readonly ms: number } | undefined> {
  const submitting = performance.now();
  try {
    const code = await submit(guest);
    say("guest", `submitted, receipt ${code}`);
    return { code, ms: since(submitting) };
  } catch (error) {
    if (error instanceof Refusal && error.code === "missing_required") return undefined;
    throw error;
  }
}

/** Says each new state; while there is none, how far the processing is. */
function showStates(started: number): (video: VideoView) => void {
  let shown: string | undefined;
  return ({ state, progress: share }) => {
    if (state !== shown) say("tenant", `video is ${state} after ${duration(since(started))}`);
    else if (share !== undefined) sayLive("tenant", `video is processing ${bar(share)}  ${duration(since(started))}`);
    shown = state;
  };
}

async function refused(tenant: Tenant, survey: InvitedSurvey, code: string, remedy: string) {
  const state = await surveyState(tenant, survey.id);
  const goesOn = `The survey goes on, now ${state}: the guest opens the link again and sends another video.`;
  return { code, remedy, goesOn, link: survey.link };
}

/** Waits until the receiver has heard of everything that it is to hear of; at most 10 s, which has one retry in it. */
async function arrival(receiver: Receiver, surveyId: string): Promise<void> {
  const end = performance.now() + 10_000;
  const heard = () => receiver.received.filter(({ data }) => data["surveyId"] === surveyId).length;
  while (heard() < wantedEvents.length && performance.now() < end) {
    sayLive("receiver", `waiting for webhooks, ${duration(end - performance.now())} left`);
    await sleep(50);
  }
}

function since(started: number): number {
  return performance.now() - started;
}
