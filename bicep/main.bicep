targetScope = 'resourceGroup'

import { environmentName, planSkuName } from 'types.bicep'

metadata description = 'One environment of Callpilot. Nothing of it is shared with another.'

param environmentOf environmentName
param location string = resourceGroup().location
@description('Elastic Premium, or Dedicated where load is even: both have the slots that deployments need.')
param planSku planSkuName
param minInstances int
param maxInstances int
param zoneRedundant bool
@description('Private addresses for vault, database, host and package accounts; the apps call from a network of their own.')
param privateNetwork bool
@description('Own RSA keys for what storage and database encrypt at rest.')
param customerManagedKeys bool
@description('2048 by default; 3072 where ASVS 5.0 level 2 is asked for.')
param wrappingKeyBits 2048 | 3072 = 2048
@description('Origins whose pages call the API and upload from a browser.')
param corsOrigins string[]
param apiPublicUrl string
param guestLinkUrl string
param oidcIssuer string
param oidcAudience string
param oidcTenantClaim string
param malwareGate 'off' | 'defender'
@description('A domain of ours to send mail from, and whether Azure has verified it; none for a trial.')
param mailDomain string?
param mailDomainVerified bool = false
@description('Request units per second that each database container may grow to.')
param maxThroughput int
param logRetentionDays int
@description('Days that a deleted or overwritten blob, or container, can be had back.')
param keptDays int
@description('Days that nobody can change or delete the signed seals of logs.')
param sealDays int
@description('Whether deployment has locked those days: a locked policy cannot be put again.')
param sealsLocked bool
@description('What runs in each slot now: a deployment of the infrastructure leaves the code as it is.')
param apiPackageUrl string
param apiStagingPackageUrl string
param workerPackageUrl string
param workerStagingPackageUrl string
@description('Second phase: the code is live, so events can be subscribed.')
param subscribe bool
@description('Webhook of the blob extension of the worker, with its key; made by the pipeline, held by nobody.')
@secure()
param manifestWebhook string
@description('Issuer and subject of the service connection that makes this environment\'s half of a sandbox copy.')
param copyIssuer string = ''
param copySubject string = ''
@description('Object id of the sandbox\'s identity that fetches copies from production; empty until it is known.')
param importerId string = ''
param alertEmail string
param monthlyBudget int
@description('First day of the month from which the budget counts: of this one at first, and never another one afterwards.')
param budgetFrom string
param owner string
param costCentre string

@description('Which functions each app runs, and what they need to be there; made of the code.')
var functions = loadJsonContent('generated/functions.json')

var short = { sandbox: 'sand', staging: 'stag', production: 'prod' }[environmentOf]
var token = take(uniqueString(resourceGroup().id), 5)
var baseName = 'cp-${short}-${token}'
var accountName = 'cp${short}${token}'
var tags = { product: 'callpilot', environment: environmentOf, owner: owner, costCentre: costCentre }
var storageSku = zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
var storageSuffix = environment().suffixes.storage
var isElastic = startsWith(planSku, 'EP')
var malwareTopic = malwareGate == 'defender' ? 'evgt-scans-${baseName}' : null

module monitoring 'modules/monitoring.bicep' = {
  params: { location: location, baseName: baseName, tags: tags, retentionInDays: logRetentionDays }
}

module actionGroup 'modules/actionGroup.bicep' = {
  params: { baseName: baseName, tags: tags, email: alertEmail }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  params: { location: location, baseName: baseName, tags: tags }
}

module mail 'modules/mail.bicep' = {
  params: {
    baseName: baseName
    tags: tags
    dataLocation: 'Europe'
    workspaceId: monitoring.outputs.workspaceId
    ownDomain: mailDomain
    ownDomainVerified: mailDomainVerified
  }
}

var settings = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD'
  AzureWebJobsStorage__credential: 'managedidentity'
  CALLPILOT_ENVIRONMENT: environmentOf
  API_PUBLIC_URL: apiPublicUrl
  GUEST_LINK_URL: guestLinkUrl
  CORS_ORIGINS: join(corsOrigins, ',')
  COSMOS__accountEndpoint: 'https://cosmos-${baseName}.documents.azure.com:443/'
  COSMOS__credential: 'managedidentity'
  COSMOS_DATABASE: 'callpilot'
  DATA_ACCOUNT: '${accountName}data'
  DATA__blobServiceUri: 'https://${accountName}data.blob.${storageSuffix}'
  DATA__queueServiceUri: 'https://${accountName}data.queue.${storageSuffix}'
  DATA__credential: 'managedidentity'
  VAULT_URL: 'https://kv-${baseName}${environment().suffixes.keyvaultDns}/'
  WRAPPING_KEY_BITS: string(wrappingKeyBits)
  OIDC_ISSUER: oidcIssuer
  OIDC_AUDIENCE: oidcAudience
  OIDC_TENANT_CLAIM: oidcTenantClaim
  MAIL_ENDPOINT: mail.outputs.endpoint
  MAIL_SENDER: mail.outputs.sender
  MALWARE_GATE: malwareGate
  INGEST_SOURCE: 'EventGrid'
}

module apiPlan 'modules/plan.bicep' = {
  params: {
    location: location
    name: 'plan-${baseName}-api'
    tags: tags
    sku: planSku
    zoneRedundant: zoneRedundant
    minInstances: minInstances
    maxInstances: maxInstances
  }
}

module workerPlan 'modules/plan.bicep' = {
  params: {
    location: location
    name: 'plan-${baseName}-worker'
    tags: tags
    sku: planSku
    zoneRedundant: zoneRedundant
    minInstances: minInstances
    maxInstances: maxInstances
  }
}

module api 'modules/app.bicep' = {
  params: {
    location: location
    name: '${baseName}-api'
    tags: tags
    planId: apiPlan.outputs.id
    isElastic: isElastic
    minInstances: minInstances
    settings: union(settings, { CALLPILOT_ROLE: 'api', AzureWebJobsStorage__accountName: '${accountName}apihost' })
    otherFunctions: functions.worker
    triggeredFunctions: []
    packageUrl: apiPackageUrl
    stagingPackageUrl: apiStagingPackageUrl
    workspaceId: monitoring.outputs.workspaceId
    subnetId: network.?outputs.?apiSubnetId
    inbound: 'Everybody'
  }
}

module worker 'modules/app.bicep' = {
  params: {
    location: location
    name: '${baseName}-worker'
    tags: tags
    planId: workerPlan.outputs.id
    isElastic: isElastic
    minInstances: minInstances
    settings: union(
      settings,
      { CALLPILOT_ROLE: 'worker', AzureWebJobsStorage__accountName: '${accountName}workerhost' }
    )
    otherFunctions: functions.api
    triggeredFunctions: functions.worker
    packageUrl: workerPackageUrl
    stagingPackageUrl: workerStagingPackageUrl
    workspaceId: monitoring.outputs.workspaceId
    subnetId: network.?outputs.?workerSubnetId
    inbound: 'EventGrid'
  }
}

module appAccess 'modules/appAccess.bicep' = {
  params: { insightsName: 'appi-${baseName}', slots: concat(api.outputs.slots, worker.outputs.slots) }
}

module mailAccess 'modules/mailAccess.bicep' = {
  params: { baseName: baseName, serviceName: 'acs-${baseName}', worker: worker.outputs.slots }
}

@description('Reads a tenant in production, and hands a redacted copy over in the drop.')
module exporter 'modules/copyIdentity.bicep' = if (environmentOf == 'production') {
  params: {
    location: location
    name: 'id-sandbox-export-${baseName}'
    tags: tags
    issuer: copyIssuer
    subject: copySubject
  }
}

@description('Fetches a copy, and fills a tenant of the sandbox with it.')
module importer 'modules/copyIdentity.bicep' = if (environmentOf == 'sandbox') {
  params: {
    location: location
    name: 'id-sandbox-import-${baseName}'
    tags: tags
    issuer: copyIssuer
    subject: copySubject
  }
}

var exporting = environmentOf == 'production'
  ? { name: 'id-sandbox-export-${baseName}', principalId: exporter!.outputs.principalId }
  : null
var importing = environmentOf == 'sandbox'
  ? { name: 'id-sandbox-import-${baseName}', principalId: importer!.outputs.principalId }
  : null

module vault 'modules/vault.bicep' = {
  params: {
    location: location
    baseName: baseName
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: actionGroup.outputs.id
    isPrivate: privateNetwork
    wrappingKeyBits: wrappingKeyBits
    customerManagedKeys: customerManagedKeys
    exportsCopies: environmentOf == 'production'
  }
}

module vaultAccess 'modules/vaultAccess.bicep' = {
  params: {
    baseName: baseName
    vaultName: 'kv-${baseName}'
    api: api.outputs.slots
    worker: worker.outputs.slots
    exporter: exporting
    secretNames: functions.secrets
  }
  dependsOn: [vault]
}

var encryption = customerManagedKeys
  ? {
      identityId: vault.outputs.encryptionIdentityId
      vaultUri: vault.outputs.uri
      keyName: vault.outputs.atRestKeyName
    }
  : null

@description('Recordings, and the queues between functions. Phones reach it; nobody without a grant gets anything.')
module dataAccount 'modules/storage.bicep' = {
  params: {
    location: location
    name: '${accountName}data'
    tags: tags
    sku: storageSku
    isPublic: true
    containers: ['ingest', 'protection', 'dead-letters']
    immutableContainers: [{ name: 'seals', days: sealDays }]
    immutableLocked: sealsLocked
    queues: functions.queues
    corsOrigins: corsOrigins
    keptDays: keptDays
    lifecycleRules: [
      { name: 'dead-letters', prefixes: ['dead-letters/'], deleteAfterDays: 90 }
      { name: 'orphaned-manifests', prefixes: ['ingest/'], deleteAfterDays: 60 }
    ]
    workspaceId: monitoring.outputs.workspaceId
    encryption: encryption
  }
}

@description('What the host of each app keeps for itself: keys, leases, receipts, when its timers last ran.')
module hostAccounts 'modules/storage.bicep' = [
  for app in ['api', 'worker']: {
    params: {
      location: location
      name: '${accountName}${app}host'
      tags: tags
      sku: storageSku
      isPublic: !privateNetwork
      containers: []
      keptDays: keptDays
      keepsVersions: false
      workspaceId: monitoring.outputs.workspaceId
      encryption: encryption
    }
  }
]

@description('Deployed code, by its hash, which nobody changes once it is there.')
module packageAccount 'modules/storage.bicep' = {
  params: {
    location: location
    name: '${accountName}pack'
    tags: tags
    sku: storageSku
    isPublic: !privateNetwork
    containers: []
    immutableContainers: [{ name: 'packages', days: 365 }]
    keptDays: keptDays
    workspaceId: monitoring.outputs.workspaceId
    encryption: encryption
  }
}

@description('Redacted copies on their way to a sandbox, which is not in this network. What is deleted here is gone.')
module dropAccount 'modules/storage.bicep' = if (environmentOf == 'production') {
  params: {
    location: location
    name: '${accountName}drop'
    tags: tags
    sku: storageSku
    isPublic: true
    containers: ['drop', 'work']
    keptDays: 0
    keepsVersions: false
    lifecycleRules: [{ name: 'copies', prefixes: ['drop/', 'work/'], deleteAfterDays: 14 }]
    workspaceId: monitoring.outputs.workspaceId
    encryption: encryption
  }
}

var apiSlots = map(api.outputs.slots, slot => { name: slot.name, principalId: slot.principalId })
var workerSlots = map(worker.outputs.slots, slot => { name: slot.name, principalId: slot.principalId })

@description('The api reads the key ring and seals, and writes neither; of malware it sees nothing.')
var apiBlobs = loadTextContent('modules/apiBlobs.txt')

module dataAccess 'modules/storageAccess.bicep' = {
  params: {
    accountName: '${accountName}data'
    assignments: concat(
      map(apiSlots, slot => union(slot, { roles: ['blobContributor'], condition: apiBlobs })),
      // The blob trigger keeps its receipts and poison queue in the account that it watches.
      map(workerSlots, slot => union(slot, { roles: ['blobOwner', 'queueContributor'] })),
      importing == null
        ? []
        : [union(importing!, { roles: ['blobContributor'], condition: loadTextContent('modules/importerBlobs.txt') })]
    )
  }
  dependsOn: [dataAccount]
}

var hostRoles = ['blobOwner', 'queueContributor', 'tableContributor']

module apiHostAccess 'modules/storageAccess.bicep' = {
  params: {
    accountName: '${accountName}apihost'
    assignments: map(apiSlots, slot => union(slot, { roles: hostRoles }))
  }
  dependsOn: [hostAccounts]
}

module workerHostAccess 'modules/storageAccess.bicep' = {
  params: {
    accountName: '${accountName}workerhost'
    assignments: map(workerSlots, slot => union(slot, { roles: hostRoles }))
  }
  dependsOn: [hostAccounts]
}

module packageAccess 'modules/storageAccess.bicep' = {
  params: {
    accountName: '${accountName}pack'
    assignments: map(concat(apiSlots, workerSlots), slot => union(slot, { roles: ['blobReader'] }))
  }
  dependsOn: [packageAccount]
}

module dropAccess 'modules/containerAccess.bicep' = if (environmentOf == 'production') {
  params: {
    accountName: '${accountName}drop'
    assignments: concat(
      map(['drop', 'work'], container => union(exporting!, { container: container, role: 'blobContributor' })),
      empty(importerId) ? [] : [{ name: 'importer', principalId: importerId, container: 'drop', role: 'blobReader' }]
    )
  }
  dependsOn: [dropAccount]
}

module cosmos 'modules/cosmos.bicep' = {
  params: {
    location: location
    baseName: baseName
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: privateNetwork
    zoneRedundant: zoneRedundant
    maxThroughput: maxThroughput
    api: api.outputs.slots
    worker: worker.outputs.slots
    exporter: exporting
    importer: importing
    encryption: customerManagedKeys
      ? {
          identityId: vault.outputs.encryptionIdentityId
          keyUri: '${vault.outputs.uri}keys/${vault.outputs.atRestKeyName}'
        }
      : null
  }
}

module endpoints 'modules/privateEndpoints.bicep' = if (privateNetwork) {
  params: {
    location: location
    baseName: baseName
    tags: tags
    subnetId: network!.outputs.endpointsSubnetId
    vaultId: vault.outputs.id
    cosmosId: cosmos.outputs.id
    apiHostAccountId: hostAccounts[0].outputs.id
    workerHostAccountId: hostAccounts[1].outputs.id
    packageAccountId: packageAccount.outputs.id
  }
}

module events 'modules/events.bicep' = {
  params: {
    location: location
    baseName: baseName
    tags: tags
    dataAccountName: '${accountName}data'
    workspaceId: monitoring.outputs.workspaceId
    scanTopicName: malwareTopic
    manifestWebhook: manifestWebhook
    scanFunctionId: '${worker.outputs.id}/functions/onScanResult'
    subscribe: subscribe
  }
  dependsOn: [dataAccount]
}

module alerts 'modules/alerts.bicep' = {
  params: {
    location: location
    baseName: baseName
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: actionGroup.outputs.id
    topicIds: events.outputs.topicIds
    monthlyBudget: monthlyBudget
    budgetFrom: budgetFrom
    budgetEmail: alertEmail
  }
}

module locks 'modules/locks.bicep' = if (environmentOf == 'production') {
  params: {
    dataAccountName: '${accountName}data'
    cosmosName: 'cosmos-${baseName}'
    vaultName: 'kv-${baseName}'
  }
  dependsOn: [cosmos, dataAccount]
}

output apiName string = api.outputs.name
output workerName string = worker.outputs.name
output apiHostName string = api.outputs.hostName
output packageAccountName string = packageAccount.outputs.name
output dataAccountName string = dataAccount.outputs.name
output vaultName string = 'kv-${baseName}'
output budgetFrom string = budgetFrom
