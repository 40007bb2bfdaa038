// Two accounts: `host` has the leases of the Functions host, packages and work queues; `data` the blobs of the workspaces.

@description('Required. Name of the account with the blobs of the workspaces.')
param dataAccountName string

@description('Required. Name of the account with the work queues and what the Functions host needs.')
param hostAccountName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Copies in three zones instead of one.')
param zoneRedundant bool

@description('Required. Whether the accounts can be reached from outside their private endpoints.')
param publicAccess bool

@description('Required. Blob containers that the app writes to.')
param blobContainers string[]

@description('Required. Work queues that the app listens to.')
param queues string[]

@description('Required. Days in which a deleted blob can be restored; 0 is none.')
param softDeleteDays int

@description('Required. Days without a change after which artifacts move to the cool tier; 0 is never.')
param coolAfterDays int

@description('Required. Whether the data account is protected from deletion.')
param lock bool

@description('Required. Where logs go.')
param logWorkspaceId string

var sku = zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
// What the settings of both accounts have in common: no keys, no anonymous access.
var access = {
  allowSharedKeyAccess: false
  defaultToOAuthAuthentication: true
  allowBlobPublicAccess: false
  allowCrossTenantReplication: false
  minimumTlsVersion: 'TLS1_2'
  supportsHttpsTrafficOnly: true
  publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
  networkAcls: { defaultAction: publicAccess ? 'Allow' : 'Deny', bypass: 'AzureServices' }
}
// A snapshot of a search table is not read any more when it is seven days old.
var dropOldSnapshots = {
  name: 'drop-old-search-snapshots'
  type: 'Lifecycle'
  enabled: true
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: ['search/'] }
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 8 } } }
  }
}
var coolArtifacts = {
  name: 'cool-artifacts'
  type: 'Lifecycle'
  enabled: true
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: ['artifacts/'] }
    actions: { baseBlob: { tierToCool: { daysAfterModificationGreaterThan: coolAfterDays } } }
  }
}

resource data 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: dataAccountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: access
}

resource dataBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: data
  name: 'default'
  properties: {
    deleteRetentionPolicy: softDeleteDays > 0 ? { enabled: true, days: softDeleteDays } : { enabled: false }
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource dataContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [
  for container in blobContainers: {
    parent: dataBlobs
    name: container
    properties: { publicAccess: 'None' }
  }
]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: data
  name: 'default'
  properties: { policy: { rules: coolAfterDays > 0 ? [dropOldSnapshots, coolArtifacts] : [dropOldSnapshots] } }
  dependsOn: [dataBlobs]
}

resource dataLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  scope: data
  name: 'keep-data'
  properties: { level: 'CanNotDelete', notes: 'Artifacts of the workspaces.' }
}

resource host 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: hostAccountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: access
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: host
  name: 'default'
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: hostBlobs
  name: 'packages'
  properties: { publicAccess: 'None' }
}

resource hostQueues 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: host
  name: 'default'
}

resource workQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = [
  for queue in queues: {
    parent: hostQueues
    name: queue
  }
]

// The Functions host moves a message here that failed too often.
resource poisonQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = [
  for queue in queues: {
    parent: hostQueues
    name: '${queue}-poison'
  }
]

resource dataLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: dataBlobs
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    logs: [{ category: 'StorageDelete', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

// Who put which package there.
resource packageLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: hostBlobs
  name: 'to-log-analytics'
  properties: { workspaceId: logWorkspaceId, logs: [{ category: 'StorageWrite', enabled: true }] }
}

// The alert on poison queues reads these.
resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: hostQueues
  name: 'to-log-analytics'
  properties: { workspaceId: logWorkspaceId, logs: [{ category: 'StorageWrite', enabled: true }] }
}

@description('Resource id of the data account.')
output dataAccountId string = data.id

@description('Name of the data account.')
output dataAccountName string = data.name

@description('Blob service of the data account.')
output dataBlobEndpoint string = data.properties.primaryEndpoints.blob

@description('Resource id of the host account.')
output hostAccountId string = host.id

@description('Name of the host account.')
output hostAccountName string = host.name

@description('Blob service of the host account.')
output hostBlobEndpoint string = host.properties.primaryEndpoints.blob

@description('Queue service of the host account.')
output hostQueueEndpoint string = host.properties.primaryEndpoints.queue

@description('Table service of the host account.')
output hostTableEndpoint string = host.properties.primaryEndpoints.table

@description('Container that deployments put the package in.')
output deploymentContainerName string = packages.name
