import { slotIdentity } from '../types.bicep'

metadata description = 'Lets the worker send mail, and nothing else of the service.'

param baseName string
param serviceName string
param worker slotIdentity[]

resource service 'Microsoft.Communication/communicationServices@2025-09-01' existing = {
  name: serviceName
}

@description('Sending is a write of the service; the built-in role that has it may delete the service as well.')
resource sender 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'mail-sender')
  properties: {
    roleName: 'Callpilot mail sender (${baseName})'
    description: 'Sends mail, and nothing else.'
    type: 'customRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.Communication/CommunicationServices/Read'
          'Microsoft.Communication/CommunicationServices/Write'
          'Microsoft.Communication/EmailServices/write'
        ]
      }
    ]
  }
}

resource sends 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for slot in worker: {
    name: guid(service.id, slot.name, 'mail-sender')
    scope: service
    properties: {
      principalId: slot.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: sender.id
    }
  }
]
