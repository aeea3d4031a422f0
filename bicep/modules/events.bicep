import { resourceTags } from '../types.bicep'

metadata description = 'What becomes of a new manifest, and of a malware scan: events to the worker, and to a container what nobody took.'

param location string
param baseName string
param tags resourceTags
param dataAccountName string
param workspaceId string
@description('Topic that Defender for Storage tells of its scans.')
param scanTopicName string?
@description('With the key of the extension in it, which exists once the code is live: the second phase of a deployment.')
@secure()
param manifestWebhook string
param scanFunctionId string
@description('Whether the code is live, so that there is something to subscribe.')
param subscribe bool

var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: dataAccountName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-data-${baseName}'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: { source: account.id, topicType: 'Microsoft.Storage.StorageAccounts' }
}

resource deadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, topic.id, blobContributor)
  scope: account
  properties: {
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
  }
}

var deadLetter = {
  identity: { type: 'SystemAssigned' }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: { resourceId: account.id, blobContainerName: 'dead-letters' }
  }
}

var retries = { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }

@description('The filter is the only guard: the trigger does not compare the event with its path.')
resource manifests 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = if (subscribe) {
  parent: topic
  name: 'manifests'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: { endpointUrl: manifestWebhook, maxEventsPerBatch: 1, minimumTlsVersionAllowed: '1.2' }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: '/blobServices/default/containers/ingest/'
      subjectEndsWith: '.json'
      isSubjectCaseSensitive: true
      advancedFilters: [{ operatorType: 'StringIn', key: 'data.api', values: ['PutBlob', 'PutBlockList'] }]
    }
    retryPolicy: retries
    deadLetterWithResourceIdentity: deadLetter
  }
  dependsOn: [deadLetters]
}

resource scans 'Microsoft.EventGrid/topics@2025-02-15' = if (scanTopicName != null) {
  name: scanTopicName ?? 'none'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    inputSchema: 'EventGridSchema'
    publicNetworkAccess: 'Enabled'
    minimumTlsVersionAllowed: '1.2'
    // With a key a verdict could be forged. Defender needs none, which its documentation does not say, but Microsoft's own
    // Trusted Research Environment shows: its topic of scans is so, and the events arrive (core/terraform/airlock/
    // eventgrid_topics.tf and issue 4978 of github.com/microsoft/AzureTRE).
    disableLocalAuth: true
  }

  resource results 'eventSubscriptions' = if (subscribe) {
    name: 'scan-results'
    properties: {
      eventDeliverySchema: 'EventGridSchema'
      destination: {
        endpointType: 'AzureFunction'
        properties: { resourceId: scanFunctionId, maxEventsPerBatch: 1 }
      }
      filter: {
        includedEventTypes: ['Microsoft.Security.MalwareScanningResult']
        advancedFilters: [
          { operatorType: 'StringContains', key: 'data.blobUri', values: ['/videos-'] }
          { operatorType: 'StringContains', key: 'data.blobUri', values: ['/originals/'] }
        ]
      }
      retryPolicy: retries
      deadLetterWithResourceIdentity: deadLetter
    }
    dependsOn: [scanDeadLetters]
  }
}

resource scanDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (scanTopicName != null) {
  name: guid(account.id, scanTopicName ?? 'none', blobContributor)
  scope: account
  properties: {
    principalId: scans!.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
  }
}

resource defender 'Microsoft.Security/defenderForStorageSettings@2025-06-01' = if (scanTopicName != null) {
  name: 'current'
  scope: account
  properties: {
    isEnabled: true
    overrideSubscriptionLevelSettings: true
    malwareScanning: {
      onUpload: { isEnabled: true, capGBPerMonth: 5000 }
      scanResultsEventGridTopicResourceId: scans.id
    }
    sensitiveDataDiscovery: { isEnabled: false }
  }
  // It takes the account's system topic that is there, and else makes one: then ours is refused, since Azure allows one.
  dependsOn: [topic]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: topic
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

resource scanDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (scanTopicName != null) {
  name: 'logs'
  scope: scans
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

output topicIds { manifests: string, scans: string? } = {
  manifests: topic.id
  scans: scanTopicName == null ? null : scans.id
}
