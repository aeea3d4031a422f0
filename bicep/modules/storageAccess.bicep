metadata description = 'Which identity has which role on one storage account.'

param accountName string
@description('With a condition where a role would reach further in the account than it should.')
param assignments { name: string, principalId: string, roles: string[], condition: string? }[]

@description('By what they are called in Azure. Nothing else can be given here.')
var roles = {
  blobReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  queueContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  tableContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: accountName
}

resource given 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in flatten(map(assignments, one => map(one.roles, role => { of: one, role: roles[role] }))): {
    name: guid(account.id, each.of.name, each.role)
    scope: account
    properties: {
      principalId: each.of.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', each.role)
      condition: each.of.?condition
      conditionVersion: each.of.?condition == null ? null : '2.0'
    }
  }
]
