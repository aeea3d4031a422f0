using 'main.bicep'

param trialName = readEnvironmentVariable('AZURE_ENV_NAME', 'trial')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
