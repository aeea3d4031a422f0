import { resourceTags, slotIdentity } from '../types.bicep'

metadata description = 'The database: tokens only, strong consistency, every container led by the tenant, thirty days to go back to.'

param location string
param baseName string
param tags resourceTags
param workspaceId string
param isPrivate bool
param zoneRedundant bool
@description('Request units per second that state and log may grow to; the change feed\'s leases need little.')
param maxThroughput int
param api slotIdentity[]
param worker slotIdentity[]
@description('Who reads a tenant for a sandbox copy, and who fills one of a sandbox with it: each where there is one.')
param exporter slotIdentity?
param importer slotIdentity?
@description('Identity and key (with its vault) that encrypt what is at rest; Microsoft\'s own key where left out.')
param encryption { identityId: string, keyUri: string }?

@description('What the code reads and writes, as it declares it.')
var containers = loadJsonContent('../generated/cosmos.json')

@description('Cosmos DB Built-in Data Contributor and Data Reader: items, and no containers.')
var dataContributor = '00000000-0000-0000-0000-000000000002'
var dataReader = '00000000-0000-0000-0000-000000000001'
var databaseId = '${account.id}/dbs/callpilot'

@description('Only the worker writes the log, which is what makes it one.')
var grants = concat(
  flatten(map(api, slot => [
    { slot: slot, role: dataContributor, scope: '${databaseId}/colls/data' }
    { slot: slot, role: dataReader, scope: '${databaseId}/colls/log' }
  ])),
  map(worker, slot => { slot: slot, role: dataContributor, scope: databaseId }),
  exporter == null ? [] : [{ slot: exporter!, role: dataReader, scope: '${databaseId}/colls/data' }],
  importer == null ? [] : [{ slot: importer!, role: dataContributor, scope: '${databaseId}/colls/data' }]
)

resource account 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' = {
  name: 'cosmos-${baseName}'
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  identity: encryption == null
    ? null
    : { type: 'UserAssigned', userAssignedIdentities: { '${encryption!.identityId}': {} } }
  properties: {
    databaseAccountOfferType: 'Standard'
    locations: [{ locationName: location, failoverPriority: 0, isZoneRedundant: zoneRedundant }]
    consistencyPolicy: { defaultConsistencyLevel: 'Strong' }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAclBypass: 'None'
    backupPolicy: { type: 'Continuous', continuousModeProperties: { tier: 'Continuous30Days' } }
    keyVaultKeyUri: encryption.?keyUri
    defaultIdentity: encryption == null ? null : 'UserAssignedIdentity=${encryption!.identityId}'
  }

  resource database 'sqlDatabases' = {
    name: 'callpilot'
    tags: tags
    properties: { resource: { id: 'callpilot' } }

    @batchSize(1)
    resource each 'containers' = [
      for container in containers: {
        name: container.id
        tags: tags
        properties: {
          resource: container
          options: { autoscaleSettings: { maxThroughput: container.id == 'leases' ? 1000 : maxThroughput } }
        }
      }
    ]
  }
}

// Two at once fail: each locks the account (https://github.com/hashicorp/terraform-provider-azurerm/issues/15842).
@batchSize(1)
resource given 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = [
  for grant in grants: {
    parent: account
    name: guid(account.id, grant.slot.name, grant.role)
    properties: {
      principalId: grant.slot.principalId
      roleDefinitionId: '${account.id}/sqlRoleDefinitions/${grant.role}'
      scope: grant.scope
    }
    dependsOn: [account::database::each]
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: account
  properties: {
    workspaceId: workspaceId
    // Not the requests themselves: they would hold what people wrote.
    logs: [
      { category: 'ControlPlaneRequests', enabled: true }
      { category: 'PartitionKeyRUConsumption', enabled: true }
    ]
  }
}

output id string = account.id
output endpoint string = account.properties.documentEndpoint
