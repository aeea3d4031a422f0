import { slotIdentity } from '../types.bicep'

metadata description = 'Who may do what with which key: what the code does with it, by roles of our own.'

param baseName string
param vaultName string
param api slotIdentity[]
param worker slotIdentity[]
@description('Who makes the pseudonyms of a sandbox copy, where there is one.')
param exporter slotIdentity?

@description('The built-in roles do what no app does: change a key and back it up, or subscribe to its events.')
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
}

var grants = concat(
  map(api, slot => { who: slot, key: 'key-ring', role: 'key unwrapper' }),
  flatten(map(worker, slot => [
    { who: slot, key: 'key-ring', role: 'key wrapper' }
    { who: slot, key: 'log-seal', role: 'key signer' }
    { who: slot, key: 'evidence-seal', role: 'key signer' }
  ])),
  exporter == null ? [] : [{ who: exporter!, key: 'sandbox-pseudonyms', role: 'key wrapper' }]
)

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource keys 'Microsoft.KeyVault/vaults/keys@2026-02-01' existing = [
  for grant in grants: {
    parent: vault
    name: grant.key
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

resource given 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, index) in grants: {
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
