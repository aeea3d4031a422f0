import { resourceTags } from '../types.bicep'

metadata description = 'Sends mail, from a domain of Azure\'s own until the operator verifies one.'

param baseName string
param tags resourceTags
param dataLocation string
param workspaceId string

resource email 'Microsoft.Communication/emailServices@2025-09-01' = {
  name: 'mail-${baseName}'
  location: 'global'
  tags: tags
  properties: { dataLocation: dataLocation }

  resource domain 'domains' = {
    name: 'AzureManagedDomain'
    location: 'global'
    tags: tags
    properties: { domainManagement: 'AzureManaged', userEngagementTracking: 'Disabled' }
  }
}

resource service 'Microsoft.Communication/communicationServices@2025-09-01' = {
  name: 'acs-${baseName}'
  location: 'global'
  tags: tags
  properties: { dataLocation: dataLocation, linkedDomains: [email::domain.id], disableLocalAuth: true }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: service
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

output endpoint string = 'https://${service.properties.hostName}'
output sender string = 'DoNotReply@${email::domain.properties.mailFromSenderDomain}'
