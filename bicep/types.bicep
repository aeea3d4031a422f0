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

@export()
@description('Roles on storage, by what they are called in Azure. Nothing else can be given there.')
var storageRoles = {
  blobReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  queueContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  tableContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}
