import { appSettings, resourceTags, slotIdentity } from '../types.bicep'

metadata description = 'One function app with its staging slot. Both run the same package; settings say which functions of it.'

param location string
@description('The app and its slot are told apart by the first 32 characters of "<name>-staging".')
@maxLength(24)
param name string
param tags resourceTags
param planId string
param isElastic bool
@description('Instances that are always ready: as many as the plan has, or all of them could stand in one zone.')
param minInstances int
param settings appSettings
@description('Functions that this app never runs: the other app does.')
param otherFunctions string[]
@description('Functions of this app that a slot must not run beside production: they take from queues, feeds and clocks.')
param triggeredFunctions string[]
@description('Where the code of each slot lies. Travels with the slot in a swap, so each deployment is told what runs where.')
param packageUrl string
param stagingPackageUrl string
param workspaceId string
@description('Subnet that the app calls from, of its plan alone; none where networks are public.')
param subnetId string?
@description('Who may call it: everybody, or Event Grid and the platform itself.')
param inbound 'Everybody' | 'EventGrid'

var disabledElsewhere = toObject(otherFunctions, fn => 'AzureWebJobs.${fn}.Disabled', fn => 'true')
var onHere = toObject(triggeredFunctions, fn => 'AzureWebJobs.${fn}.Disabled', fn => 'false')
var offHere = toObject(triggeredFunctions, fn => 'AzureWebJobs.${fn}.Disabled', fn => 'true')

var everySlot = union(settings, disabledElsewhere, {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'node'
  AzureWebJobsDisableHomepage: 'true'
  // The host takes all of a body into memory, several times, before the app sees its first byte: twice what the app takes.
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '2097152'
  languageWorkers__node__arguments: '--disable-proto=throw'
  WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: 'SystemAssigned'
  WEBSITE_SWAP_WARMUP_PING_PATH: '/health/ready'
  WEBSITE_SWAP_WARMUP_PING_STATUSES: '200'
  WEBSITE_OVERRIDE_STICKY_EXTENSION_VERSIONS: '0'
  WEBSITE_OVERRIDE_STICKY_DIAGNOSTICS_SETTINGS: '0'
})

var siteProperties = {
  serverFarmId: planId
  httpsOnly: true
  clientAffinityEnabled: false
  clientCertEnabled: false
  publicNetworkAccess: 'Enabled'
  virtualNetworkSubnetId: subnetId
  // What the platform fetches for the app as well: its package has no public address.
  outboundVnetRouting: { allTraffic: subnetId != null }
  keyVaultReferenceIdentity: 'SystemAssigned'
  siteConfig: {
    linuxFxVersion: 'NODE|24'
    minTlsVersion: '1.2'
    scmMinTlsVersion: '1.2'
    ftpsState: 'Disabled'
    http20Enabled: true
    remoteDebuggingEnabled: false
    alwaysOn: !isElastic
    healthCheckPath: '/health'
    minimumElasticInstanceCount: isElastic ? minInstances : null
    functionsRuntimeScaleMonitoringEnabled: isElastic && subnetId != null
    ipSecurityRestrictionsDefaultAction: inbound == 'Everybody' ? 'Allow' : 'Deny'
    ipSecurityRestrictions: inbound == 'Everybody'
      ? []
      : [
          { name: 'event-grid', priority: 100, action: 'Allow', tag: 'ServiceTag', ipAddress: 'AzureEventGrid' }
          // Where a swap's warm-up comes from; of what begins with 100, the rest is the internet's.
          { name: 'platform', priority: 110, action: 'Allow', ipAddress: '10.0.0.0/8' }
          { name: 'platform-shared', priority: 120, action: 'Allow', ipAddress: '100.64.0.0/10' }
        ]
    scmIpSecurityRestrictionsDefaultAction: 'Deny'
    scmIpSecurityRestrictionsUseMain: false
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: { type: 'SystemAssigned' }
  properties: siteProperties

  resource noFtp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
  resource noScm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
  resource values 'config' = {
    name: 'appsettings'
    properties: union(everySlot, onHere, { CALLPILOT_SLOT: 'production', WEBSITE_RUN_FROM_PACKAGE: packageUrl })
  }
  resource sticky 'config' = {
    name: 'slotConfigNames'
    properties: {
      appSettingNames: concat(['CALLPILOT_SLOT'], map(triggeredFunctions, fn => 'AzureWebJobs.${fn}.Disabled'))
    }
  }
}

resource staging 'Microsoft.Web/sites/slots@2025-03-01' = {
  parent: app
  name: 'staging'
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: { type: 'SystemAssigned' }
  properties: siteProperties

  resource noFtp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
  resource noScm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
  resource values 'config' = {
    name: 'appsettings'
    properties: union(everySlot, offHere, { CALLPILOT_SLOT: 'staging', WEBSITE_RUN_FROM_PACKAGE: stagingPackageUrl })
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: app
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

resource stagingDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: staging
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

output id string = app.id
output name string = app.name
output hostName string = app.properties.defaultHostName
output slots slotIdentity[] = [
  { name: app.name, principalId: app.identity.principalId }
  { name: '${app.name}-staging', principalId: staging.identity.principalId }
]
