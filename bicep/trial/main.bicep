targetScope = 'subscription'

metadata description = 'The resource group of a trial, for azd. What is in it comes of main.bicep one folder up, as everywhere.'

param trialName string
param location string

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-callpilot-${trialName}'
  location: location
  // azd finds by it what `azd down` removes.
  tags: { 'azd-env-name': trialName, product: 'callpilot', environment: 'trial' }
}

@description('Under the name by which azd hands it to hooks.')
output AZURE_RESOURCE_GROUP string = group.name
