// For a team that relies on it: zones, private endpoints, locks, alerts.
using './main.bicep'

param prefix = 'cairn'
param environmentName = 'prod'
param zoneRedundant = true
param vnetEnabled = true
param lockData = true
param alwaysReadyInstances = 1
param maximumInstanceCount = 100
param blobSoftDeleteDays = 14
param artifactsCoolAfterDays = 90
param logRetentionDays = 90
param logDailyQuotaGb = 5
// Who is told by mail when something is wrong: `export CAIRN_ALERT_EMAIL=<address>` before deploying.
param alertEmail = readEnvironmentVariable('CAIRN_ALERT_EMAIL')
param budgetAmount = 300
// Who gets in: docs/deploy.md.
param entraAudience = readEnvironmentVariable('CAIRN_ENTRA_AUDIENCE', '')
param ownerObjectIds = readEnvironmentVariable('CAIRN_OWNERS', '')
