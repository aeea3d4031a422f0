import { beforeAll, expect, it } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { surveyKind } from "../../shared/surveys/survey.ts";
import { submitSurvey } from "../../shared/surveys/submitSurvey.ts";
import { processVideo } from "../../shared/videos/processVideo.ts";
import { videoKind } from "../../shared/videos/video.ts";
import { backendOfFile } from "../support/backend.ts";
import { type GuestUpload, cancel, completedUpload } from "./guestUpload.ts";

backendOfFile();

let text: string;
beforeAll(async () => {
  text = await clip("text.mp4");
});

async function outcome({ tenant, guest, videoId }: GuestUpload): Promise<string> {
  const survey = await tenant.repository.get(surveyKind, guest.surveyId);
  const video = await tenant.repository.get(videoKind, videoId);
  return `survey ${survey.state}, video ${video.state}`;
}

const rounds = 12;

it("a required video is never both handed in and taken back", async () => {
  const outcomes = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const upload = await completedUpload(text);
    await Promise.allSettled([submitSurvey(upload.tenant, upload.guest), cancel(upload)]);
    outcomes.add(await outcome(upload));
  }
  expect(outcomes).not.toContain("survey submitted, video upload_cancelled");
  expect([...outcomes].every((each) => each.includes("submitted") !== each.includes("upload_cancelled"))).toBe(true);
});

it("a required video that is refused while it is handed in brings the survey back to the guest", async () => {
  const outcomes = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const upload = await completedUpload(text);
    const submitted = new Promise((resolve) => setTimeout(resolve, round * 12)).then(() =>
      submitSurvey(upload.tenant, upload.guest),
    );
    await Promise.allSettled([submitted, processVideo(upload.tenant, upload.guest.surveyId, upload.videoId)]);
    outcomes.add(await outcome(upload));
  }
  expect(outcomes).not.toContain("survey submitted, video rejected");
  expect(outcomes).toContain("survey changes_requested, video rejected");
});
