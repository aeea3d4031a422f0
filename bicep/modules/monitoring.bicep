import { resourceTags } from '../types.bicep'

metadata description = 'Where logs, traces and metrics go. Nobody writes or reads them with a key.'

param location string
param baseName string
param tags resourceTags
param retentionInDays int

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: 'log-${baseName}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionInDays
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${baseName}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.id
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
  }
}

output workspaceId string = logs.id
output insightsConnectionString string = insights.properties.ConnectionString
