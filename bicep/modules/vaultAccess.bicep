import { slotIdentity } from '../types.bicep'

metadata description = 'Who may do what with which key and secret: what the code does with it, by roles of our own.'

param baseName string
param vaultName string
param api slotIdentity[]
param worker slotIdentity[]
@description('Who makes the pseudonyms of a sandbox copy, where there is one.')
param exporter slotIdentity?
@description('Names of the secrets that the worker makes. They need not be there yet.')
param secretNames string[]

@description('The built-in roles do what no app does: change a key, back it up, subscribe to its events, delete a secret.')
var roles = {
  'key signer': {
    says: 'Reads a key and signs with it, and nothing else.'
    dataActions: ['Microsoft.KeyVault/vaults/keys/read', 'Microsoft.KeyVault/vaults/keys/sign/action']
  }
  'key wrapper': {
    says: 'Reads a key, wraps and unwraps with it, and nothing else.'
    dataActions: [
      'Microsoft.KeyVault/vaults/keys/read'
      'Microsoft.KeyVault/vaults/keys/wrap/action'
      'Microsoft.KeyVault/vaults/keys/unwrap/action'
    ]
  }
  'key unwrapper': {
    says: 'Unwraps with a key, and nothing else.'
    dataActions: ['Microsoft.KeyVault/vaults/keys/unwrap/action']
  }
  'secret keeper': {
    says: 'Reads a secret, makes its next version and disables an earlier one, and nothing else.'
    dataActions: [
      'Microsoft.KeyVault/vaults/secrets/getSecret/action'
      'Microsoft.KeyVault/vaults/secrets/readMetadata/action'
      'Microsoft.KeyVault/vaults/secrets/setSecret/action'
      'Microsoft.KeyVault/vaults/secrets/update/action'
    ]
  }
  'secret reader': {
    says: 'Reads a secret, and nothing else.'
    dataActions: ['Microsoft.KeyVault/vaults/secrets/getSecret/action']
  }
}

var keyGrants = concat(
  map(api, slot => { who: slot, key: 'key-ring', role: 'key unwrapper' }),
  flatten(map(worker, slot => [
    { who: slot, key: 'key-ring', role: 'key wrapper' }
    { who: slot, key: 'log-seal', role: 'key signer' }
    { who: slot, key: 'evidence-seal', role: 'key signer' }
  ])),
  exporter == null ? [] : [{ who: exporter!, key: 'sandbox-pseudonyms', role: 'key wrapper' }]
)

var secretGrants = flatten(map(
  secretNames,
  name =>
    concat(
      map(api, slot => { who: slot, secret: name, role: 'secret reader' }),
      map(worker, slot => { who: slot, secret: name, role: 'secret keeper' })
    )
))

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource keys 'Microsoft.KeyVault/vaults/keys@2026-02-01' existing = [
  for grant in keyGrants: {
    parent: vault
    name: grant.key
  }
]

resource secrets 'Microsoft.KeyVault/vaults/secrets@2026-02-01' existing = [
  for grant in secretGrants: {
    parent: vault
    name: grant.secret
  }
]

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for role in items(roles): {
    name: guid(resourceGroup().id, role.key)
    properties: {
      roleName: 'Callpilot ${role.key} (${baseName})'
      description: role.value.says
      type: 'customRole'
      assignableScopes: [resourceGroup().id]
      permissions: [{ dataActions: role.value.dataActions }]
    }
  }
]

resource onKeys 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, index) in keyGrants: {
    name: guid(keys[index].id, grant.who.name, grant.role)
    scope: keys[index]
    properties: {
      principalId: grant.who.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', guid(resourceGroup().id, grant.role))
    }
    dependsOn: [definitions]
  }
]

resource onSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, index) in secretGrants: {
    name: guid(secrets[index].id, grant.who.name, grant.role)
    scope: secrets[index]
    properties: {
      principalId: grant.who.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', guid(resourceGroup().id, grant.role))
    }
    dependsOn: [definitions]
  }
]
