import { join } from "node:path";
import { ulid } from "ulid";
import { type StackAddresses, expectCall, invitationToken, newestMail, signIn, until } from "./client.ts";
import { LocalError } from "./service.ts";
import { operatorEmail } from "./stack.ts";
import { textOf, writeDurably } from "./stateFile.ts";

/** A tenant to try things with; what `.local/stack.json` says of it. */
export interface SeededTenant {
  readonly id: string;
  readonly name: string;
  readonly members: readonly { readonly email: string; readonly role: string }[];
  readonly guestLink: string;
}

interface Plan {
  readonly name: string;
  readonly domain: string;
  readonly template: { readonly id: string; readonly name: string; readonly questions: readonly object[] };
  readonly guest: { readonly name: string; readonly email: string };
}

const plans = (): readonly Plan[] => [
  {
    name: "Northwind Movers",
    domain: "northwind.localhost",
    template: {
      id: `tpl_${ulid()}`,
      name: "Moving estimate",
      questions: [
        { id: "rooms", type: "section", label: "Your home" },
        { id: "floor", type: "number", label: "Which floor do you live on?", required: true, minimum: -2, maximum: 60 },
        { id: "lift", type: "boolean", label: "Is there a lift?", required: true },
        {
          id: "walkthrough",
          type: "video",
          label: "Walk through every room",
          guidance: "Hold the phone upright and open the cupboards.",
          required: true,
          maxSeconds: 900,
        },
      ],
    },
    guest: { name: "Mia Guest", email: "mia@guest.localhost" },
  },
  {
    name: "Contoso Insurance",
    domain: "contoso.localhost",
    template: {
      id: `tpl_${ulid()}`,
      name: "Damage report",
      questions: [
        { id: "happened", type: "text", label: "What happened?", required: true, maxLength: 2000 },
        { id: "when", type: "date", label: "When did it happen?", required: true },
        { id: "damage", type: "video", label: "Show the damage", required: true, maxSeconds: 300 },
      ],
    },
    guest: { name: "Jon Guest", email: "jon@guest.localhost" },
  },
];

/**
 * Makes two tenants over HTTP, each with one member per role, a published template and a survey with a guest link.
 * Done once per data folder; every request carries an Idempotency-Key, so that an interrupted seed can be repeated.
 */
export async function seed(stack: StackAddresses, dataDir: string, fresh: boolean): Promise<readonly SeededTenant[]> {
  const file = join(dataDir, "seed.json");
  const kept = fresh ? undefined : await readSeed(file);
  const state: SeedState = kept ?? { plans: plans(), tenants: [] };
  if (kept === undefined) await writeDurably(file, JSON.stringify(state));
  if (state.tenants.length === state.plans.length) return state.tenants.map((tenant) => reached(stack, tenant));
  const tenants = await Promise.all(state.plans.map((plan) => seedTenant(stack, plan)));
  await writeDurably(file, JSON.stringify({ ...state, tenants }, null, 2));
  return tenants;
}

/** The tenant with its guest link at the address that the API has now. */
function reached({ apiUrl }: StackAddresses, tenant: SeededTenant): SeededTenant {
  const { pathname, hash } = new URL(tenant.guestLink);
  return { ...tenant, guestLink: `${apiUrl}${pathname}${hash}` };
}

interface SeedState {
  readonly plans: readonly Plan[];
  readonly tenants: readonly SeededTenant[];
}

async function readSeed(file: string): Promise<SeedState | undefined> {
  const text = await textOf(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as SeedState;
  } catch (error) {
    throw new LocalError(`${file} is damaged: begin anew with npm start -- --fresh.`, { cause: error });
  }
}

async function seedTenant(stack: StackAddresses, plan: Plan): Promise<SeededTenant> {
  const key = (what: string) => ({ "idempotency-key": `seed-${plan.template.id}-${what}` });
  const operator = await signIn(stack, operatorEmail);
  const ownerEmail = `owner@${plan.domain}`;
  const created = await expectCall<{ id: string }>(stack, "POST /v1/platform/tenants", 202, {
    token: operator,
    headers: key("tenant"),
    body: { name: plan.name, ownerEmail, plan: "standard" },
  });
  const tenantId = await until(`the tenant ${plan.name}`, 30, async () => {
    const path = `GET /v1/operations/${created.body.id}`;
    const { body } = await expectCall<{ status: string; resultId?: string }>(stack, path, 200, { token: operator });
    return body.status === "succeeded" ? body.resultId : undefined;
  });
  const owner = await acceptInvitation(stack, tenantId, ownerEmail);
  const others = ["admin", "surveyor", "auditor"];
  await Promise.all(
    others.map(async (role) => {
      const email = `${role}@${plan.domain}`;
      await expectCall(stack, "POST /v1/members", 201, { token: owner, headers: key(role), body: { email, role } });
      await acceptInvitation(stack, tenantId, email);
    }),
  );
  const guestLink = await seedSurvey(stack, plan, owner, key);
  const members = ["owner", ...others].map((role) => ({ email: `${role}@${plan.domain}`, role }));
  return { id: tenantId, name: plan.name, members, guestLink };
}

/** Accepts the invitation in the person's mailbox and signs them in. */
async function acceptInvitation(stack: StackAddresses, tenantId: string, email: string): Promise<string> {
  const token = await signIn(stack, email, tenantId);
  const mail = await newestMail(stack, email);
  await expectCall(stack, "POST /v1/invitations/accept", 201, { token, body: { token: invitationToken(mail) } });
  return token;
}

async function seedSurvey(
  stack: StackAddresses,
  plan: Plan,
  token: string,
  key: (what: string) => Record<string, string>,
): Promise<string> {
  const { id, name, questions } = plan.template;
  const path = `/v1/templates/${id}`;
  await expectCall(stack, `PUT ${path}`, 200, { token, headers: { "if-none-match": "*" }, body: { name, questions } });
  const version = await expectCall<{ id: string }>(stack, `POST ${path}/publish`, 201, {
    token,
    headers: key("publish"),
  });
  const survey = await expectCall<{ id: string }>(stack, "POST /v1/surveys", 201, {
    token,
    headers: key("survey"),
    body: { templateVersionId: version.body.id, guest: plan.guest },
  });
  const link = await expectCall<{ url: string }>(stack, `POST /v1/surveys/${survey.body.id}/links`, 201, {
    token,
    headers: key("link"),
    body: { channel: "email" },
  });
  return link.body.url;
}
