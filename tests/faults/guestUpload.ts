import { readFile, readdir } from "node:fs/promises";
import { ulid } from "ulid";
import { hashFile } from "../../shared/media/hash.ts";
import { deleteBlob, listByPrefix, statBlob } from "../../shared/storage/blobs.ts";
import { createTenantContainer, systemContainer } from "../../shared/storage/containers.ts";
import type { BlobContainer } from "../../shared/storage/accounts.ts";
import { uploadFile } from "../../shared/storage/streams.ts";
import { now, setClockForTests } from "../../shared/clock.ts";
import { type Survey, surveyKind } from "../../shared/surveys/survey.ts";
import { templateVersionKind } from "../../shared/templates/template.ts";
import { counterId } from "../../shared/tenancy/counter.ts";
import { openScopeForTests } from "../../shared/tenancy/databaseForTests.ts";
import { factKind } from "../../shared/tenancy/fact.ts";
import { defineKind } from "../../shared/tenancy/kind.ts";
import { leaseId, leaseKind } from "../../shared/tenancy/lease.ts";
import type { TenantScope } from "../../shared/tenancy/scope.ts";
import { type Tenant, quotasOf, tenantKind } from "../../shared/tenants/tenant.ts";
import { blocksOf } from "../../shared/videos/blocks.ts";
import { cancelUpload } from "../../shared/videos/cancelUpload.ts";
import { completeUpload } from "../../shared/videos/completeUpload.ts";
import { type Outcome, processVideo } from "../../shared/videos/processVideo.ts";
import type { Recorder } from "../../shared/videos/recorder.ts";
import { startUpload } from "../../shared/videos/startUpload.ts";
import { viewUpload } from "../../shared/videos/uploadView.ts";
import { withdraw } from "../../shared/videos/manifest.ts";
import { type Video, blobNames, manifestName, videoKind } from "../../shared/videos/video.ts";
import { videoOf } from "../../shared/videos/videoOf.ts";
import { workRoot } from "../../shared/videos/workFolder.ts";
import { type Step, analysis, claim, freeLease, processing } from "../../shared/videos/workLease.ts";

/** A guest whose recording has arrived in a tenant of its own, block by block, and is not completed yet. */
export interface GuestUpload {
  readonly tenant: TenantScope;
  readonly guest: Recorder;
  readonly container: BlobContainer;
  readonly videoId: string;
  readonly size: number;
}

const account = "devstoreaccount1";

export async function arrivedUpload(file: string): Promise<GuestUpload> {
  const guestActor = { type: "guest", id: `lnk_${ulid()}` } as const;
  const tenant = openScopeForTests(undefined, { actor: guestActor });
  const container = await createTenantContainer(tenant.tenantId, account);
  const guest = await setUp(tenant, guestActor.id);
  return await nextUpload({ tenant, guest, container }, file);
}

/** One more of the same guest. */
export async function nextUpload(
  { tenant, guest, container }: Pick<GuestUpload, "tenant" | "guest" | "container">,
  file: string,
): Promise<GuestUpload> {
  const content = await readFile(file);
  const { id: videoId } = await startUpload(tenant, guest, {
    questionId: "room",
    size: content.length,
    contentType: "video/mp4",
  });
  const { upload } = await viewUpload(tenant, container, await tenant.repository.get(videoKind, videoId));
  if (upload === undefined) throw new Error("there is no grant");
  let at = 0;
  for (const { id, size } of blocksOf(content.length, upload.blockSize)) {
    const url = `${upload.url}&comp=block&blockid=${encodeURIComponent(id)}`;
    const answer = await fetch(url, { method: "PUT", body: content.subarray(at, (at += size)) });
    if (answer.status !== 201) throw new Error(`a block was refused: ${answer.status}`);
  }
  return { tenant, guest, container, videoId, size: content.length };
}

/** Completes the upload as the guest does, who reaches the video first. */
export async function complete({ tenant, guest, videoId, size }: GuestUpload): Promise<void> {
  await completeUpload(tenant, guest, await videoOf(tenant, guest.surveyId, videoId), { size });
}

/** A recording that has arrived and waits for processing. */
export async function completedUpload(file: string): Promise<GuestUpload> {
  const upload = await arrivedUpload(file);
  await complete(upload);
  return upload;
}

/** Processes the upload, as its manifest has the app do. */
export function deliver({ tenant, guest, videoId }: GuestUpload): Promise<Outcome> {
  return processVideo(tenant, guest.surveyId, videoId);
}

/** Sets the clock so much ahead, where it then stands still. */
export function later({ days = 0, minutes = 0, seconds = 0 }): void {
  const at = now().getTime() + ((days * 24 * 60 + minutes) * 60 + seconds) * 1000;
  setClockForTests(() => new Date(at));
}

/** Cancels the upload as the guest does. */
export async function cancel({ tenant, guest, videoId }: GuestUpload): Promise<void> {
  await cancelUpload(tenant, guest, await videoOf(tenant, guest.surveyId, videoId));
}

/** Sets fields of the upload's survey, as somebody else's work would have. */
export async function setSurvey({ tenant, guest }: GuestUpload, fields: Partial<Survey>): Promise<void> {
  const survey = await tenant.repository.get(surveyKind, guest.surveyId);
  await tenant.change().patch(surveyKind, survey, fields).record();
}

/** Sets fields of the video, as somebody else's work would have. */
export async function setVideo({ tenant, videoId }: GuestUpload, fields: Partial<Video>): Promise<void> {
  const video = await tenant.repository.get(videoKind, videoId);
  await tenant.change().patch(videoKind, video, fields).record();
}

/** Leaves a lease on the video that nobody renews. */
export async function setLease(
  { tenant, videoId }: GuestUpload,
  milliseconds: number,
  step: Step = processing,
): Promise<void> {
  const subject = step.subject(videoId);
  const until = new Date(now().getTime() + milliseconds).toISOString();
  await tenant.change().create(leaseKind, leaseId(subject), { subject, owner: ulid(), until, progress: 0.5 }).record();
}

/** Has another machine begin an attempt, whose lease nobody renews after that. */
export async function beginElsewhere({ tenant, videoId }: GuestUpload, step: Step = processing): Promise<void> {
  const free = await freeLease(tenant, step, videoId);
  if (free === "busy") throw new Error("somebody is at work on it");
  const work = await claim(tenant, step, await tenant.repository.get(videoKind, videoId), free);
  await work?.end();
}

/** A video that is ready, as processing leaves it, with the file as what is played. */
export async function readyVideo(file: string): Promise<GuestUpload> {
  const upload = await completedUpload(file);
  const { tenant, guest, container, videoId } = upload;
  const names = blobNames(guest.surveyId, videoId);
  await withdraw({ tenantId: tenant.tenantId, surveyId: guest.surveyId, videoId });
  await deleteBlob(container, names.incoming);
  await uploadFile(container, names.video, file, { contentType: "video/mp4" });
  const { size, sha256 } = await hashFile(file);
  const played = { blob: names.video, size, sha256 };
  await setVideo(upload, {
    state: "ready",
    outputs: {
      video: played,
      poster: played,
      sprite: { ...played, cues: [] },
      method: "remux",
      durationMs: 1000,
      width: 320,
      height: 240,
    },
    analysisState: "waiting",
    analysisAttempts: 0,
  });
  return upload;
}

async function setUp(tenant: TenantScope, linkId: string): Promise<Recorder> {
  const { tenantId } = tenant;
  const surveyId = `svy_${ulid()}`;
  const templateVersionId = `tpv_${ulid()}`;
  const far = "2999-01-01T00:00:00.000Z";
  const company: Tenant = {
    name: "Test",
    plan: "standard",
    state: "active",
    account,
    quotas: quotasOf.standard,
    consentText: { version: 1, text: "May we?" },
    branding: { displayName: "Test", color: "#000000" },
  };
  await tenant
    .change()
    .create(tenantKind, tenantId, company)
    .create(templateVersionKind, templateVersionId, {
      templateId: `tpl_${ulid()}`,
      version: 1,
      name: "Test",
      questions: [
        {
          id: "room",
          type: "video",
          label: "Show the room",
          required: true,
          minSeconds: 1,
          gates: { black: { action: "retake" } },
          hls: true,
        },
      ],
    })
    .create(surveyKind, surveyId, {
      state: "in_progress",
      templateVersionId,
      guest: { name: "Gerda" },
      linkId,
      consent: { version: 1, accepted: true, at: far, locale: "en" },
      answers: {},
      videoCount: 0,
    })
    .startCounter("videoBytes", 0)
    .commit({ target: surveyId });
  return { surveyId, tenant: company };
}

/** Everything that an upload and its processing leave behind, so that nothing can be there twice or be left over. */
export async function tracesOf({ tenant, guest, container, videoId }: GuestUpload) {
  const { repository, tenantId } = tenant;
  const video = await repository.get(videoKind, videoId);
  const survey = await repository.get(surveyKind, guest.surveyId);
  const { items: facts } = await repository.list(factKind, { limit: 100 });
  const blobs: Record<string, number> = {};
  for await (const { name, size } of listByPrefix(container, "", { uncommitted: true }))
    blobs[short(name, video)] = size;
  const manifest = await statBlob(systemContainer("ingest"), manifestName(tenantId, guest.surveyId, videoId));
  const leases = await Promise.all(
    [processing, analysis].map((step) => repository.find(leaseKind, leaseId(step.subject(videoId)))),
  );
  const folders = await readdir(workRoot()).catch(() => []);
  return {
    state: video.state,
    ...(video.rejection !== undefined && { rejection: video.rejection.code }),
    ...(video.analysisState !== undefined && { analysis: video.analysisState }),
    survey: survey.state,
    events: facts.flatMap(({ events }) => events.map(({ type }) => type)),
    counted: await countedBytes(tenant),
    blobs,
    manifest: manifest !== undefined,
    lease: leases.some((lease) => lease !== undefined),
    folders: folders.filter((name) => name.startsWith(videoId)).length,
  };
}

/** What counts for the tenant's quota. */
export async function countedBytes({ repository }: TenantScope): Promise<number> {
  return (await repository.get(counterKind, counterId("videoBytes"))).value;
}

const counterKind = defineKind<{ readonly value: number }>("counter", {
  schemaVersion: 1,
  fields: { value: "technical" },
});

function short(blobName: string, { surveyId }: Video): string {
  return blobName
    .split("/")
    .filter((part) => part !== surveyId && !part.startsWith("vid_"))
    .join("/");
}
