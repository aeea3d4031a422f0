using '../main.bicep'

param environmentOf = 'staging'
param location = 'westeurope'
param planSku = 'EP1'
param minInstances = 1
param maxInstances = 3
param zoneRedundant = false
param privateNetwork = false
param customerManagedKeys = false
param corsOrigins = ['https://app.staging.callpilot.example', 'https://guest.staging.callpilot.example']
param apiPublicUrl = 'https://api.staging.callpilot.example'
param guestLinkUrl = 'https://guest.staging.callpilot.example/g'
param oidcIssuer = readEnvironmentVariable('CALLPILOT_OIDC_ISSUER', 'https://login.staging.callpilot.example')
param oidcAudience = readEnvironmentVariable('CALLPILOT_OIDC_AUDIENCE', 'api://callpilot')
param oidcTenantClaim = readEnvironmentVariable('CALLPILOT_OIDC_TENANT_CLAIM', 'org_id')
param malwareGate = 'defender'
param mailDomain = 'mail.staging.callpilot.example'
param mailDomainVerified = bool(readEnvironmentVariable('CALLPILOT_MAIL_DOMAIN_VERIFIED', 'true'))
param maxThroughput = 1000
param logRetentionDays = 90
param keptDays = 14
param sealDays = 7
param sealsLocked = bool(readEnvironmentVariable('CALLPILOT_SEALS_LOCKED', 'false'))
// The pipeline says what runs in each slot and whether the code is live; by hand, nothing runs yet.
param apiPackageUrl = readEnvironmentVariable('CALLPILOT_API_PACKAGE', '1')
param apiStagingPackageUrl = readEnvironmentVariable('CALLPILOT_API_STAGING_PACKAGE', '1')
param workerPackageUrl = readEnvironmentVariable('CALLPILOT_WORKER_PACKAGE', '1')
param workerStagingPackageUrl = readEnvironmentVariable('CALLPILOT_WORKER_STAGING_PACKAGE', '1')
param subscribe = bool(readEnvironmentVariable('CALLPILOT_SUBSCRIBE', 'true'))
param manifestWebhook = readEnvironmentVariable(
  'CALLPILOT_MANIFEST_WEBHOOK',
  'https://worker.invalid/runtime/webhooks/blobs'
)
param alertEmail = 'operations@callpilot.example'
param monthlyBudget = 600
param budgetFrom = readEnvironmentVariable('CALLPILOT_BUDGET_FROM', '2027-01-01')
param owner = 'platform'
param costCentre = 'callpilot-staging'
