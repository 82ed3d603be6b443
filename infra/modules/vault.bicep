// The key vault, with the secret by which the app knows Graph.
param name string
param location string
param tags object
param isPrivate bool
param readerPrincipalId string

// The secret is made here and seen by nobody. newGuid() gives another value at every deployment, and a client state that
// changes makes the app renew its subscription and refuse what is on its way: therefore it is written only when there
// is none yet. docs/deploy.md says how to change it without losing a notification.
@secure()
param clientState string = '${newGuid()}${newGuid()}'

var keyVaultSecretsUser = '4633458b-17de-408a-874b-0445c86b69e6'

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

@onlyIfNotExists()
resource clientStateSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'client-state'
  properties: {
    contentType: 'The client state of the Graph subscription'
    value: clientState
  }
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, readerPrincipalId, keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
    principalId: readerPrincipalId
    principalType: 'ServicePrincipal'
  }
}

output name string = vault.name
output secretsUri string = '${vault.properties.vaultUri}secrets/'
