import { resourceTags } from '../types.bicep'

metadata description = 'Private addresses of everything that apps use and nobody else is to reach.'

param location string
param baseName string
param tags resourceTags
param subnetId string
param vaultId string
param cosmosId string
param hostAccountId string
param packageAccountId string

var storage = environment().suffixes.storage
var endpoints = [
  { name: 'vault-${baseName}', id: vaultId, group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
  { name: 'cosmos-${baseName}', id: cosmosId, group: 'Sql', zone: 'privatelink.documents.azure.com' }
  { name: 'host-blob-${baseName}', id: hostAccountId, group: 'blob', zone: 'privatelink.blob.${storage}' }
  { name: 'host-queue-${baseName}', id: hostAccountId, group: 'queue', zone: 'privatelink.queue.${storage}' }
  { name: 'host-table-${baseName}', id: hostAccountId, group: 'table', zone: 'privatelink.table.${storage}' }
  { name: 'package-blob-${baseName}', id: packageAccountId, group: 'blob', zone: 'privatelink.blob.${storage}' }
]

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
