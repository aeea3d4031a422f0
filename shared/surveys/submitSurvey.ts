import { randomBytes } from "node:crypto";
import { crockford } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { videosOf } from "../videos/videoOf.ts";
import { Problem, isProblem } from "../web/problem.ts";
import { demandWritable, guestSurvey, pinnedVersion } from "./guestAccess.ts";
import { missingAnswers } from "./missingAnswers.ts";
import { type Survey, surveyKind } from "./survey.ts";

export interface Receipt {
  readonly receiptCode: string;
  readonly submittedAt: string;
}

const tries = 4;

/**
 * Hands a survey in as it is stored, all or nothing, without waiting for the processing of its videos; a submitted one
 * gives its receipt again. Throws `missing_required` naming the questions, and what `demandWritable` throws.
 */
export async function submitSurvey(tenant: TenantScope, guest: { readonly surveyId: string }): Promise<Receipt> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await submit(tenant, guest);
    } catch (error) {
      // The survey changed between the check and the submission: another answer, or the same submission twice.
      if (!isProblem(error, "conflict") || attempt === tries) throw error;
    }
  }
}

async function submit(tenant: TenantScope, guest: { readonly surveyId: string }): Promise<Receipt> {
  const survey = await guestSurvey(tenant, guest);
  const given = receiptOf(survey);
  if (given !== undefined) return given;
  demandWritable(survey, { consent: true });
  const [{ questions }, videos] = await Promise.all([pinnedVersion(tenant, survey), videosOf(tenant, survey.id)]);
  const missing = missingAnswers(questions, survey, videos);
  if (missing.length > 0)
    throw new Problem("missing_required", {
      errors: missing.map((id) => ({ pointer: `/answers/${id}`, code: "required", message: "is required" })),
    });
  const change = tenant.change();
  const receipt: Receipt = {
    receiptCode: survey.receiptCode ?? receiptCodeOf(randomBytes(20)),
    submittedAt: change.at,
  };
  await change
    .patch(
      surveyKind,
      survey,
      { state: "submitted", ...receipt },
      { ifMatch: survey.etag, otherwise: { stale: "conflict" } },
    )
    .commit({ target: survey.id, events: [{ type: "survey.submitted", data: { surveyId: survey.id } }] });
  return receipt;
}

function receiptOf({ state, receiptCode, submittedAt }: Survey): Receipt | undefined {
  const handedIn = state === "submitted" || state === "in_review" || state === "completed";
  return handedIn && receiptCode !== undefined && submittedAt !== undefined ? { receiptCode, submittedAt } : undefined;
}

/** 100 bits in Crockford's letters, four groups of five: it can be read out, and of random bytes not be guessed. */
export function receiptCodeOf(bytes: Uint8Array): string {
  const code = Array.from(bytes.subarray(0, 20), (byte) => crockford.charAt(byte % crockford.length)).join("");
  return code.replaceAll(/.{5}(?=.)/gu, "$&-");
}
