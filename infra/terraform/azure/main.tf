locals {
  identities     = toset(["renewer", "consumer"])
  vault_url      = coalesce(var.vault_url, "https://${split("/", var.key_vault_id)[8]}.vault.azure.net")
  resource_group = join("/", slice(split("/", var.key_vault_id), 0, 5))
  token          = coalesce(var.token_secret_name, "${var.credential_secret_name}-token")

  # Built-in roles allow more: Key Vault Secrets User lists versions too, Key Vault Secrets Officer deletes.
  roles = jsondecode(file("${path.module}/roles.json"))

  assignments = {
    renewer-credential = { identity = "renewer", role = "credential-reader", secret = var.credential_secret_name }
    renewer-token      = { identity = "renewer", role = "token-writer", secret = local.token }
    renewer-claim      = { identity = "renewer", role = "claim-writer", secret = "${local.token}-claim" }
    consumer-token     = { identity = "consumer", role = "token-reader", secret = local.token }
  }
}

resource "azurerm_user_assigned_identity" "this" {
  for_each = local.identities

  name                = "${var.name}-${each.key}"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_role_definition" "this" {
  for_each = local.roles

  name              = "${var.name} ${each.key}"
  description       = each.value.description
  scope             = local.resource_group
  assignable_scopes = [local.resource_group]

  permissions {
    data_actions = each.value.data_actions
  }
}

# Each for one secret. None is made here: Key Vault has no empty secret, and a value would stand in the state.
resource "azurerm_role_assignment" "this" {
  for_each = local.assignments

  scope              = "${var.key_vault_id}/secrets/${each.value.secret}"
  role_definition_id = azurerm_role_definition.this[each.value.role].role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.this[each.value.identity].principal_id
  principal_type     = "ServicePrincipal"
}

resource "azurerm_federated_identity_credential" "this" {
  for_each = var.federated

  name                = "${var.name}-${each.key}"
  resource_group_name = var.resource_group_name
  parent_id           = azurerm_user_assigned_identity.this[each.key].id
  audience            = ["api://AzureADTokenExchange"]
  issuer              = each.value.issuer
  subject             = "system:serviceaccount:${each.value.namespace}:${each.value.service_account}"
}
