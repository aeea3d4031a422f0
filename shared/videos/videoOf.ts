import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type Video, videoKind } from "./video.ts";

/** A video of the survey; throws `not_found` alike for one of another survey and for none. One point read. */
export async function videoOf(tenant: TenantScope, surveyId: string, videoId: string): Promise<Entity<Video>> {
  const video = await tenant.repository.get(videoKind, videoId);
  if (video.surveyId !== surveyId) throw new Problem("not_found");
  return video;
}

/** All videos of the survey, in the order in which they were started. One query. */
export async function videosOf(tenant: TenantScope, surveyId: string): Promise<readonly Entity<Video>[]> {
  return await tenant.repository.findRelated(videoKind, "surveyId", surveyId);
}
