import { resourceTags } from '../types.bicep'

metadata description = 'The vault of this environment alone: keys that never leave it, and the one secret that the worker makes itself.'

param location string
param baseName string
param tags resourceTags
param workspaceId string
param actionGroupId string
param isPrivate bool
@allowed([2048, 3072])
param wrappingKeyBits int
param customerManagedKeys bool
@description('Whether copies for a sandbox are made here.')
param exportsCopies bool

@description('Key Vault Crypto Service Encryption User, as Azure asks for it where storage and database encrypt.')
var encryptionUser = 'e147488a-f6f5-4113-8e2d-b22465e65bf6'

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: 'kv-${baseName}'
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: { bypass: 'AzureServices', defaultAction: isPrivate ? 'Deny' : 'Allow' }
  }
}

@description('Wraps the key ring of data protection. Old versions stay: they unwrap what was wrapped before.')
resource keyRing 'Microsoft.KeyVault/vaults/keys@2026-02-01' = {
  parent: vault
  name: 'key-ring'
  tags: tags
  properties: {
    kty: 'RSA'
    keySize: wrappingKeyBits
    keyOps: ['wrapKey', 'unwrapKey']
    attributes: { enabled: true, exportable: false }
    rotationPolicy: rotation
  }
}

@description('Sign seals of logs and manifests of evidence, each for its own use.')
resource signing 'Microsoft.KeyVault/vaults/keys@2026-02-01' = [
  for name in ['log-seal', 'evidence-seal']: {
    parent: vault
    name: name
    tags: tags
    properties: {
      kty: 'RSA'
      keySize: 2048
      keyOps: ['sign', 'verify']
      attributes: { enabled: true, exportable: false }
      rotationPolicy: rotation
    }
  }
]

@description('Encrypts storage and database at rest.')
resource atRest 'Microsoft.KeyVault/vaults/keys@2026-02-01' = if (customerManagedKeys) {
  parent: vault
  name: 'at-rest'
  tags: tags
  properties: {
    kty: 'RSA'
    keySize: 2048
    keyOps: ['wrapKey', 'unwrapKey']
    attributes: { enabled: true, exportable: false }
    rotationPolicy: rotation
  }
}

@description('Wraps the key that pseudonyms are made with. Old versions stay here, too.')
resource pseudonyms 'Microsoft.KeyVault/vaults/keys@2026-02-01' = if (exportsCopies) {
  parent: vault
  name: 'sandbox-pseudonyms'
  tags: tags
  properties: {
    kty: 'RSA'
    keySize: 2048
    keyOps: ['wrapKey', 'unwrapKey']
    attributes: { enabled: true, exportable: false }
    rotationPolicy: rotation
  }
}

var rotation = {
  attributes: { expiryTime: 'P2Y' }
  lifetimeActions: [
    { action: { type: 'rotate' }, trigger: { timeAfterCreate: 'P1Y' } }
    { action: { type: 'notify' }, trigger: { timeBeforeExpiry: 'P30D' } }
  ]
}

resource encryptionIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (customerManagedKeys) {
  name: 'id-at-rest-${baseName}'
  location: location
  tags: tags
}

resource encrypts 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (customerManagedKeys) {
  name: guid(atRest.id, baseName, encryptionUser)
  scope: atRest
  properties: {
    principalId: encryptionIdentity!.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', encryptionUser)
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: vault
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

resource expiry 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-vault-${baseName}'
  location: location
  tags: tags
  properties: { source: vault.id, topicType: 'Microsoft.KeyVault.vaults' }

  resource alert 'eventSubscriptions' = {
    name: 'near-expiry'
    properties: {
      eventDeliverySchema: 'CloudEventSchemaV1_0'
      destination: {
        endpointType: 'MonitorAlert'
        properties: {
          severity: 'Sev2'
          description: 'A key or secret expires within 30 days and was not rotated.'
          actionGroups: [actionGroupId]
        }
      }
      filter: {
        includedEventTypes: [
          'Microsoft.KeyVault.KeyNearExpiry'
          'Microsoft.KeyVault.KeyExpired'
          'Microsoft.KeyVault.SecretNearExpiry'
          'Microsoft.KeyVault.SecretExpired'
        ]
      }
    }
  }
}

output id string = vault.id
output uri string = vault.properties.vaultUri
output atRestKeyName string = 'at-rest'
output encryptionIdentityId string = customerManagedKeys ? encryptionIdentity.id : ''
