import { resourceTags } from '../types.bicep'

metadata description = 'Sends mail: from a domain of ours once it is verified, until then from one of Azure\'s, which takes ten an hour.'

param baseName string
param tags resourceTags
param dataLocation string
param workspaceId string
@description('A domain of ours, whose DNS records the operator sets; none for a trial.')
param ownDomain string?
@description('Whether Azure has verified it: before, nothing can be sent from it.')
param ownDomainVerified bool

var fromOwn = ownDomain != null && ownDomainVerified

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

  resource own 'domains' = if (ownDomain != null) {
    name: ownDomain ?? 'none'
    location: 'global'
    tags: tags
    properties: { domainManagement: 'CustomerManaged', userEngagementTracking: 'Disabled' }
  }
}

resource service 'Microsoft.Communication/communicationServices@2025-09-01' = {
  name: 'acs-${baseName}'
  location: 'global'
  tags: tags
  properties: {
    dataLocation: dataLocation
    linkedDomains: [fromOwn ? email::own.id : email::domain.id]
    disableLocalAuth: true
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: service
  properties: { workspaceId: workspaceId, logs: [{ categoryGroup: 'allLogs', enabled: true }] }
}

output endpoint string = 'https://${service.properties.hostName}'
output sender string = fromOwn ? 'DoNotReply@${ownDomain}' : 'DoNotReply@${email::domain.properties.fromSenderDomain}'
