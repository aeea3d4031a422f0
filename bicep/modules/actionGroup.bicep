import { resourceTags } from '../types.bicep'

metadata description = 'Whom an alert wakes.'

param baseName string
param tags resourceTags
param email string

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${baseName}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'callpilot'
    enabled: true
    emailReceivers: [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

output id string = group.id
