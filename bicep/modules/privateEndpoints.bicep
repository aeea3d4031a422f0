import { resourceTags } from '../types.bicep'

metadata description = 'Private addresses of everything that apps use and nobody else is to reach.'

param location string
param baseName string
param tags resourceTags
param subnetId string
param vaultId string
param cosmosId string
param apiHostAccountId string
param workerHostAccountId string
param packageAccountId string

var storage = environment().suffixes.storage
var ofHosts = flatten(map(
  [{ app: 'api', id: apiHostAccountId }, { app: 'worker', id: workerHostAccountId }],
  host =>
    map(['blob', 'queue', 'table'], service => {
      name: '${host.app}-host-${service}-${baseName}'
      id: host.id
      group: service
      zone: 'privatelink.${service}.${storage}'
    })
))
var endpoints = concat(ofHosts, [
  { name: 'vault-${baseName}', id: vaultId, group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
  { name: 'cosmos-${baseName}', id: cosmosId, group: 'Sql', zone: 'privatelink.documents.azure.com' }
  { name: 'package-blob-${baseName}', id: packageAccountId, group: 'blob', zone: 'privatelink.blob.${storage}' }
])

module each 'privateEndpoint.bicep' = [
  for endpoint in endpoints: {
    name: 'pe-${endpoint.name}'
    params: {
      location: location
      name: endpoint.name
      tags: tags
      serviceId: endpoint.id
      group: endpoint.group
      zone: endpoint.zone
      subnetId: subnetId
    }
  }
]
