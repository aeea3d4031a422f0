/** What Azure charges for here: what one unit is, and under which heading of the price list it stands. */
export const meters = {
  planHourEP1: "one instance of a plan EP1 for an hour (Functions, Premium: its vCPU and its memory)",
  planHourEP2: "one instance of a plan EP2 for an hour (Functions, Premium)",
  planHourEP3: "one instance of a plan EP3 for an hour (Functions, Premium)",
  planHourP1v3: "one instance of a plan P1v3 for an hour (App Service, Premium v3, Linux)",
  planHourP2v3: "one instance of a plan P2v3 for an hour (App Service, Premium v3, Linux)",
  databaseRequestUnits: "100 RU/s of autoscale throughput for an hour (Cosmos DB)",
  databaseGb: "1 GB of documents and indexes for a month (Cosmos DB)",
  databaseBackupGb: "1 GB of continuous backup of 30 days for a month (Cosmos DB)",
  blobGbLRS: "1 GB of hot blobs, locally redundant, for a month (Storage)",
  blobGbZRS: "1 GB of hot blobs, zone redundant, for a month (Storage)",
  blobWrites: "10,000 writes of hot blobs (Storage)",
  blobReads: "10,000 reads of hot blobs (Storage)",
  queueOperations: "10,000 operations on queues (Storage)",
  scannedGb: "1 GB looked through for malware (Defender for Storage)",
  scannedAccount: "one account watched for a month (Defender for Storage)",
  trafficGb: "1 GB sent out of Azure (Bandwidth)",
  logGb: "1 GB of logs taken in (Log Analytics)",
  logKeptGb: "1 GB of logs kept for a month beyond the first 31 days (Log Analytics)",
  logAlert: "one alert on logs, looked at every five minutes, for a month (Monitor)",
  metricAlert: "one alert on a metric for a month (Monitor)",
  keyOperations: "10,000 operations with RSA keys or secrets (Key Vault, standard)",
  mails: "1,000 mails (Communication Services)",
  events: "1,000,000 deliveries (Event Grid)",
  privateAddressHour: "one private endpoint for an hour (Private Link)",
  privateZone: "one private zone for a month (DNS)",
} as const;

export type Meter = keyof typeof meters;

export const meterNames = Object.keys(meters) as readonly Meter[];
