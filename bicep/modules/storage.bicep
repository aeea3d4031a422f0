import { resourceTags } from '../types.bicep'

metadata description = 'One storage account as all of ours are: no keys, no anonymous access, TLS 1.2, versions and deleted blobs kept.'

param location string
param name string
param tags resourceTags
param sku 'Standard_LRS' | 'Standard_ZRS'
@description('Whether it has a public address. Of the account that phones upload to, and of no other where networks are private.')
param isPublic bool
param containers string[]
@description('Containers whose blobs can be added and read, never changed or deleted, for so many days.')
param immutableContainers { name: string, days: int }[] = []
@description('Whether deployment has locked those policies: then Azure takes none anew, not even the same.')
param immutableLocked bool = false
param queues string[] = []
param corsOrigins string[] = []
@description('Days that a deleted or overwritten blob can be had back; 0 where what is deleted is to be gone.')
param keptDays int
@description('Whether what is overwritten stays as a version. The host overwrites its timers\' states all day, for nobody.')
param keepsVersions bool = true
param lifecycleRules { name: string, prefixes: string[], deleteAfterDays: int }[] = []
param workspaceId string
@description('Identity, vault and key that encrypt what is at rest; Microsoft\'s own key where left out.')
param encryption { identityId: string, vaultUri: string, keyName: string }?

var retention = keptDays == 0 ? { enabled: false } : { enabled: true, days: keptDays }

var oldVersions = {
  name: 'old-versions'
  enabled: true
  type: 'Lifecycle'
  definition: {
    // With a prefix for each kind of container, so that the host's own (azure-webjobs) are left alone.
    filters: { blobTypes: ['blockBlob'], prefixMatch: ['videos-', 'quarantine-', 'ingest/', 'packages/'] }
    actions: { version: { delete: { daysAfterCreationGreaterThan: keptDays } } }
  }
}

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  identity: encryption == null
    ? null
    : { type: 'UserAssigned', userAssignedIdentities: { '${encryption!.identityId}': {} } }
  properties: {
    accessTier: 'Hot'
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    publicNetworkAccess: isPublic ? 'Enabled' : 'Disabled'
    networkAcls: { bypass: 'AzureServices', defaultAction: isPublic ? 'Allow' : 'Deny' }
    sasPolicy: { sasExpirationPeriod: '0.04:00:00', expirationAction: 'Log' }
    encryption: {
      requireInfrastructureEncryption: true
      keySource: encryption == null ? 'Microsoft.Storage' : 'Microsoft.Keyvault'
      keyvaultproperties: encryption == null
        ? null
        : { keyvaulturi: encryption!.vaultUri, keyname: encryption!.keyName }
      identity: encryption == null ? null : { userAssignedIdentity: encryption!.identityId }
      services: {
        blob: { enabled: true, keyType: 'Account' }
        queue: { enabled: true, keyType: 'Account' }
        table: { enabled: true, keyType: 'Account' }
      }
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: retention
      containerDeleteRetentionPolicy: retention
      isVersioningEnabled: keepsVersions
      cors: {
        corsRules: empty(corsOrigins)
          ? []
          : [
              {
                allowedOrigins: corsOrigins
                allowedMethods: ['PUT', 'GET', 'HEAD', 'OPTIONS']
                allowedHeaders: ['content-type', 'range', 'x-ms-*']
                exposedHeaders: ['accept-ranges', 'content-length', 'content-range', 'etag', 'x-ms-request-id']
                maxAgeInSeconds: 3600
              }
            ]
      }
    }
  }

  resource messages 'queueServices' = {
    name: 'default'
  }

  resource lifecycle 'managementPolicies' = if (keepsVersions || !empty(lifecycleRules)) {
    name: 'default'
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: concat(
          keepsVersions ? [oldVersions] : [],
          map(lifecycleRules, rule => {
            name: rule.name
            enabled: true
            type: 'Lifecycle'
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: rule.prefixes }
              actions: { baseBlob: { delete: { daysAfterCreationGreaterThan: rule.deleteAfterDays } } }
            }
          })
        )
      }
    }
  }
}

resource ownContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = [
  for container in concat(containers, map(immutableContainers, each => each.name)): {
    parent: account::blobs
    name: container
    properties: { publicAccess: 'None' }
  }
]

resource immutable 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2026-04-01' = [
  for (container, index) in immutableContainers: if (!immutableLocked) {
    parent: ownContainers[length(containers) + index]
    name: 'default'
    properties: { immutabilityPeriodSinceCreationInDays: container.days, allowProtectedAppendWrites: false }
  }
]

resource ownQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' = [
  for queue in queues: {
    parent: account::messages
    name: queue
  }
]

resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: account::blobs
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: account::messages
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

output id string = account.id
output name string = account.name
output blobUri string = account.properties.primaryEndpoints.blob
output queueUri string = account.properties.primaryEndpoints.queue
