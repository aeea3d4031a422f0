metadata description = 'What holds people\'s recordings and keys is not deleted by mistake, with its resource group or without.'

param dataAccountName string
param cosmosName string
param vaultName string

resource data 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: dataAccountName
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' existing = {
  name: cosmosName
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource dataLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep'
  scope: data
  properties: { level: 'CanNotDelete', notes: 'Recordings of guests.' }
}

resource cosmosLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep'
  scope: cosmos
  properties: { level: 'CanNotDelete', notes: 'All that tenants have entered.' }
}

resource vaultLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep'
  scope: vault
  properties: { level: 'CanNotDelete', notes: 'Without its keys nothing that was protected can be read.' }
}
