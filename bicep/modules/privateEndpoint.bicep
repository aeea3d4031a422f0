import { resourceTags } from '../types.bicep'

metadata description = 'A private address for one service, and its name in the zone of that service.'

param location string
param name string
param tags resourceTags
param serviceId string
@description('What of the service: vault, Sql, blob, queue, table.')
param group string
param zone string
param subnetId string

resource privateZone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {
  name: zone
}

resource endpoint 'Microsoft.Network/privateEndpoints@2025-01-01' = {
  name: 'pe-${name}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      { name: name, properties: { privateLinkServiceId: serviceId, groupIds: [group] } }
    ]
  }

  resource zones 'privateDnsZoneGroups' = {
    name: 'default'
    properties: { privateDnsZoneConfigs: [{ name: group, properties: { privateDnsZoneId: privateZone.id } }] }
  }
}
