// What the logs tell, on one page in the Azure portal: Application Insights, Workbooks.
param location string
param tags object
param applicationInsightsName string

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource workbook 'Microsoft.Insights/workbooks@2022-04-01' = {
  name: guid(resourceGroup().id, 'photosync-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Profile Photo Sync'
    category: 'workbook'
    sourceId: applicationInsights.id
    version: '1.0'
    serializedData: replace(loadTextContent('../workbook.json'), '{applicationInsightsId}', applicationInsights.id)
  }
}
