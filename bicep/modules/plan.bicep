import { planSkuName, resourceTags } from '../types.bicep'

metadata description = 'Machines for one app: the api\'s and the worker\'s are apart, so that ffmpeg never slows a request.'

param location string
param name string
param tags resourceTags
param sku planSkuName
param zoneRedundant bool
@description('At least one of them, three where zones are to be survived.')
param minInstances int
param maxInstances int

var elastic = startsWith(sku, 'EP')

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: elastic ? 'elastic' : 'linux'
  sku: { name: sku, tier: elastic ? 'ElasticPremium' : 'PremiumV3', capacity: minInstances }
  properties: {
    reserved: true
    maximumElasticWorkerCount: elastic ? maxInstances : null
    zoneRedundant: zoneRedundant
  }
}

output id string = plan.id
