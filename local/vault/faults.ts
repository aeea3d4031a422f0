import type { IncomingMessage, ServerResponse } from "node:http";
import { type Static, Type } from "@sinclair/typebox";
import { sendJson } from "../http.ts";

/** What shall go wrong with the next `times` (default 1) requests: an error status, no answer, or a reset connection. */
export const Fault = Type.Intersect([
  Type.Object({ times: Type.Optional(Type.Integer({ minimum: 0 })) }),
  Type.Union([
    Type.Object({ status: Type.Integer({ minimum: 400, maximum: 599 }), innerCode: Type.Optional(Type.String()) }),
    Type.Object({ hang: Type.Literal(true) }),
    Type.Object({ reset: Type.Literal(true) }),
  ]),
]);

export interface Faults {
  plan(fault: Static<typeof Fault>): void;
  /** Lets this request go wrong if one shall; true if it did. */
  strike(request: IncomingMessage, response: ServerResponse): boolean;
}

export function makeFaults(): Faults {
  let planned: Static<typeof Fault> | undefined;
  let left = 0;
  return {
    plan: (fault) => {
      planned = fault;
      left = fault.times ?? 1;
    },
    strike: (request, response) => {
      if (planned === undefined || left === 0) return false;
      left -= 1;
      if ("status" in planned) {
        const innererror = planned.innerCode === undefined ? undefined : { code: planned.innerCode };
        sendJson(response, planned.status, { error: { code: "LocalFault", message: "A planned fault.", innererror } });
      } else if ("reset" in planned) request.socket.destroy();
      return true;
    },
  };
}
