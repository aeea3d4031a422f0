import { received } from "../surveys/missingAnswers.ts";
import type { Survey } from "../surveys/survey.ts";
import { counters } from "../tenants/tenant.ts";
import { isProblem } from "../web/problem.ts";
import { end, endWithSurvey, event, isHandedIn } from "./endWork.ts";
import type { Examined } from "./examineVideo.ts";
import { asHints, asksForRetake, requestOf } from "./remarks.ts";
import { type Stream, videoKind } from "./video.ts";
import { videosOf } from "./videoOf.ts";
import type { Work } from "./workLease.ts";

/**
 * What the recording sounds and looks like is known. Where the question asks for a retake, the guest is asked: a survey that
 * was submitted with nothing else as the answer goes back to them. Once for each question, so that nobody is kept from
 * ending; and no more once the survey is decided. Ends the work.
 */
export async function recordAnalysed(work: Work, { analysis, remarks }: Examined): Promise<void> {
  const { tenant, video } = work;
  const happened = event("video.analysed", video);
  const set = { analysisState: "done", analysis, remarks } as const;
  const request = requestOf(remarks);
  if (request === undefined) {
    await end(tenant.change(), work, set, [happened]);
    return;
  }
  await endWithSurvey(work, happened, async (survey) => {
    const others = (await videosOf(tenant, survey.id)).filter(
      ({ id, questionId }) => id !== video.id && questionId === video.questionId,
    );
    if (isDecided(survey) || others.some((other) => asksForRetake(other.remarks)))
      return { set: { ...set, remarks: asHints(remarks) } };
    const isTheAnswer = isHandedIn(survey) && !others.some(({ state }) => received.includes(state));
    return { set, ...(isTheAnswer && { request }) };
  });
}

/** No attempt at the analysis succeeded; the video stays as it is. Ends the work. */
export async function recordNotAnalysed(work: Work): Promise<void> {
  await end(work.tenant.change(), work, { analysisState: "failed" }, []);
}

function isDecided(survey: Survey): boolean {
  return !isHandedIn(survey) && survey.state !== "in_progress" && survey.state !== "changes_requested";
}

/**
 * The files of the stream are the video's and count for the quota; one that is recorded already stays. Throws `stale` where
 * the video is ready no more.
 */
export async function recordStream({ tenant, video: { id } }: Work, stream: Stream): Promise<void> {
  const size = stream.media.size + stream.playlist.size;
  for (let attempt = 1; ; attempt++) {
    const video = await tenant.repository.get(videoKind, id);
    if (video.stream !== undefined) return;
    const { state, countedBytes } = video;
    const change = tenant
      .change()
      .patch(
        videoKind,
        video,
        { stream, countedBytes: countedBytes + size },
        { condition: { state: "ready", stream: { absent: true }, countedBytes } },
      )
      .count(counters.videoBytes, size);
    try {
      await change.commit({ target: id });
      return;
    } catch (error) {
      // Sealing its evidence counts bytes at the same time.
      if (!isProblem(error, "stale") || state !== "ready" || attempt === 4) throw error;
    }
  }
}
