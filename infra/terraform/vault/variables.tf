variable "name" {
  description = "Policies and roles are called NAME-renewer and NAME-consumer."
  type        = string
  default     = "imsvault"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,39}$", var.name))
    error_message = "1 to 40 of a-z, 0-9 and hyphens."
  }
}

variable "mount" {
  description = "Path of the KV engine, version 2."
  type        = string
  default     = "secret"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.mount))
    error_message = "Segments of letters, digits, _ and -, with / between: no wildcards."
  }
}

variable "create_mount" {
  description = "Make that engine."
  type        = bool
  default     = false
}

variable "credential_path" {
  description = "Where the credential is, without data/."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", var.credential_path))
    error_message = "Segments of letters, digits, _, . and -, with / between: no wildcards."
  }
}

variable "token_path" {
  description = "Where the token is to be. Default: credential_path with -token."
  type        = string
  default     = null

  validation {
    condition     = var.token_path == null ? true : can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", var.token_path))
    error_message = "Segments of letters, digits, _, . and -, with / between: no wildcards."
  }
}

variable "approle" {
  description = "Roles of AppRole for these identities: renewer, consumer. bound_cidrs: where logins may come from; secret_id_ttl in seconds, 0 for ever."
  type = object({
    identities    = set(string)
    mount         = optional(string, "approle")
    bound_cidrs   = optional(list(string), [])
    secret_id_ttl = optional(number, 0)
  })
  default = null

  validation {
    condition     = var.approle == null ? true : length(setsubtract(var.approle.identities, ["renewer", "consumer"])) == 0
    error_message = "identities are any of renewer and consumer."
  }
}

variable "kubernetes" {
  description = "Roles for service accounts, by identity."
  type = object({
    mount    = optional(string, "kubernetes")
    audience = optional(string)
    identities = map(object({
      namespace       = string
      service_account = string
    }))
  })
  default = null

  validation {
    condition     = var.kubernetes == null ? true : length(setsubtract(keys(var.kubernetes.identities), ["renewer", "consumer"])) == 0
    error_message = "identities are any of renewer and consumer."
  }
  validation {
    condition     = var.kubernetes == null ? true : alltrue([for account in values(var.kubernetes.identities) : !strcontains(account.namespace, "*") && !strcontains(account.service_account, "*")])
    error_message = "Name one namespace and one service account: no wildcards."
  }
}

variable "jwt" {
  description = "Roles for tokens of an OIDC issuer, such as a CI, by identity. Each identity needs the claims that a token must have: sub, for example, or repository and ref."
  type = object({
    mount      = optional(string, "jwt")
    audience   = string
    user_claim = optional(string, "sub")
    identities = map(map(string))
  })
  default = null

  validation {
    condition     = var.jwt == null ? true : length(setsubtract(keys(var.jwt.identities), ["renewer", "consumer"])) == 0
    error_message = "identities are any of renewer and consumer."
  }
  validation {
    condition     = var.jwt == null ? true : alltrue([for claims in values(var.jwt.identities) : length(claims) > 0])
    error_message = "Without a claim every token of the issuer would do."
  }
}

variable "token_ttl" {
  description = "Life of a login in seconds; imsvault renews it, and logs in again after token_max_ttl."
  type        = number
  default     = 3600
}

variable "token_max_ttl" {
  description = "Longest life of a login in seconds."
  type        = number
  default     = 14400
}
