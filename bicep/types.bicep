@export()
@description('Environments, each in a resource group and, where policy wants it, a subscription of its own.')
type environmentName = 'sandbox' | 'staging' | 'production'

@export()
@description('Elastic Premium (slots, scale by load) or Dedicated (slots, always on).')
type planSkuName = 'EP1' | 'EP2' | 'EP3' | 'P1v3' | 'P2v3'

@export()
@description('One of the two slots of an app: what it runs, and who it is.')
type slotIdentity = {
  name: string
  principalId: string
}

@export()
@description('On every resource: what it belongs to, and who pays and answers for it.')
type resourceTags = {
  product: string
  environment: string
  owner: string
  costCentre: string
}

@export()
@description('Application settings. No secret is one: the apps fetch what they need by their own identity.')
type appSettings = {
  *: string
}
