// Documents. One region and Strong consistency: what was acknowledged is found by every instance.

@description('Required. Name of the account.')
param accountName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Pay for each request, or for throughput that scales by itself.')
@allowed(['serverless', 'autoscale'])
param mode string

@description('Required. Most request units per second that the database scales to, in autoscale mode.')
param maxThroughput int

@description('Required. Copies in three zones instead of one.')
param zoneRedundant bool

@description('Required. Whether the account can be reached from outside its private endpoint.')
param publicAccess bool

@description('Required. Whether the account is protected from deletion.')
param lock bool

@description('Required. Where logs go.')
param logWorkspaceId string

// The app cannot make containers: its role is for data only. They are what the code relies on, down to the index: each
// further indexed path costs every write.
var containers = ['runs', 'catalog', 'events']

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  name: accountName
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    locations: [{ locationName: location, failoverPriority: 0, isZoneRedundant: zoneRedundant }]
    consistencyPolicy: { defaultConsistencyLevel: 'Strong' }
    capabilities: mode == 'serverless' ? [{ name: 'EnableServerless' }] : []
    backupPolicy: { type: 'Continuous', continuousModeProperties: { tier: 'Continuous7Days' } }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    enableAutomaticFailover: false
    enableMultipleWriteLocations: false
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-04-15' = {
  parent: account
  name: 'cairn'
  properties: {
    resource: { id: 'cairn' }
    options: mode == 'autoscale' ? { autoscaleSettings: { maxThroughput: maxThroughput } } : {}
  }
}

resource containerResources 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-04-15' = [
  for container in containers: {
    parent: database
    name: container
    properties: {
      resource: {
        id: container
        partitionKey: { paths: ['/partition'], kind: 'Hash', version: 2 }
        uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/unique'] }] }
        indexingPolicy: {
          indexingMode: 'consistent'
          automatic: true
          includedPaths: [{ path: '/scope/?' }, { path: '/unique/?' }, { path: '/_ts/?' }]
          excludedPaths: [{ path: '/*' }]
        }
        // Items expire that have a time to live of their own.
        defaultTtl: -1
      }
    }
  }
]

resource accountLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  scope: account
  name: 'keep-data'
  properties: { level: 'CanNotDelete', notes: 'Documents of the workspaces.' }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'ControlPlaneRequests', enabled: true }
      { category: 'PartitionKeyStatistics', enabled: true }
    ]
  }
}

@description('Resource id of the account.')
output accountId string = account.id

@description('Name of the account.')
output accountName string = account.name

@description('Where the account answers.')
output endpoint string = account.properties.documentEndpoint

@description('Name of the database.')
output databaseName string = database.name
