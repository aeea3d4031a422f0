using '../main.bicep'

param environmentOf = 'production'
param location = 'westeurope'
param planSku = 'EP2'
param minInstances = 3
param maxInstances = 20
param zoneRedundant = true
param privateNetwork = true
param customerManagedKeys = true
param corsOrigins = ['https://app.callpilot.example', 'https://guest.callpilot.example']
param apiPublicUrl = 'https://api.callpilot.example'
param guestLinkUrl = 'https://guest.callpilot.example/g'
param oidcIssuer = readEnvironmentVariable('CALLPILOT_OIDC_ISSUER', 'https://login.callpilot.example')
param oidcAudience = readEnvironmentVariable('CALLPILOT_OIDC_AUDIENCE', 'api://callpilot')
param oidcTenantClaim = readEnvironmentVariable('CALLPILOT_OIDC_TENANT_CLAIM', 'org_id')
param malwareGate = 'defender'
param mailDomain = 'mail.callpilot.example'
param mailDomainVerified = bool(readEnvironmentVariable('CALLPILOT_MAIL_DOMAIN_VERIFIED', 'true'))
param maxThroughput = 10000
param logRetentionDays = 365
param keptDays = 30
param sealDays = 400
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
param copyIssuer = readEnvironmentVariable('CALLPILOT_COPY_ISSUER', '')
param copySubject = readEnvironmentVariable('CALLPILOT_COPY_SUBJECT', '')
param importerId = readEnvironmentVariable('CALLPILOT_IMPORTER_ID', '')
param alertEmail = 'operations@callpilot.example'
param monthlyBudget = 6000
param budgetFrom = readEnvironmentVariable('CALLPILOT_BUDGET_FROM', '2027-01-01')
param owner = 'platform'
param costCentre = 'callpilot-production'
