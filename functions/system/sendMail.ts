import { app } from "@azure/functions";
import { mailTemplates, sendMail as send } from "../../shared/mail/sendMail.ts";
import { Choice, optional } from "../../shared/schema.ts";
import { DerivedId, Id, prefixes } from "../../shared/tenancy/ids.ts";
import { queueTrigger } from "../../shared/triggers/queueTrigger.ts";

/** Mails what an invitation, a link or a request is for; a token exists nowhere but there and in the mail. */
export const sendMail = queueTrigger({
  queue: "send-mail",
  message: {
    template: Choice(mailTemplates),
    id: Id(prefixes.invitation, prefixes.link, prefixes.accessGrant),
    memberId: optional(DerivedId("mbr")),
  },
  handler: async ({ message: { template, id, memberId }, tenant, log }) => {
    const outcome = await send(tenant, template, id, memberId);
    const level = outcome === "refused" ? "error" : "info";
    log(level, { event: "mail", tenantId: tenant.tenantId, requestId: tenant.requestId, target: id, code: outcome });
  },
});
app.storageQueue("sendMail", sendMail);
