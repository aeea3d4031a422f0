import { resourceTags } from '../types.bicep'

metadata description = 'The network that apps call from, each plan from a subnet of its own, and the private zones in which they find what has no public address.'

param location string
param baseName string
param tags resourceTags

var zones = [
  'privatelink.vaultcore.azure.net'
  'privatelink.documents.azure.com'
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.queue.${environment().suffixes.storage}'
  'privatelink.table.${environment().suffixes.storage}'
]

var subnets = [
  {
    name: 'api'
    properties: {
      addressPrefix: '10.20.0.0/24'
      delegations: [{ name: 'apps', properties: { serviceName: 'Microsoft.Web/serverFarms' } }]
    }
  }
  {
    name: 'worker'
    properties: {
      addressPrefix: '10.20.2.0/24'
      delegations: [{ name: 'apps', properties: { serviceName: 'Microsoft.Web/serverFarms' } }]
    }
  }
  {
    name: 'endpoints'
    properties: { addressPrefix: '10.20.1.0/24', privateEndpointNetworkPolicies: 'Enabled' }
  }
]

resource network 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: 'vnet-${baseName}'
  location: location
  tags: tags
  properties: { addressSpace: { addressPrefixes: ['10.20.0.0/16'] } }

  // Not listed in the network: that would delete any other, such as that of the pipeline's agents. One change at a time.
  @batchSize(1)
  resource each 'subnets' = [
    for subnet in subnets: {
      name: subnet.name
      properties: subnet.properties
    }
  ]
}

resource privateZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in zones: {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, index) in zones: {
    parent: privateZones[index]
    name: baseName
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

output apiSubnetId string = '${network.id}/subnets/api'
output workerSubnetId string = '${network.id}/subnets/worker'
output endpointsSubnetId string = '${network.id}/subnets/endpoints'
