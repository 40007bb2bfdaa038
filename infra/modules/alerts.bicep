// What a person is told by mail: answers that are our fault, work that failed for good, throttling.

@description('Required. Begins the names of the alerts.')
param baseName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Who is told.')
param email string

@description('Required. Where logs are.')
param logWorkspaceId string

@description('Required. Account with the documents.')
param cosmosAccountId string

@description('Required. Storage accounts.')
param storageAccountIds string[]

// Log queries look at the last fifteen minutes, every fifteen minutes, and alert on any row.
var logAlerts = [
  {
    name: 'failed-requests'
    description: 'More than five requests were answered with 500 or above in 15 minutes.'
    severity: 2
    query: 'AppRequests | where toint(ResultCode) >= 500 | summarize Failed = count() | where Failed > 5'
  }
  {
    name: 'poison-queue'
    description: 'A message failed too often and was put aside: docs/deploy.md tells what to do.'
    severity: 2
    query: 'StorageQueueLogs | where OperationName == "PutMessage" and Uri contains "-poison/"'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${baseName}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'cairn'
    enabled: true
    emailReceivers: [{ name: 'people', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource logAlertRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logAlerts: {
    name: 'alert-${baseName}-${alert.name}'
    location: location
    tags: tags
    properties: {
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [logWorkspaceId]
      evaluationFrequency: 'PT15M'
      windowSize: 'PT15M'
      autoMitigate: true
      // Tables of a new workspace are not there before their first row.
      skipQueryValidation: true
      criteria: {
        allOf: [{ query: alert.query, timeAggregation: 'Count', operator: 'GreaterThan', threshold: 0 }]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]

resource cosmosThrottling 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-${baseName}-cosmos-throttling'
  location: 'global'
  tags: tags
  properties: {
    description: 'Cosmos DB refused more than a hundred requests in 15 minutes; the app retried them, and was slower for it.'
    severity: 3
    enabled: true
    scopes: [cosmosAccountId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'TotalRequests'
          dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 100
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource storageThrottling 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for (accountId, index) in storageAccountIds: {
    name: 'alert-${baseName}-storage-throttling-${index}'
    location: 'global'
    tags: tags
    properties: {
      description: 'A storage account was busy more than a hundred times in 15 minutes.'
      severity: 3
      enabled: true
      scopes: [accountId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: 'busy'
            metricNamespace: 'Microsoft.Storage/storageAccounts'
            metricName: 'Transactions'
            dimensions: [
              { name: 'ResponseType', operator: 'Include', values: ['ServerBusyError', 'ClientThrottlingError'] }
            ]
            timeAggregation: 'Total'
            operator: 'GreaterThan'
            threshold: 100
          }
        ]
      }
      actions: [{ actionGroupId: people.id }]
    }
  }
]
