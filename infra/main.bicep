// Everything that Profile Photo Sync needs in Azure: one resource group, no secret in any parameter.
// `azd up` fills the parameters in from its environment (main.parameters.json); docs/deploy.md leads through it.
targetScope = 'subscription'

@description('Name of the azd environment; resources are named and tagged by it.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Azure region. It must offer Flex Consumption: az functionapp list-flexconsumption-locations.')
@minLength(1)
param location string

@description('Resource group; made when it is missing. Empty: rg- and the environment name.')
param resourceGroupName string = ''

// ---------------------------------------------------------------- how it runs

@description('Memory of an instance in MB. A worker holds up to twelve photos at once: 512 is too little.')
@allowed([2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances of any one function. 40 is the least that Flex Consumption offers; the pace towards SharePoint is kept by the app itself, for all instances together.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('HTTP instances that are always on, so that Graph never waits for a cold start. 0 costs nothing, and an answer that comes too late is made good by the sweep.')
@minValue(0)
@maxValue(20)
param alwaysReadyHttpInstances int = 0

@description('Requests that one instance answers at a time. The default for Python is one: parallel notifications would each start an instance.')
@minValue(1)
@maxValue(100)
param httpConcurrency int = 16

@description('Puts storage and vault behind private endpoints in a virtual network. Costs extra by the hour.')
param privateNetworking bool = false

@description('Where alerts go. Empty: no alerts are set up.')
param alertMail string = ''

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

// ---------------------------------------------------------------- how people sign in to the page

@description('Who gets in to the page: whoever has a function key, or who signs in with Entra ID.')
@allowed(['function_key', 'entra'])
param signIn string = 'function_key'

@description('Application (client) id of the app registration for the page; needed for entra. scripts/create-page-registration.sh makes it.')
param signInClientId string = ''

@description('Client ids, comma-separated, of scripts that call the API with access tokens; for entra.')
param signInScriptClientIds string = ''

// ---------------------------------------------------------------- the app's settings; empty means the app's own default

@description('Directory (tenant) id of the Microsoft 365 tenant. Empty: the tenant that the subscription belongs to.')
param tenantId string = ''

@description('Name of the SharePoint tenant: contoso when it is contoso.sharepoint.com.')
@minLength(1)
param sharepointName string

@description('public, us_gov_high, us_gov_dod or china.')
param cloud string = ''

@description('How the app signs in to Microsoft 365: managed_identity, certificate or federated.')
@allowed(['managed_identity', 'certificate', 'federated'])
param credential string = 'managed_identity'

@description('Application (client) id of the app registration; for certificate and federated.')
param clientId string = ''

@description('Name of the certificate in the key vault; for certificate. It is uploaded there after the first deployment.')
param certificateName string = ''

@description('https address under which Graph reaches the app. Empty: the app\'s own on azurewebsites.net.')
param publicUrl string = ''

@description('While the client state is being changed: also accept the one before, the vault\'s secret client-state-previous.')
param acceptPreviousClientState bool = false

@description('Your company, for the User-Agent that SharePoint asks for.')
param company string = ''

@description('Name of the picture folder; empty: discovered.')
param pictureFolder string = ''

@description('object_id or upn.')
param fileNaming string = ''

@description('Side of the large picture in pixels.')
param largeSize string = ''

@description('leave, 0 or 1.')
param exchangeSyncState string = ''

@description('true: guests are in scope.')
param includeGuests string = ''

@description('true: users whose account is disabled are in scope.')
param includeDisabled string = ''

@description('Object id of the group whose members are in scope.')
param scopeGroup string = ''

@description('Object id of the group whose members are out of scope.')
param excludeGroup string = ''

@description('Multi-geo tenants: EUR=contosoeur, APC=contosoapc.')
param geos string = ''

@description('clear or keep.')
param removedPhoto string = ''

@description('Share of users whose picture may be cleared within a day.')
param mostRemovalsPercent string = ''

@description('Minutes between sweeps.')
param sweepMinutes string = ''

@description('Copies a minute that sweeps and large jobs may cause.')
param bulkCopiesPerMinute string = ''

@description('true: the page and the API only show.')
param readOnly string = ''

@description('Days that attempts, deliveries, sweeps and jobs are kept.')
param keepDays string = ''

@description('Object id or UPN of the user whose picture the health check may write.')
param testUser string = ''

@description('Largest photo in MB.')
param maxPhotoMegabytes string = ''

@description('How often a failing photo is tried.')
param maxAttempts string = ''

// ---------------------------------------------------------------- names

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var appName = 'func-photosync-${token}'
var photoTenant = empty(tenantId) ? tenant().tenantId : tenantId

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
  location: location
  tags: tags
}

// ---------------------------------------------------------------- parts

module identity 'modules/identity.bicep' = {
  scope: group
  params: {
    name: 'id-photosync-${token}'
    location: location
    tags: tags
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  scope: group
  params: {
    name: 'vnet-photosync-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    name: 'photosync-${token}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    senderPrincipalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: 'stphoto${token}'
    location: location
    tags: tags
    isPrivate: privateNetworking
    userPrincipalId: identity.outputs.principalId
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  params: {
    name: 'kv-photo-${take(token, 12)}'
    location: location
    tags: tags
    isPrivate: privateNetworking
    readerPrincipalId: identity.outputs.principalId
  }
}

module endpoints 'modules/endpoints.bicep' = if (privateNetworking) {
  scope: group
  params: {
    location: location
    tags: tags
    networkName: network!.outputs.name
    subnetId: network!.outputs.endpointSubnetId
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
  }
}

module app 'modules/app.bicep' = {
  scope: group
  params: {
    name: appName
    location: location
    tags: union(tags, { 'azd-service-name': 'photosync' })
    identityName: identity.outputs.name
    storageName: storage.outputs.name
    deploymentContainer: storage.outputs.deploymentContainer
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttpInstances: alwaysReadyHttpInstances
    httpConcurrency: httpConcurrency
    signIn: signIn
    signInClientId: signInClientId
    signInTenantId: photoTenant
    signInScriptClientIds: signInScriptClientIds
    settings: {
      PHOTOSYNC_TENANT_ID: photoTenant
      PHOTOSYNC_SHAREPOINT_NAME: sharepointName
      PHOTOSYNC_CLOUD: cloud
      PHOTOSYNC_CREDENTIAL: credential
      PHOTOSYNC_CLIENT_ID: clientId
      PHOTOSYNC_MANAGED_IDENTITY_CLIENT_ID: identity.outputs.clientId
      PHOTOSYNC_CERTIFICATE: empty(certificateName) ? '' : '@Microsoft.KeyVault(SecretUri=${vault.outputs.secretsUri}${certificateName})'
      PHOTOSYNC_PUBLIC_URL: publicUrl
      PHOTOSYNC_CLIENT_STATE: '@Microsoft.KeyVault(SecretUri=${vault.outputs.secretsUri}client-state)'
      PHOTOSYNC_CLIENT_STATE_PREVIOUS: acceptPreviousClientState ? '@Microsoft.KeyVault(SecretUri=${vault.outputs.secretsUri}client-state-previous)' : ''
      PHOTOSYNC_COMPANY: company
      PHOTOSYNC_PICTURE_FOLDER: pictureFolder
      PHOTOSYNC_FILE_NAMING: fileNaming
      PHOTOSYNC_LARGE_SIZE: largeSize
      PHOTOSYNC_EXCHANGE_SYNC_STATE: exchangeSyncState
      PHOTOSYNC_INCLUDE_GUESTS: includeGuests
      PHOTOSYNC_INCLUDE_DISABLED: includeDisabled
      PHOTOSYNC_SCOPE_GROUP: scopeGroup
      PHOTOSYNC_EXCLUDE_GROUP: excludeGroup
      PHOTOSYNC_GEOS: geos
      PHOTOSYNC_REMOVED_PHOTO: removedPhoto
      PHOTOSYNC_MOST_REMOVALS_PERCENT: mostRemovalsPercent
      PHOTOSYNC_SWEEP_MINUTES: sweepMinutes
      PHOTOSYNC_BULK_COPIES_PER_MINUTE: bulkCopiesPerMinute
      PHOTOSYNC_SIGN_IN: signIn
      PHOTOSYNC_READ_ONLY: readOnly
      PHOTOSYNC_KEEP_DAYS: keepDays
      PHOTOSYNC_TEST_USER: testUser
      PHOTOSYNC_MAX_PHOTO_MEGABYTES: maxPhotoMegabytes
      PHOTOSYNC_MAX_ATTEMPTS: maxAttempts
    }
  }
  dependsOn: [endpoints]
}

module alerts 'modules/alerts.bicep' = if (!empty(alertMail)) {
  scope: group
  params: {
    location: location
    tags: tags
    mail: alertMail
    applicationInsightsName: monitoring.outputs.applicationInsightsName
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    applicationInsightsName: monitoring.outputs.applicationInsightsName
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = app.outputs.name
output PHOTOSYNC_ADDRESS string = app.outputs.address
output PHOTOSYNC_IDENTITY_NAME string = identity.outputs.name
output PHOTOSYNC_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output PHOTOSYNC_IDENTITY_CLIENT_ID string = identity.outputs.clientId
output PHOTOSYNC_VAULT_NAME string = vault.outputs.name
