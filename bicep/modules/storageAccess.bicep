import { storageRoles } from '../types.bicep'

metadata description = 'Which identity has which role on one storage account.'

param accountName string
@description('With a condition where a role would reach further in the account than it should.')
param assignments { name: string, principalId: string, roles: string[], condition: string? }[]

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: accountName
}

resource given 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in flatten(map(assignments, one => map(one.roles, role => { of: one, role: storageRoles[role] }))): {
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
