variable "name" {
  description = "Identities are called NAME-renewer and NAME-consumer, roles NAME with what they allow. Role names are unique in a tenant."
  type        = string
  default     = "imsvault"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,60}$", var.name))
    error_message = "2 to 61 of a-z, 0-9 and hyphens."
  }
}

variable "key_vault_id" {
  description = "Resource id of a vault that goes by RBAC, not by access policies: those cannot be limited to one secret."
  type        = string

  validation {
    condition     = can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.KeyVault/vaults/[^/]+$", var.key_vault_id))
    error_message = "/subscriptions/.../resourceGroups/.../providers/Microsoft.KeyVault/vaults/NAME"
  }
}

variable "vault_url" {
  description = "Where the vault is in another cloud. Default: https://NAME.vault.azure.net."
  type        = string
  default     = null
}

variable "location" {
  description = "Region of the identities."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the identities."
  type        = string
}

variable "credential_secret_name" {
  description = "Secret with client_id and client_secret, as JSON. It must be there already."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z-]{1,115}$", var.credential_secret_name))
    error_message = "1 to 115 letters, digits and hyphens."
  }
}

variable "token_secret_name" {
  description = "Secret of the token; claims are beside it, in NAME-claim. Default: credential_secret_name with -token."
  type        = string
  default     = null

  validation {
    condition     = var.token_secret_name == null ? true : can(regex("^[0-9A-Za-z-]{1,121}$", var.token_secret_name))
    error_message = "1 to 121 letters, digits and hyphens: imsvault cuts longer names to make room for -claim."
  }
}

variable "federated" {
  description = "For AKS and other OIDC issuers: which service account is which identity (renewer, consumer)."
  type = map(object({
    issuer          = string
    namespace       = string
    service_account = string
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.federated), ["renewer", "consumer"])) == 0
    error_message = "Any of renewer and consumer."
  }
}

variable "tags" {
  description = "Tags of the identities."
  type        = map(string)
  default     = {}
}
