import { slotIdentity } from '../types.bicep'

metadata description = 'Lets the slots write metrics and traces, which keys may not.'

param insightsName string
param slots slotIdentity[]

var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource publishes 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for slot in slots: {
    name: guid(insights.id, slot.name, metricsPublisher)
    scope: insights
    properties: {
      principalId: slot.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
    }
  }
]
