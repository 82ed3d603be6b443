// The identity that the app has everywhere: storage, vault, telemetry, Microsoft 365. User-assigned, so that its
// permissions in Microsoft 365 outlive the app when that is made anew.
param name string
param location string
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
  tags: tags
}

output name string = identity.name
output principalId string = identity.properties.principalId
output clientId string = identity.properties.clientId
