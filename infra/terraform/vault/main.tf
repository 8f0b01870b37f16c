locals {
  token_path = coalesce(var.token_path, "${var.credential_path}-token")
  mount      = var.create_mount ? vault_mount.this[0].path : var.mount
  identities = toset(["renewer", "consumer"])
}

# The credential is not made here: its value would stand in the state. README.md says how to put it.
resource "vault_mount" "this" {
  count = var.create_mount ? 1 : 0

  path        = var.mount
  type        = "kv"
  options     = { version = "2" }
  description = "Adobe IMS credentials and tokens"
}

resource "vault_policy" "this" {
  for_each = local.identities

  name = "${var.name}-${each.key}"
  policy = templatefile("${path.module}/policies/${each.key}.hcl.tftpl", {
    mount           = local.mount
    credential_path = var.credential_path
    token_path      = local.token_path
  })
}

resource "vault_approle_auth_backend_role" "this" {
  for_each = var.approle == null ? toset([]) : var.approle.identities

  backend                 = var.approle.mount
  role_name               = vault_policy.this[each.key].name
  token_policies          = [vault_policy.this[each.key].name]
  token_no_default_policy = true
  token_ttl               = var.token_ttl
  token_max_ttl           = var.token_max_ttl
  token_bound_cidrs       = var.approle.bound_cidrs
  secret_id_bound_cidrs   = var.approle.bound_cidrs
  secret_id_ttl           = var.approle.secret_id_ttl
}

resource "vault_kubernetes_auth_backend_role" "this" {
  for_each = var.kubernetes == null ? {} : var.kubernetes.identities

  backend                          = var.kubernetes.mount
  role_name                        = vault_policy.this[each.key].name
  bound_service_account_namespaces = [each.value.namespace]
  bound_service_account_names      = [each.value.service_account]
  audience                         = var.kubernetes.audience
  token_policies                   = [vault_policy.this[each.key].name]
  token_no_default_policy          = true
  token_ttl                        = var.token_ttl
  token_max_ttl                    = var.token_max_ttl
}

resource "vault_jwt_auth_backend_role" "this" {
  for_each = var.jwt == null ? {} : var.jwt.identities

  backend                 = var.jwt.mount
  role_name               = vault_policy.this[each.key].name
  role_type               = "jwt"
  user_claim              = var.jwt.user_claim
  bound_audiences         = [var.jwt.audience]
  bound_claims            = each.value
  token_policies          = [vault_policy.this[each.key].name]
  token_no_default_policy = true
  token_ttl               = var.token_ttl
  token_max_ttl           = var.token_max_ttl
}
