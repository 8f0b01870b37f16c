locals {
  auth = {
    for identity in local.identities : identity => contains(keys(var.federated), identity) ? "{ method: workload-identity }" : "{ method: managed-identity, clientId: ${azurerm_user_assigned_identity.this[identity].client_id} }"
  }
}

output "identity_ids" {
  description = "By identity: renewer, consumer. Assign them to the machine, app or container that runs imsvault."
  value       = { for identity, assigned in azurerm_user_assigned_identity.this : identity => assigned.id }
}

output "client_ids" {
  description = "By identity. The annotation azure.workload.identity/client-id of a service account."
  value       = { for identity, assigned in azurerm_user_assigned_identity.this : identity => assigned.client_id }
}

output "renewer_config" {
  description = "imsvault.config.yaml of a renewer."
  value = templatefile("${path.module}/configs/renewer.yaml.tftpl", {
    vault_url  = local.vault_url
    credential = var.credential_secret_name
    token      = local.token
    auth       = local.auth["renewer"]
  })
}

output "consumer_config" {
  description = "imsvault.config.yaml of a consumer, who cannot read the credential."
  value = templatefile("${path.module}/configs/consumer.yaml.tftpl", {
    vault_url = local.vault_url
    token     = local.token
    auth      = local.auth["consumer"]
  })
}
