import { app } from "@azure/functions";
import { mailTemplates, sendMail as send } from "../../shared/mail/sendMail.ts";
import { Choice } from "../../shared/schema.ts";
import { Id, prefixes } from "../../shared/tenancy/ids.ts";
import { queueTrigger } from "../../shared/triggers/queueTrigger.ts";

/** Mails what an invitation or a link is for; its token exists nowhere but there and in the mail. */
export const sendMail = queueTrigger({
  queue: "send-mail",
  message: { template: Choice(mailTemplates), id: Id(prefixes.invitation, prefixes.link) },
  handler: async ({ message: { template, id }, tenant, log }) => {
    const outcome = await send(tenant, template, id);
    const level = outcome === "refused" ? "error" : "info";
    log(level, { event: "mail", tenantId: tenant.tenantId, requestId: tenant.requestId, target: id, code: outcome });
  },
});
app.storageQueue("sendMail", sendMail);
