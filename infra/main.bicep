// Everything that a Cairn workspace needs, in one resource group:
//   az deployment group create -g <group> -f infra/main.bicep -p infra/main.bicepparam
// docs/deploy.md tells what the deployer must be allowed to do, and what comes after.
targetScope = 'resourceGroup'

@description('Optional. Begins the names of all resources: letters, digits and single hyphens, a letter first.')
@minLength(2)
@maxLength(10)
param prefix string = 'cairn'

@description('Optional. Keeps several deployments of one group apart, for instance dev and prod: letters, digits and single hyphens.')
@minLength(1)
@maxLength(8)
param environmentName string = 'dev'

@description('Optional. Region of all resources; it must offer Flex Consumption.')
param location string = resourceGroup().location

@description('Optional. Tags of all resources.')
param tags object = {}

@description('Optional. Serverless costs nothing while idle; autoscale has a floor and no ceiling of 1 TB. It cannot be changed later.')
@allowed(['serverless', 'autoscale'])
param cosmosMode string = 'serverless'

@description('Optional. Most request units per second that the database scales to, in autoscale mode; a tenth of it is the floor.')
@minValue(1000)
param cosmosMaxThroughput int = 4000

@description('Optional. Name of the database account; for one that was restored from a backup. By default it is made of the others.')
@maxLength(44)
param cosmosAccountName string = ''

@description('Optional. Zone-redundant app, database and storage, where the region has zones. It cannot be changed later.')
param zoneRedundant bool = false

@description('Optional. Private endpoints for database, storage and vault in a virtual network of their own, and no public access to them.')
param vnetEnabled bool = false

@description('Optional. Address range of that network, at least a /25.')
param vnetAddressPrefix string = '10.60.0.0/24'

@description('Optional. Most instances of the app at one time.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Optional. Instances that always run, so that no request waits for a cold start; each costs money while idle.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

@description('Optional. Days until what was soft-deleted goes for good; 0 is never.')
@minValue(0)
@maxValue(3650)
param retentionDays int = 30

@description('Optional. Days that is kept who changed what, and who was refused what.')
@minValue(1)
@maxValue(3650)
param eventRetentionDays int = 90

@description('Optional. The app registration that tokens of Microsoft Entra ID are made out to, by client id or URI; without one nobody gets in.')
param entraAudience string = ''

@description('Optional. Scopes of that registration, one of which a user\'s token must have, with commas between; by default any will do.')
param entraScopes string = ''

@description('Optional. Roles of that registration, one of which the token of an app or managed identity must have; by default any will do.')
param entraRoles string = ''

@description('Optional. Object ids of those who own every workspace, with commas between.')
param ownerObjectIds string = ''

@description('Optional. Origins of pages that may call the app from a browser besides its own, with commas between: of a front door, for instance.')
param origins string = ''

@description('Optional. Days in which a deleted blob can be restored; until then what was purged still lies in the account. 0 is none.')
@minValue(0)
@maxValue(365)
param blobSoftDeleteDays int = 7

@description('Optional. Days without a change after which artifacts move to the cool tier; 0 is never.')
@minValue(0)
param artifactsCoolAfterDays int = 0

@description('Optional. Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Optional. Most GB of logs taken in a day; -1 is no limit.')
param logDailyQuotaGb int = 1

@description('Optional. Who hears of alerts and of the budget; without an address there are no alerts, and may be no budget.')
param alertEmail string = ''

@description('Optional. Monthly budget of the group in the currency of the subscription, told at 80 and 100 percent; 0 is none.')
@minValue(0)
param budgetAmount int = 0

@description('Optional. First month of the budget, as 2026-11-01; by default the one in which it is made, which a tag of the group remembers.')
param budgetStartDate string = ''

@description('Optional. The current month, which nobody needs to give.')
param currentMonth string = utcNow('yyyy-MM-01')

@description('Optional. The vault cannot be purged before its 90 days are over, not even by its owner.')
param vaultPurgeProtection bool = true

@description('Optional. Any text: another one names another vault. For deploying again while the vault of a deleted group still holds its name.')
param vaultSalt string = ''

@description('Optional. Brings back the deleted vault of this name with its secrets, instead of making one.')
param vaultRecover bool = false

@description('Optional. Database and artifacts cannot be deleted before the lock is removed.')
param lockData bool = false

@description('Optional. HTTPS address of the package (`npm run package`), which may carry a short SAS. Without it only the infrastructure is deployed.')
@secure()
param packageUri string = ''

var tenantId = tenant().tenantId
var suffix = uniqueString(resourceGroup().id, prefix, environmentName)
var baseName = toLower('${prefix}-${environmentName}')
var queues = ['metrics-fold', 'metrics-seal', 'search-snapshot', 'purge']
// A budget that nobody hears of would be none, silently.
var budgetEmail = budgetAmount > 0 && empty(alertEmail) ? fail('budgetAmount needs alertEmail: somebody must be told.') : alertEmail
var blobContainers = ['artifacts', 'uploads', 'values', 'metrics', 'search']

module monitoring 'modules/monitoring.bicep' = {
  params: {
    workspaceName: 'log-${baseName}-${suffix}'
    componentName: 'appi-${baseName}-${suffix}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
  }
}

module identities 'modules/identities.bicep' = {
  params: {
    apiIdentityName: 'id-${baseName}-${suffix}'
    location: location
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  params: {
    dataAccountName: 'st${suffix}data'
    hostAccountName: 'st${suffix}host'
    location: location
    tags: tags
    zoneRedundant: zoneRedundant
    publicAccess: !vnetEnabled
    blobContainers: blobContainers
    queues: queues
    softDeleteDays: blobSoftDeleteDays
    coolAfterDays: artifactsCoolAfterDays
    lock: lockData
    logWorkspaceId: monitoring.outputs.workspaceId
  }
}

module cosmos 'modules/cosmos.bicep' = {
  params: {
    accountName: empty(cosmosAccountName) ? 'cosmos-${baseName}-${suffix}' : cosmosAccountName
    location: location
    tags: tags
    mode: cosmosMode
    maxThroughput: cosmosMaxThroughput
    zoneRedundant: zoneRedundant
    publicAccess: !vnetEnabled
    lock: lockData
    logWorkspaceId: monitoring.outputs.workspaceId
  }
}

module keyvault 'modules/keyvault.bicep' = {
  params: {
    vaultName: 'kv-${uniqueString(resourceGroup().id, prefix, environmentName, vaultSalt)}'
    location: location
    tags: tags
    purgeProtection: vaultPurgeProtection
    recover: vaultRecover
    publicAccess: !vnetEnabled
    logWorkspaceId: monitoring.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = {
  params: {
    enabled: vnetEnabled
    vnetName: 'vnet-${baseName}-${suffix}'
    location: location
    tags: tags
    addressPrefix: vnetAddressPrefix
    dataAccountId: storage.outputs.dataAccountId
    hostAccountId: storage.outputs.hostAccountId
    cosmosAccountId: cosmos.outputs.accountId
    vaultId: keyvault.outputs.vaultId
  }
  // Both change the database account, which does one such thing at a time.
  dependsOn: [roles]
}

module roles 'modules/roles.bicep' = {
  params: {
    apiPrincipalId: identities.outputs.apiPrincipalId
    dataAccountName: storage.outputs.dataAccountName
    hostAccountName: storage.outputs.hostAccountName
    cosmosAccountName: cosmos.outputs.accountName
    cosmosDatabaseName: cosmos.outputs.databaseName
    vaultName: keyvault.outputs.vaultName
    componentName: monitoring.outputs.componentName
  }
}

module functionapp 'modules/functionapp.bicep' = {
  params: {
    appName: 'func-${baseName}-${suffix}'
    planName: 'plan-${baseName}-${suffix}'
    location: location
    tags: tags
    identityId: identities.outputs.apiIdentityId
    identityClientId: identities.outputs.apiClientId
    hostBlobEndpoint: storage.outputs.hostBlobEndpoint
    hostQueueEndpoint: storage.outputs.hostQueueEndpoint
    hostTableEndpoint: storage.outputs.hostTableEndpoint
    deploymentContainerName: storage.outputs.deploymentContainerName
    dataBlobEndpoint: storage.outputs.dataBlobEndpoint
    cosmosEndpoint: cosmos.outputs.endpoint
    cosmosDatabaseName: cosmos.outputs.databaseName
    vaultEndpoint: keyvault.outputs.endpoint
    insightsConnectionString: monitoring.outputs.connectionString
    logWorkspaceId: monitoring.outputs.workspaceId
    subnetId: network.outputs.appSubnetId
    zoneRedundant: zoneRedundant
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    alwaysReadyInstances: alwaysReadyInstances
    retentionDays: retentionDays
    eventRetentionDays: eventRetentionDays
    signIn: {
      // National clouds have their own.
      authority: environment().authentication.loginEndpoint
      tenantId: empty(entraAudience) ? '' : tenantId
      audience: entraAudience
      scopes: entraScopes
      roles: entraRoles
      owners: ownerObjectIds
    }
    origins: origins
    packageUri: packageUri
  }
  // The app reads its package and takes its leases with the identity as soon as it is there.
  dependsOn: [roles]
}

module alerts 'modules/alerts.bicep' = if (!empty(alertEmail)) {
  params: {
    baseName: baseName
    location: location
    tags: tags
    email: alertEmail
    logWorkspaceId: monitoring.outputs.workspaceId
    cosmosAccountId: cosmos.outputs.accountId
    storageAccountIds: [storage.outputs.dataAccountId, storage.outputs.hostAccountId]
  }
}

module budget 'modules/budget.bicep' = if (budgetAmount > 0) {
  params: {
    baseName: baseName
    amount: budgetAmount
    email: budgetEmail
    startDate: budgetStartDate
    currentMonth: currentMonth
  }
}

@description('Where the workspace answers.')
output url string = functionapp.outputs.url

@description('Name of the function app, to which a package is deployed.')
output appName string = functionapp.outputs.appName

@description('Principal of the app\'s identity, for roles on resources of your own.')
output apiPrincipalId string = identities.outputs.apiPrincipalId

@description('The database account.')
output cosmosEndpoint string = cosmos.outputs.endpoint

@description('The blob service that holds artifacts.')
output blobEndpoint string = storage.outputs.dataBlobEndpoint

@description('The queue service with the work queues.')
output queueEndpoint string = storage.outputs.hostQueueEndpoint

@description('The vault.')
output vaultName string = keyvault.outputs.vaultName
