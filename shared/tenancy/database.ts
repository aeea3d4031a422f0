import { type Container, CosmosClient, type CosmosClientOptions } from "@azure/cosmos";
import { config } from "../config.ts";
import { identity } from "../identity.ts";
import { lazy } from "../lazy.ts";
import { activityId } from "./activityId.ts";
import { currentBoundary } from "./boundary.ts";
import { type OutgoingRequest, guard } from "./guard.ts";

/** A request as the client's hook may change it. */
interface Request extends OutgoingRequest {
  readonly headers?: Record<string, unknown>;
}

/** Runs before every network request of the client. The option exists at run time and is hidden from the types. */
interface RequestPlugin {
  readonly on: "request";
  readonly plugin: (
    request: Request,
    diagnostics: unknown,
    next: (request: Request) => Promise<unknown>,
  ) => Promise<unknown>;
}

const guardPlugin: RequestPlugin = {
  on: "request",
  plugin: async (request, _diagnostics, next) => {
    guard(request);
    const boundary = currentBoundary();
    if (boundary !== undefined && request.headers !== undefined)
      request.headers["x-ms-activity-id"] = activityId(boundary.requestId);
    return next(request);
  },
};

const database = lazy(() => {
  const { endpoint, database } = config().cosmos;
  const options: CosmosClientOptions & { plugins: readonly RequestPlugin[] } = {
    endpoint,
    aadCredentials: identity(),
    connectionPolicy: {
      requestTimeout: 10_000,
      // The account has one region. Discovery would ask it for others first and, where nothing answers, again for up to
      // twenty minutes, whatever signal a call was given (Azure/azure-sdk-for-js#32044).
      enableEndpointDiscovery: false,
      retryOptions: { maxRetryAttemptCount: 9, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 10 },
    },
    plugins: [guardPlugin],
  };
  return new CosmosClient(options).database(database);
});

/** State: everything a tenant owns, partition key `/tenantId`. */
export const dataContainer: () => Container = lazy(() => database().container("data"));

/** The tenants' ordered logs, partition key `/tenantId`, `/month`. */
export const logContainer: () => Container = lazy(() => database().container("log"));
