// Private endpoints of the storage account and the vault, with the names by which the app finds them.
param location string
param tags object
param networkName string
param subnetId string
param storageName string
param vaultName string

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: networkName
}

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

var connected = [
  {
    service: 'blob'
    target: account.id
    zone: 'privatelink.blob.${environment().suffixes.storage}'
  }
  {
    service: 'queue'
    target: account.id
    zone: 'privatelink.queue.${environment().suffixes.storage}'
  }
  {
    service: 'table'
    target: account.id
    zone: 'privatelink.table.${environment().suffixes.storage}'
  }
  {
    service: 'vault'
    target: vault.id
    // environment() gives .vault.azure.net, while the zone is that of .vaultcore.azure.net
    zone: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
  }
]

resource zones 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for connection in connected: {
    name: connection.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (connection, place) in connected: {
    parent: zones[place]
    name: networkName
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for connection in connected: {
    name: 'pe-photosync-${connection.service}'
    location: location
    tags: tags
    properties: {
      subnet: { id: subnetId }
      privateLinkServiceConnections: [
        {
          name: connection.service
          properties: {
            privateLinkServiceId: connection.target
            groupIds: [connection.service]
          }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (connection, place) in connected: {
    parent: endpoints[place]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: connection.service
          properties: { privateDnsZoneId: zones[place].id }
        }
      ]
    }
    dependsOn: [links]
  }
]
