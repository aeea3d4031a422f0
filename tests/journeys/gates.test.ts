import { beforeAll, expect, test } from "vitest";
import { until } from "../../local/client.ts";
import { type ClipName, clip } from "../../scripts/clips.ts";
import { type TestTenant, expectApi, newSurvey, newTenant, openSession } from "../support/tenant.ts";
import { send } from "../support/upload.ts";

interface Shown {
  readonly id: string;
  readonly analysis?: { readonly state: string };
  readonly hints?: readonly { readonly gate: string; readonly text: string }[];
  readonly retake?: { readonly reason: string };
}
interface Survey {
  readonly state: string;
  readonly changes?: { readonly reason: string; readonly questionIds: readonly string[] };
  readonly videos: readonly Shown[];
}

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await newTenant();
});

const room = { id: "room", type: "video", label: "Show the room", required: true };
const asking = { ...room, gates: { black: { action: "retake" }, silent: { action: "off" } } };
const newSurveyWith = (question: object) => newSurvey(tenant, { questions: [question] });

const shownTo = async (token: string, operation: string) => (await expectApi<Survey>(operation, 200, { token })).body;
const sendClip = async (guest: string, name: ClipName) => send(guest, await clip(name));

async function analysed(surveyId: string, videoId: string): Promise<Shown> {
  return await until("the analysis", 100, async () => {
    const { videos } = await shownTo(tenant.owner.token, `GET /v1/surveys/${surveyId}`);
    return videos.find(({ id, analysis }) => id === videoId && analysis?.state === "done");
  });
}

test("a black answer that was handed in is asked for again, once, in words", { timeout: 180_000 }, async () => {
  const { guest, surveyId, link } = await newSurveyWith(asking);
  const first = await sendClip(guest, "blink-black.mp4");
  await expectApi("POST /v1/guest/submit", 200, { token: guest });
  const shown = await analysed(surveyId, first);
  expect(shown.hints).toEqual([{ gate: "black", text: "The picture is black for 100 % of the time." }]);
  const survey = await shownTo(tenant.owner.token, `GET /v1/surveys/${surveyId}`);
  expect(survey).toMatchObject({ state: "changes_requested", changes: { questionIds: ["room"] } });
  expect(survey.changes?.reason).toContain("Please record it again");

  const again = await openSession(link);
  const asked = await shownTo(again, "GET /v1/guest/survey");
  expect(asked).toMatchObject({ state: "in_progress", changes: { reason: survey.changes?.reason } });
  expect(asked.videos).toMatchObject([{ id: first, retake: { reason: survey.changes?.reason } }]);
  const second = await sendClip(again, "blink-black.mp4");
  await expectApi("POST /v1/guest/submit", 200, { token: again });
  expect(await analysed(surveyId, second)).not.toHaveProperty("retake");
  expect(await shownTo(tenant.owner.token, `GET /v1/surveys/${surveyId}`)).toMatchObject({ state: "submitted" });
});

test(
  "a guest who has not handed in yet sees with the video what is asked for, and may go on",
  { timeout: 120_000 },
  async () => {
    const { guest, surveyId } = await newSurveyWith(asking);
    const id = await sendClip(guest, "blink-black.mp4");
    await analysed(surveyId, id);
    const { body: upload } = await expectApi<Shown>(`GET /v1/guest/videos/${id}`, 200, { token: guest });
    expect(upload.retake?.reason).toContain("dark");
    expect(await shownTo(guest, "GET /v1/guest/survey")).toMatchObject({ state: "in_progress" });
    await expectApi("POST /v1/guest/submit", 200, { token: guest });
    expect(await shownTo(tenant.owner.token, `GET /v1/surveys/${surveyId}`)).toMatchObject({ state: "submitted" });
  },
);

test("by default members get a hint, and the guest is left alone", { timeout: 120_000 }, async () => {
  const { guest, surveyId } = await newSurveyWith(room);
  const id = await sendClip(guest, "h264-silent.mp4");
  expect((await analysed(surveyId, id)).hints).toMatchObject([{ gate: "silent" }]);
  const { videos } = await shownTo(guest, "GET /v1/guest/survey");
  expect(videos).toHaveLength(1);
  expect(videos[0]).not.toHaveProperty("hints");
  expect(videos[0]).not.toHaveProperty("retake");
});
