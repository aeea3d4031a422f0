import { resourceTags } from '../types.bicep'

metadata description = 'What operators are told of, and one page that shows the whole.'

param location string
param baseName string
param tags resourceTags
param workspaceId string
param actionGroupId string
@description('By what comes from them.')
param topicIds { manifests: string, scans: string? }
@description('Currency units a month, and from when they are counted.')
param monthlyBudget int
param budgetFrom string
param budgetEmail string

@description('Each is looked at every five minutes, over so many; one row or more is an alert.')
var queries = [
  {
    name: 'poison-messages'
    says: 'A message failed five times and was put on a poison queue.'
    severity: 1
    minutes: 15
    query: 'StorageQueueLogs | where OperationName == "PutMessage" and Uri has "-poison" and toint(StatusCode) < 300'
  }
  {
    name: 'server-errors'
    says: 'More than one in a hundred requests ends with 500 or more.'
    severity: 1
    minutes: 15
    query: 'AppRequests | where Url has "/v1/" | summarize all = count(), bad = countif(toint(ResultCode) >= 500) | where bad > 4 and bad * 100 > all'
  }
  {
    name: 'slow-answers'
    says: 'The slowest twentieth of requests takes longer than two seconds.'
    severity: 2
    minutes: 15
    query: 'AppRequests | where Url has "/v1/" | summarize all = count(), p95 = percentile(DurationMs, 95) | where all > 50 and p95 > 2000'
  }
  {
    name: 'processing-lag'
    says: 'A manifest has waited for more than half an hour: videos are not processed.'
    severity: 1
    minutes: 240
    query: 'StorageBlobLogs | where Uri has "/ingest/" and toint(StatusCode) < 300 | summarize put = maxif(TimeGenerated, OperationName == "PutBlob"), gone = maxif(TimeGenerated, OperationName == "DeleteBlob") by ObjectKey | where put < ago(30m) and (isnull(gone) or gone < put)'
  }
  {
    name: 'refused-database-requests'
    says: 'The tenancy guard refused a request of our own code: a fault that could have crossed tenants.'
    severity: 0
    minutes: 15
    query: 'AppTraces | where Message has "databaseRefused"'
  }
  {
    name: 'malware'
    says: 'A recording was found to be malware and was quarantined.'
    severity: 2
    minutes: 15
    query: 'AppTraces | where Message has "video_quarantined"'
  }
]

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for each in queries: {
    name: 'alert-${each.name}-${baseName}'
    location: location
    tags: tags
    properties: {
      displayName: each.name
      description: each.says
      severity: each.severity
      enabled: true
      evaluationFrequency: 'PT5M'
      windowSize: 'PT${each.minutes}M'
      scopes: [workspaceId]
      autoMitigate: true
      // The tables exist once something was logged.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: each.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [actionGroupId] }
    }
  }
]

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for topic in filter(items(topicIds), each => each.value != null): {
    name: 'alert-dead-letters-${topic.key}-${baseName}'
    location: 'global'
    tags: tags
    properties: {
      description: 'An event could not be delivered within a day and lies in the container dead-letters.'
      severity: 1
      enabled: true
      scopes: [topic.value]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: 'dead-letters'
            criterionType: 'StaticThresholdCriterion'
            metricName: 'DeadLetteredCount'
            operator: 'GreaterThan'
            threshold: 0
            timeAggregation: 'Total'
          }
        ]
      }
      actions: [{ actionGroupId: actionGroupId }]
    }
  }
]

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'budget-${baseName}'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: { startDate: budgetFrom }
    notifications: {
      nearly: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        contactEmails: [budgetEmail]
        contactGroups: [actionGroupId]
      }
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: [budgetEmail]
        contactGroups: [actionGroupId]
      }
    }
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'callpilot')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Callpilot (${baseName})'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: string(loadJsonContent('workbook.json'))
  }
}
