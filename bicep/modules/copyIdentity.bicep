import { resourceTags } from '../types.bicep'

metadata description = 'Who makes one half of a sandbox copy: an identity that a service connection of the pipeline takes on, and nothing else.'

param location string
param name string
param tags resourceTags
@description('Of the service connection, as Azure DevOps shows them. Until both are known, nobody can take the identity on.')
param issuer string
param subject string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags

  resource pipeline 'federatedIdentityCredentials' = if (!empty(issuer) && !empty(subject)) {
    name: 'pipeline'
    properties: { issuer: issuer, subject: subject, audiences: ['api://AzureADTokenExchange'] }
  }
}

output principalId string = identity.properties.principalId
