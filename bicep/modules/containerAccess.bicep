metadata description = 'Which identity has which role on one container of an account, and on no other.'

param accountName string
param assignments { name: string, principalId: string, container: string, role: 'blobReader' | 'blobContributor' }[]

var roles = {
  blobReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
}

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
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[each.role])
    }
  }
]
