// Who the app is. Everything that it reaches, it reaches as this identity; there are no keys.

@description('Required. Name of the app\'s identity.')
param apiIdentityName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

resource api 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: apiIdentityName
  location: location
  tags: tags
}

@description('Resource id of the app\'s identity.')
output apiIdentityId string = api.id

@description('Client id of the app\'s identity, by which credentials choose it.')
output apiClientId string = api.properties.clientId

@description('Principal id of the app\'s identity, to which roles are granted.')
output apiPrincipalId string = api.properties.principalId
