import { functionsOfApps } from "../generated.ts";
import { type Policy, property, setAt, the, types, valueAt } from "../policy.ts";

const manifests = /\/manifests$/u;
const toWorker = /\/(?:manifests|scan-results)$/u;
/** Where there is a malware scanner. */
const scanned = ["staging", "production"] as const;
const subscriptions = [types.subscription, types.scanSubscription];

/** What Event Grid tells the worker of. */
export const eventPolicies: readonly Policy[] = [
  property({
    name: "the worker is told of manifests alone",
    proves: "platform: the filter is the only guard",
    types: subscriptions,
    named: manifests,
    path: "properties.filter.subjectBeginsWith",
    is: "/blobServices/default/containers/ingest/",
    not: "/blobServices/default/containers/",
  }),
  {
    name: "the worker is told of what is whole",
    proves: "platform: the filter is the only guard",
    broken: (estate) => {
      const [filter] = valueAt(
        the(estate.resources, types.subscription, manifests),
        "properties.filter.advancedFilters",
      ) as readonly unknown[];
      const whole = { operatorType: "StringIn", key: "data.api", values: ["PutBlob", "PutBlockList"] };
      return JSON.stringify(filter) === JSON.stringify(whole) ? [] : ["manifests"];
    },
    fault: (resources) => {
      setAt(the(resources, types.subscription, manifests), "properties.filter.advancedFilters", []);
    },
  },
  {
    name: "the worker is told of scans of recordings alone",
    proves: "threat 10",
    on: scanned,
    broken: (estate) => {
      const filters = valueAt(
        the(estate.resources, types.scanSubscription),
        "properties.filter.advancedFilters",
      ) as readonly { readonly values: readonly string[] }[];
      const found = filters.flatMap(({ values }) => values);
      return ["/videos-", "/originals/"].filter((part) => !found.includes(part));
    },
    fault: (resources) => {
      setAt(the(resources, types.scanSubscription), "properties.filter.advancedFilters", []);
    },
  },
  {
    name: "scans go to the function that takes them",
    proves: "threat 10",
    on: scanned,
    broken: (estate) => {
      const worker = the(estate.resources, types.site, /-worker$/u).id;
      return estate
        .of(types.scanSubscription)
        .filter(
          (each) =>
            !functionsOfApps().worker.some(
              (fn) => valueAt(each, "properties.destination.properties.resourceId") === `${worker}/functions/${fn}`,
            ),
        )
        .map(({ name }) => name);
    },
    fault: (resources) => {
      const worker = the(resources, types.site, /-worker$/u).id;
      const path = "properties.destination.properties.resourceId";
      setAt(the(resources, types.scanSubscription), path, `${worker}/functions/onScan`);
    },
  },
  property({
    name: "an event that nobody takes is tried for a day",
    proves: "platform: at least once",
    types: subscriptions,
    named: toWorker,
    path: "properties.retryPolicy.eventTimeToLiveInMinutes",
    is: 1440,
    not: 5,
  }),
  property({
    name: "an event that nobody took is kept",
    proves: "platform: 400 is not tried again",
    types: subscriptions,
    named: toWorker,
    path: "properties.deadLetterWithResourceIdentity.deadLetterDestination.properties.blobContainerName",
    is: "dead-letters",
    not: null,
  }),
  property({
    name: "events come one at a time, so that one that fails holds back no other",
    proves: "threat 21",
    types: subscriptions,
    named: toWorker,
    path: "properties.destination.properties.maxEventsPerBatch",
    is: 1,
    not: 100,
  }),
  property({
    name: "Defender looks through what is uploaded",
    proves: "threat 10",
    on: scanned,
    types: [types.defender],
    path: "properties.malwareScanning.onUpload.isEnabled",
    is: true,
    not: false,
  }),
  property({
    name: "Defender is on for the account of recordings",
    proves: "threat 10",
    on: scanned,
    types: [types.defender],
    path: "properties.isEnabled",
    is: true,
    not: false,
  }),
  property({
    name: "nobody tells of a scan with a key",
    proves: "threat 10; S7",
    on: scanned,
    types: [types.scanTopic],
    path: "properties.disableLocalAuth",
    is: true,
    not: false,
  }),
  {
    name: "Defender tells what it found: no recording waits for ever",
    proves: "threat 10",
    on: scanned,
    broken: (estate) => {
      const topics = estate.of(types.scanTopic).map(({ id }) => id);
      return estate
        .of(types.defender)
        .map((each) => String(valueAt(each, "properties.malwareScanning.scanResultsEventGridTopicResourceId")))
        .filter((topic) => !topics.includes(topic));
    },
    fault: (resources) => {
      setAt(the(resources, types.defender), "properties.malwareScanning.scanResultsEventGridTopicResourceId", null);
    },
  },
];
