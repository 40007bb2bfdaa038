// The app on Flex Consumption: no instance runs, and none is paid for, while nobody calls it.

@description('Required. Name of the app.')
param appName string

@description('Required. Name of its plan.')
param planName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Resource id of the app\'s identity.')
param identityId string

@description('Required. Client id of the app\'s identity.')
param identityClientId string

@description('Required. Blob service with the packages and the host\'s leases.')
param hostBlobEndpoint string

@description('Required. Queue service with the work queues.')
param hostQueueEndpoint string

@description('Required. Table service of the host.')
param hostTableEndpoint string

@description('Required. Container that deployments put the package in.')
param deploymentContainerName string

@description('Required. Blob service with the blobs of the workspaces.')
param dataBlobEndpoint string

@description('Required. Where the documents are.')
param cosmosEndpoint string

@description('Required. Database with the documents.')
param cosmosDatabaseName string

@description('Required. Where the secrets are.')
param vaultEndpoint string

@description('Required. Where telemetry goes.')
param insightsConnectionString string

@description('Required. Where logs go.')
param logWorkspaceId string

@description('Required. Subnet that the app sends through; empty for none.')
param subnetId string

@description('Required. Instances in three zones.')
param zoneRedundant bool

@description('Required. Most instances at one time.')
param maximumInstanceCount int

@description('Required. Memory of an instance in MB.')
param instanceMemoryMB int

@description('Required. Instances that always run.')
param alwaysReadyInstances int

@description('Required. Days until what was soft-deleted goes for good.')
param retentionDays int

@description('Required. Days that events are kept.')
param eventRetentionDays int

@description('Required. Who gets in: tenantId and audience, both empty for nobody; scopes, roles, owners, each with commas between; authority.')
param signIn object

@description('Required. Origins of pages that may call the app from a browser besides its own, with commas between.')
param origins string

@description('Required. Address of the package; empty for none.')
@secure()
param packageUri string

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: appName
  location: location
  tags: union(tags, { 'azd-service-name': 'cairn' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: { minTlsVersion: '1.2', ftpsState: 'Disabled' }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostBlobEndpoint}${deploymentContainerName}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      runtime: { name: 'node', version: '22' }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: alwaysReadyInstances > 0 ? [{ name: 'http', instanceCount: alwaysReadyInstances }] : []
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__blobServiceUri: hostBlobEndpoint
    AzureWebJobsStorage__queueServiceUri: hostQueueEndpoint
    AzureWebJobsStorage__tableServiceUri: hostTableEndpoint
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsDisableHomepage: 'true'
    // The host's default, said so that host and app agree. More would not fit into an instance: docs/deploy.md.
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '104857600'
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    // Which identity the app's own clients take; they look nowhere else.
    AZURE_CLIENT_ID: identityClientId
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential'
    CAIRN_COSMOS_ENDPOINT: cosmosEndpoint
    CAIRN_COSMOS_DATABASE: cosmosDatabaseName
    CAIRN_BLOB_ENDPOINT: dataBlobEndpoint
    CAIRN_QUEUE_ENDPOINT: hostQueueEndpoint
    CAIRN_VAULT_ENDPOINT: vaultEndpoint
    // Empty: a part of the instance's memory.
    CAIRN_CACHE_MB: ''
    CAIRN_RETENTION_DAYS: string(retentionDays)
    CAIRN_EVENT_RETENTION_DAYS: string(eventRetentionDays)
    CAIRN_ENTRA_AUTHORITY: signIn.authority
    CAIRN_ENTRA_TENANT: signIn.tenantId
    CAIRN_ENTRA_AUDIENCE: signIn.audience
    CAIRN_ENTRA_SCOPES: signIn.scopes
    CAIRN_ENTRA_ROLES: signIn.roles
    CAIRN_OWNERS: signIn.owners
    CAIRN_ORIGINS: origins
  }
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

#disable-next-line BCP081 BCP088
resource code 'Microsoft.Web/sites/extensions@2024-11-01' = if (!empty(packageUri)) {
  parent: app
  #disable-next-line BCP036 BCP088
  name: 'onedeploy'
  #disable-next-line BCP187
  properties: { packageUri: packageUri, remoteBuild: false }
  dependsOn: [settings]
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    // What the host says, also where the app itself does not start.
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Where the app answers.')
output url string = 'https://${app.properties.defaultHostName}'

@description('Name of the app.')
output appName string = app.name
