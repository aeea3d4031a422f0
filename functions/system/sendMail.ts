import { app } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import { mailTemplates, sendMail as send } from "../../shared/mail/sendMail.ts";
import { Choice } from "../../shared/schema.ts";
import { queueTrigger } from "../../shared/triggers/queueTrigger.ts";

/** Mails what an invitation or a link is for; its token exists nowhere but there and in the mail. */
export const sendMail = queueTrigger({
  queue: "send-mail",
  message: { template: Choice(mailTemplates), id: Type.String({ minLength: 1, maxLength: 64 }) },
  handler: async ({ message: { template, id }, tenant, log }) => {
    const outcome = await send(tenant, template, id);
    const level = outcome === "refused" ? "error" : "info";
    log(level, { event: "mail", tenantId: tenant.tenantId, requestId: tenant.requestId, target: id, code: outcome });
  },
});
app.storageQueue("sendMail", sendMail);
