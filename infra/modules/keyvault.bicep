// Secrets of the workspaces. Roles decide who reads them; there are no access policies.

@description('Required. Name of the vault.')
param vaultName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Nobody can purge the vault before its 90 days are over.')
param purgeProtection bool

@description('Required. Brings back the deleted vault of this name instead of making one.')
param recover bool

@description('Required. Whether the vault can be reached from outside its private endpoint.')
param publicAccess bool

@description('Required. Where logs go.')
param logWorkspaceId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    createMode: recover ? 'recover' : 'default'
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // The service refuses `false`: it is set or it is not.
    enablePurgeProtection: purgeProtection ? true : null
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: { defaultAction: publicAccess ? 'Allow' : 'Deny', bypass: 'None' }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Resource id of the vault.')
output vaultId string = vault.id

@description('Where the vault answers.')
output endpoint string = vault.properties.vaultUri

@description('Name of the vault.')
output vaultName string = vault.name
