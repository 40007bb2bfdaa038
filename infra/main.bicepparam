// For a first try and for development: everything that costs nothing while idle.
using './main.bicep'

param prefix = 'cairn'
param environmentName = 'dev'
param vaultPurgeProtection = false
// Who gets in: docs/deploy.md.
param entraAudience = readEnvironmentVariable('CAIRN_ENTRA_AUDIENCE', '')
param ownerObjectIds = readEnvironmentVariable('CAIRN_OWNERS', '')
