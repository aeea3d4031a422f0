import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessRequestKind } from "../access/accessGrant.ts";
import { apiKeyKind } from "../keys/apiKey.ts";
import { memberRoles } from "../members/member.ts";
import { operationKind } from "../operations/operation.ts";
import { linkKind } from "../surveys/link.ts";
import { surveyKind } from "../surveys/survey.ts";
import { type DatabaseForTests, insideBoundaryForTests, startDatabaseForTests } from "../tenancy/databaseForTests.ts";
import { newId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { videoKind } from "../videos/video.ts";
import type { Caller } from "./caller.ts";
import { type Policy, policies } from "./policies.ts";
import { newLink, newTenant } from "./tenantForTests.ts";

interface Things {
  readonly surveyId: string;
  readonly videoId: string;
  readonly operationId: string;
  readonly accessRequestId: string;
}
const assignee = "mbr_assignee";
const callerNames = [
  ...memberRoles,
  "assignee",
  "service",
  "operator",
  "support",
  "guest",
  "person",
  "public",
] as const;
type CallerName = (typeof callerNames)[number];

insideBoundaryForTests();

let database: DatabaseForTests;
let tenant: TenantScope;
let own: Things;
let foreign: Things;
let callers: Readonly<Record<CallerName, Caller>>;
beforeAll(async () => {
  database = await startDatabaseForTests();
  tenant = await newTenant();
  own = await thingsOf(tenant);
  foreign = await thingsOf(await newTenant());
  callers = await callersOf(tenant, own.surveyId);
});
afterAll(() => database.close());

/** A survey that is assigned, a video of it, and work that the same person has started. */
async function thingsOf(scope: TenantScope): Promise<Things> {
  const [surveyId, videoId, operationId, accessRequestId] = [newId("svy"), newId("vid"), newId("op"), newId("acg")];
  await scope
    .change()
    .create(surveyKind, surveyId, {
      state: "in_progress",
      templateVersionId: newId("tpv"),
      guest: { name: "Gerda" },
      assigneeId: assignee,
      answers: {},
      videoCount: 1,
    })
    .create(videoKind, videoId, {
      surveyId,
      questionId: "room",
      state: "awaiting_upload",
      upload: { size: 1, contentType: "video/mp4", blockSize: 1, expiresAt: new Date().toISOString() },
      countedBytes: 1,
      attempts: 0,
      legalHold: false,
    })
    .create(operationKind, operationId, { action: "test", status: "running", progress: 0, startedBy: assignee })
    .create(accessRequestKind, accessRequestId, {
      subjectTenantId: scope.tenantId,
      surveyId,
      reason: "x",
      until: "2999",
      operatorId: "opr_0",
      operationId,
    })
    .record();
  return { surveyId, videoId, operationId, accessRequestId };
}

async function callersOf(scope: TenantScope, surveyId: string): Promise<typeof callers> {
  const company = await scope.repository.get(tenantKind, scope.tenantId);
  const keyId = newId("key");
  const fields = {
    name: "x",
    scopes: [],
    expiresAt: "2999",
    createdBy: "x",
    status: "active",
    secretHash: "",
  } as const;
  await scope.change().create(apiKeyKind, keyId, fields).record();
  const link = await scope.repository.get(linkKind, (await newLink(scope, { surveyId })).id);
  const members = memberRoles.map((role) => {
    const caller = { type: "member", id: `mbr_${role}`, role, tenant: company, assignedOnly: role === "surveyor" };
    return [role, caller];
  });
  return {
    ...(Object.fromEntries(members) as Record<(typeof memberRoles)[number], Caller>),
    assignee: { type: "member", id: assignee, role: "surveyor", tenant: company, assignedOnly: true },
    service: {
      type: "service",
      id: keyId,
      key: await scope.repository.get(apiKeyKind, keyId),
      tenant: company,
      assignedOnly: false,
    },
    operator: { type: "operator", id: "opr_0" },
    support: { type: "support", id: "opr_0", surveyId, tenant: company, assignedOnly: false },
    guest: { type: "guest", id: link.id, surveyId, link, tenant: company },
    person: { type: "person", issuer: "https://login.example.com", subject: "somebody" },
    public: { type: "public" },
  };
}

/** Whoever reaches a thing of the tenant by each policy; everybody else reaches nothing. */
const reaching: Readonly<Record<Policy, readonly CallerName[]>> = {
  wholeTenant: ["owner", "admin", "surveyor", "auditor", "assignee", "service"],
  assigned: ["owner", "admin", "auditor", "assignee", "service", "support"],
  askedFor: ["operator"],
  startedIt: ["owner", "admin", "assignee", "operator"],
  ownLink: ["guest"],
  ownVideo: ["guest"],
};
/** What the policy gives, by its id. */
const given: Readonly<Record<Policy, keyof Things | undefined>> = {
  wholeTenant: undefined,
  assigned: "surveyId",
  askedFor: "accessRequestId",
  startedIt: "operationId",
  ownLink: "surveyId",
  ownVideo: "videoId",
};
const names = Object.keys(policies) as Policy[];

/** The thing's id, `nothing` where the policy looks for none, or the problem's code. */
async function reach(policy: Policy, caller: CallerName, things: Things): Promise<string> {
  try {
    const thing = await policies[policy](tenant, callers[caller], { ...things });
    return thing?.id ?? "nothing";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.each(names)("the policy %s", (policy) => {
  it.each(callerNames)("lets reach what is theirs: %s", async (caller) => {
    const thing = given[policy] === undefined ? "nothing" : own[given[policy]];
    expect(await reach(policy, caller, own)).toBe(reaching[policy].includes(caller) ? thing : "not_found");
  });
});

const finding = names.filter((policy) => policy !== "wholeTenant" && policy !== "ownLink");
it.each(finding)(
  "the policy %s finds nothing of another tenant, and nothing where nothing is named",
  async (policy) => {
    for (const caller of callerNames) {
      expect(await reach(policy, caller, foreign)).toBe("not_found");
      expect(await reach(policy, caller, { surveyId: "", videoId: "", operationId: "", accessRequestId: "" })).toBe(
        "not_found",
      );
    }
  },
);

it("a guest reaches no video of another survey of the tenant", async () => {
  expect(await reach("ownVideo", "guest", await thingsOf(tenant))).toBe("not_found");
});
