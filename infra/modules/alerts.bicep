// A mail when something needs a person. The questions stand in alerts.json, where a test holds them to the code.
param location string
param tags object
param mail string
param applicationInsightsName string

var rules = loadJsonContent('../alerts.json')

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource receivers 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-photosync'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'photosync'
    emailReceivers: [
      {
        name: 'administrator'
        emailAddress: mail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [
  for rule in rules: {
    name: 'photosync-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: rule.whatToDo
      severity: rule.severity
      enabled: true
      scopes: [applicationInsights.id]
      evaluationFrequency: rule.every
      windowSize: rule.looksBack
      autoMitigate: true
      // A new workspace has no tables yet; the query would be refused.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Total'
            metricMeasureColumn: 'Found'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: { actionGroups: [receivers.id] }
    }
  }
]
