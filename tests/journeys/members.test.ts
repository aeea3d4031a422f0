import { ulid } from "ulid";
import { describe, expect, inject, it } from "vitest";
import { invitationToken, newestMail, signIn } from "../../local/client.ts";
import { type Person, api, expectApi, newTenant } from "../support/tenant.ts";

const address = (name: string) => `${name}.${ulid().toLowerCase()}@test.localhost`;

/** Invites somebody and gives the token of the mail. */
async function invite(by: Person, role: string, email = address(role)): Promise<{ email: string; token: string }> {
  await expectApi("POST /v1/members", 201, { token: by.token, body: { email, role } });
  return { email, token: invitationToken(await newestMail(inject("stack"), email)) };
}

describe.concurrent("addMember", () => {
  it("mails an invitation, and shows its code nowhere else", async () => {
    const { owner } = await newTenant();
    const email = address("sue");
    const answer = await expectApi("POST /v1/members", 201, { token: owner.token, body: { email, role: "surveyor" } });
    expect(Object.keys(answer.body).sort()).toEqual([
      "createdAt",
      "email",
      "expiresAt",
      "id",
      "role",
      "status",
      "updatedAt",
    ]);
    expect(answer.body).toMatchObject({ email, role: "surveyor", status: "open" });
    const token = invitationToken(await newestMail(inject("stack"), email));
    expect(answer.text).not.toContain(token.split(".")[2]);
  });

  it("refuses an address that is invited or a member already", async () => {
    const { owner } = await newTenant();
    const { email } = await invite(owner, "surveyor");
    for (const taken of [email, email.toUpperCase(), owner.email]) {
      const body = { email: taken, role: "auditor" };
      const answer = await expectApi("POST /v1/members", 409, { token: owner.token, body });
      expect(answer.body["code"]).toBe("exists");
    }
  });

  it("lets one tenant invite whom another has", async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    const email = address("both");
    await expectApi("POST /v1/members", 201, { token: one.owner.token, body: { email, role: "auditor" } });
    await expectApi("POST /v1/members", 201, { token: other.owner.token, body: { email, role: "auditor" } });
  });

  it("lets only an owner invite an owner", async () => {
    const tenant = await newTenant();
    const admin = await tenant.join("admin");
    const body = { email: address("boss"), role: "owner" };
    const refused = await expectApi("POST /v1/members", 403, { token: admin.token, body });
    expect(refused.body["code"]).toBe("owner_only");
    await expectApi("POST /v1/members", 201, { token: tenant.owner.token, body });
  });

  it("ends at the plan's seats, also when everybody is invited at once", async () => {
    const { owner } = await newTenant("trial");
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        api("POST /v1/members", { token: owner.token, body: { email: address("seat"), role: "surveyor" } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(9);
    const refused = answers.filter(({ status }) => status !== 201).map(({ body }) => body["code"]);
    expect(new Set(refused)).toEqual(new Set(["quota_exceeded"]));
  });

  it("invites once when it is repeated", async () => {
    const { owner } = await newTenant();
    const request = {
      token: owner.token,
      headers: { "idempotency-key": ulid() },
      body: { email: address("once"), role: "auditor" },
    };
    const first = await expectApi("POST /v1/members", 201, request);
    const again = await expectApi("POST /v1/members", 201, request);
    expect(again.body["id"]).toBe(first.body["id"]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
  });

  it("is not for surveyors, auditors and strangers", async () => {
    const tenant = await newTenant();
    const body = { email: address("x"), role: "auditor" };
    for (const role of ["surveyor", "auditor"] as const) {
      const { token } = await tenant.join(role);
      expect((await api("POST /v1/members", { token, body })).status).toBe(403);
      expect((await api("GET /v1/members", { token })).status).toBe(403);
    }
    const stranger = await signIn(inject("stack"), address("stranger"), tenant.id);
    expect((await api("POST /v1/members", { token: stranger, body })).status).toBe(403);
  });
});

describe.concurrent("acceptInvitation", () => {
  it("opens the tenant to the person, whatever tenant their token claims", async () => {
    const [tenant, elsewhere] = [await newTenant(), await newTenant()];
    const { email, token } = await invite(tenant.owner, "auditor");
    const stack = inject("stack");
    const claimed = await signIn(stack, email, elsewhere.id);
    const member = await expectApi("POST /v1/invitations/accept", 201, { token: claimed, body: { token } });
    expect(member.body).toMatchObject({ email, role: "auditor", status: "active" });
    expect((await api("GET /v1/tenant", { token: claimed })).status).toBe(403);
    const { body } = await expectApi("GET /v1/tenant", 200, { token: await signIn(stack, email, tenant.id) });
    expect(body["id"]).toBe(tenant.id);
  });

  it("answers the same to the same person, and nothing to another", async () => {
    const { owner, id } = await newTenant();
    const { email, token } = await invite(owner, "auditor");
    const person = await signIn(inject("stack"), email, id);
    const first = await expectApi("POST /v1/invitations/accept", 201, { token: person, body: { token } });
    const again = await expectApi("POST /v1/invitations/accept", 201, { token: person, body: { token } });
    expect(again.body).toEqual(first.body);
    const other = await signIn(inject("stack"), address("other"), id);
    const refused = await expectApi("POST /v1/invitations/accept", 401, { token: other, body: { token } });
    expect(refused.body["code"]).toBe("invitation_invalid");
    expect((await api("GET /v1/tenant", { token: other })).status).toBe(403);
  });

  it("says the same of every token that is not right", async () => {
    const [tenant, elsewhere] = [await newTenant(), await newTenant()];
    const { email, token } = await invite(tenant.owner, "auditor");
    const person = await signIn(inject("stack"), email, tenant.id);
    const [tenantId = "", id = "", secret = ""] = token.split(".");
    const last = secret.at(-1) === "A" ? "E" : "A";
    const wrong = [
      "x",
      `${tenantId}.${id}.${secret.slice(0, -1)}${last}`,
      `${tenantId}.inv_${ulid()}.${secret}`,
      `${elsewhere.id}.${id}.${secret}`,
      `platform.${id}.${secret}`,
    ];
    const answers = await Promise.all(
      wrong.map((text) => expectApi("POST /v1/invitations/accept", 401, { token: person, body: { token: text } })),
    );
    const bodies = new Set(answers.map(({ body }) => JSON.stringify({ ...body, requestId: "" })));
    expect([...bodies]).toHaveLength(1);
    expect(answers[0]?.body["code"]).toBe("invitation_invalid");
  });

  it("needs somebody who is signed in", async () => {
    const { owner } = await newTenant();
    const { token } = await invite(owner, "auditor");
    expect((await api("POST /v1/invitations/accept", { body: { token } })).status).toBe(401);
  });
});

describe.concurrent("listMembers", () => {
  it("pages through the own members in the order in which they joined", async () => {
    const tenant = await newTenant();
    const admin = await tenant.join("admin");
    const surveyor = await tenant.join("surveyor");
    await invite(tenant.owner, "auditor");
    interface Page {
      readonly items: readonly { readonly id: string }[];
      readonly nextCursor?: string;
    }
    const first = await expectApi<Page>("GET /v1/members?limit=2", 200, { token: admin.token });
    const rest = await expectApi<Page>(`GET /v1/members?limit=2&cursor=${first.body.nextCursor ?? ""}`, 200, {
      token: admin.token,
    });
    const ids = [...first.body.items, ...rest.body.items].map(({ id }) => id);
    expect(ids).toEqual([tenant.owner.id, admin.id, surveyor.id]);
    expect(rest.body.nextCursor).toBeUndefined();
  });
});
