// The function app on Flex Consumption, and who gets in to it.
param name string
param location string
param tags object
param identityName string
param storageName string
param deploymentContainer string
param applicationInsightsName string
param subnetId string
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyHttpInstances int
param httpConcurrency int
param signIn string
param signInClientId string
param signInTenantId string

@description('Client ids, comma-separated, whose access tokens are let in besides the page\'s own registration.')
param signInScriptClientIds string

@description('The PHOTOSYNC_ settings; those that are empty are left to the app.')
param settings object

// What Graph calls: it signs in to nothing, and proves itself by the client state.
var openPaths = [
  '/api/notifications'
  '/api/lifecycle'
]

var given = filter(items(settings), setting => !empty(setting.value))
var givenSettings = toObject(given, setting => setting.key, setting => setting.value)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identity.id
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyHttpInstances == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyHttpInstances
          }
        ]
        triggers: {
          http: { perInstanceConcurrency: httpConcurrency }
        }
      }
    }
  }
}

// Publishing by user name and password is off; func, azd and the workflow publish with Entra ID.
resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [
  for way in ['ftp', 'scm']: {
    parent: app
    name: way
    location: location
    properties: { allow: false }
  }
]

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(
    {
      AzureWebJobsStorage__blobServiceUri: storage.properties.primaryEndpoints.blob
      AzureWebJobsStorage__queueServiceUri: storage.properties.primaryEndpoints.queue
      AzureWebJobsStorage__tableServiceUri: storage.properties.primaryEndpoints.table
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.properties.clientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
      // pydantic would look through every installed package for plug-ins; there are none, and a cold start need not wait.
      PYDANTIC_DISABLE_PLUGINS: '__all__'
      // As many threads as requests or photos that an instance works on at a time; host.json has a batch fetched ahead.
      PYTHON_THREADPOOL_THREAD_COUNT: string(max(httpConcurrency, 16))
    },
    signIn == 'entra'
      ? {
          // App Service authentication proves itself to Entra ID with the identity: there is no client secret.
          OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identity.properties.clientId
        }
      : {},
    givenSettings
  )
  // With entra the app refuses to start before App Service authentication stands in front of it.
  dependsOn: [authentication]
}

resource authentication 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: signIn == 'entra'
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: signIn == 'entra'
      unauthenticatedClientAction: signIn == 'entra' ? 'RedirectToLoginPage' : 'AllowAnonymous'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: openPaths
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: signIn == 'entra'
        registration: {
          clientId: signInClientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${signInTenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            signInClientId
            'api://${signInClientId}'
          ]
          defaultAuthorizationPolicy: {
            allowedApplications: empty(signInScriptClientIds) ? [signInClientId] : union([signInClientId], split(signInScriptClientIds, ','))
          }
        }
      }
    }
    login: {
      tokenStore: { enabled: false }
    }
    httpSettings: { requireHttps: true }
  }
}

output name string = app.name
output address string = 'https://${app.properties.defaultHostName}'
