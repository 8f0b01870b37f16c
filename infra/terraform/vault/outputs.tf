locals {
  # The first login that each identity has.
  auth = {
    for identity in local.identities : identity => (
      try(contains(var.approle.identities, identity), false) ? "{ method: approle, mount: ${var.approle.mount}, roleId: ${vault_approle_auth_backend_role.this[identity].role_id}, secretIdFile: /run/secrets/secret-id }" :
      try(contains(keys(var.kubernetes.identities), identity), false) ? "{ method: kubernetes, mount: ${var.kubernetes.mount}, role: ${var.name}-${identity} }" :
      try(contains(keys(var.jwt.identities), identity), false) ? "{ method: jwt, mount: ${var.jwt.mount}, role: ${var.name}-${identity}, jwtFile: /run/ci-token }" :
      "{ method: token }"
    )
  }
}

output "policy_names" {
  description = "By identity: renewer, consumer."
  value       = { for identity, policy in vault_policy.this : identity => policy.name }
}

output "approle_role_ids" {
  description = "By identity. Secret ids are not made here, because they would stand in the state."
  value       = { for identity, role in vault_approle_auth_backend_role.this : identity => role.role_id }
}

output "renewer_config" {
  description = "imsvault.config.yaml of a renewer; the address comes from VAULT_ADDR."
  value = templatefile("${path.module}/configs/renewer.yaml.tftpl", {
    mount           = local.mount
    credential_path = var.credential_path
    token_path      = local.token_path
    auth            = local.auth["renewer"]
  })
}

output "consumer_config" {
  description = "imsvault.config.yaml of a consumer, who cannot read the credential."
  value = templatefile("${path.module}/configs/consumer.yaml.tftpl", {
    mount      = local.mount
    token_path = local.token_path
    auth       = local.auth["consumer"]
  })
}
