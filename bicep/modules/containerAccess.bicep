import { storageRoles } from '../types.bicep'

metadata description = 'Which identity has which role on one container of an account, and on no other.'

param accountName string
param assignments { name: string, principalId: string, container: string, role: 'blobReader' | 'blobContributor' }[]

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: accountName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' existing = [
  for each in assignments: {
    parent: account::blobs
    name: each.container
  }
]

resource given 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (each, index) in assignments: {
    name: guid(account.id, each.container, each.name, each.role)
    scope: containers[index]
    properties: {
      principalId: each.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageRoles[each.role])
    }
  }
]
