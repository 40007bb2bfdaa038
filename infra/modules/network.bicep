// A virtual network of its own, where that is asked for: the app sends through one subnet, and reaches database, storage and
// vault by private endpoints in another. The app itself stays reachable from outside.

@description('Required. Whether there is a network at all.')
param enabled bool

@description('Required. Name of the network.')
param vnetName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Address range of the network, at least a /25.')
param addressPrefix string

@description('Required. Account with the blobs of the workspaces.')
param dataAccountId string

@description('Required. Account with the work queues and what the Functions host needs.')
param hostAccountId string

@description('Required. Account with the documents.')
param cosmosAccountId string

@description('Required. Vault with the secrets.')
param vaultId string

var storageSuffix = environment().suffixes.storage
// Which the cloud does not tell.
var documentSuffixes = {
  AzureCloud: 'documents.azure.com'
  AzureUSGovernment: 'documents.azure.us'
  AzureChinaCloud: 'documents.azure.cn'
}
var zones = [
  'privatelink.blob.${storageSuffix}'
  'privatelink.queue.${storageSuffix}'
  'privatelink.table.${storageSuffix}'
  'privatelink.${documentSuffixes[environment().name]}'
  replace(environment().suffixes.keyvaultDns, '.vault.', 'privatelink.vaultcore.')
]
// `zone` is an index into `zones`.
var endpoints = [
  { name: 'data-blob', target: dataAccountId, group: 'blob', zone: 0 }
  { name: 'host-blob', target: hostAccountId, group: 'blob', zone: 0 }
  { name: 'host-queue', target: hostAccountId, group: 'queue', zone: 1 }
  { name: 'host-table', target: hostAccountId, group: 'table', zone: 2 }
  { name: 'cosmos', target: cosmosAccountId, group: 'Sql', zone: 3 }
  { name: 'vault', target: vaultId, group: 'vault', zone: 4 }
]

resource vnet 'Microsoft.Network/virtualNetworks@2024-07-01' = if (enabled) {
  name: vnetName
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in zones: if (enabled) {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, index) in zones: if (enabled) {
    parent: dnsZones[index]
    name: vnetName
    location: 'global'
    tags: tags
    properties: { virtualNetwork: { id: vnet.id }, registrationEnabled: false }
  }
]

// One at a time: three of them change one storage account, which refuses what comes meanwhile.
@batchSize(1)
resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [
  for endpoint in endpoints: if (enabled) {
    name: 'pe-${vnetName}-${endpoint.name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${vnet.id}/subnets/endpoints' }
      privateLinkServiceConnections: [
        {
          name: endpoint.name
          properties: { privateLinkServiceId: endpoint.target, groupIds: [endpoint.group] }
        }
      ]
    }
  }
]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [
  for (endpoint, index) in endpoints: if (enabled) {
    parent: privateEndpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: endpoint.name, properties: { privateDnsZoneId: dnsZones[endpoint.zone].id } }]
    }
    dependsOn: [links]
  }
]

@description('Subnet that the app sends through; empty without a network.')
output appSubnetId string = enabled ? '${vnet.id}/subnets/app' : ''
