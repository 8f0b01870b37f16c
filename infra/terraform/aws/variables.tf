variable "name" {
  description = "Name of the credential's secret; the token's is NAME-token, roles are NAME-renewer and NAME-consumer with / written as -."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9/_+=.@-]{0,39}$", var.name)) && !can(regex("-[A-Za-z0-9]{6}$", var.name))
    error_message = "1 to 40 letters, digits and /_+=.@-, not ending in a hyphen and six characters: AWS takes such an end for that of an ARN."
  }
}

variable "renewer" {
  description = <<-EOT
    Who may assume the role that reads the credential, makes tokens and writes them.
    services: any of ec2, ecs, lambda. irsa and pod_identity: one service account of an EKS cluster.
    principal_arns: roles or users, for example of another account.
  EOT
  type = object({
    services = optional(set(string), [])
    irsa = optional(object({
      oidc_provider_arn = string
      namespace         = string
      service_account   = string
    }))
    pod_identity = optional(object({
      cluster_name    = string
      namespace       = string
      service_account = string
    }))
    principal_arns = optional(set(string), [])
  })
  default = {}

  validation {
    condition     = length(setsubtract(var.renewer.services, ["ec2", "ecs", "lambda"])) == 0
    error_message = "services are any of ec2, ecs and lambda."
  }
  validation {
    condition     = alltrue([for arn in var.renewer.principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "principal_arns are ARNs of roles or users: neither a whole account nor everybody."
  }
}

variable "consumer" {
  description = "Who may assume the role that reads the token and nothing else. Shape as renewer."
  type = object({
    services = optional(set(string), [])
    irsa = optional(object({
      oidc_provider_arn = string
      namespace         = string
      service_account   = string
    }))
    pod_identity = optional(object({
      cluster_name    = string
      namespace       = string
      service_account = string
    }))
    principal_arns = optional(set(string), [])
  })
  default = {}

  validation {
    condition     = length(setsubtract(var.consumer.services, ["ec2", "ecs", "lambda"])) == 0
    error_message = "services are any of ec2, ecs and lambda."
  }
  validation {
    condition     = alltrue([for arn in var.consumer.principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "principal_arns are ARNs of roles or users: neither a whole account nor everybody."
  }
}

variable "create_kms_key" {
  description = "Encrypt both secrets with a key of their own, which costs money."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "Encrypt both secrets with this key instead. Default: the account's aws/secretsmanager."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "The ARN of a key; an alias cannot stand in a policy."
  }
}

variable "recovery_window_in_days" {
  description = "How long a deleted secret can be restored: 7 to 30, or 0 for not at all."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_window_in_days == 0 || (var.recovery_window_in_days >= 7 && var.recovery_window_in_days <= 30)
    error_message = "0, or 7 to 30."
  }
}

variable "rotation" {
  description = <<-EOT
    Rotate the client secret by AWS's own schedule. Put the credential into its secret before you set this.
    zip_file: what infra/lambda/rotation/build.mjs makes. org_id, credential_id: as in the URLs of the Developer Console.
    token_endpoint, api_endpoint: other than Adobe's, for tests.
  EOT
  type = object({
    zip_file       = string
    org_id         = string
    credential_id  = string
    every_days     = optional(number, 30)
    token_endpoint = optional(string)
    api_endpoint   = optional(string)
  })
  default = null

  validation {
    condition     = var.rotation == null ? true : var.rotation.every_days >= 1 && var.rotation.every_days <= 1000
    error_message = "every_days is 1 to 1000."
  }
  validation {
    condition     = var.rotation == null ? true : can(regex("^[0-9]{1,20}$", var.rotation.org_id)) && can(regex("^[A-Za-z0-9_-]{1,64}$", var.rotation.credential_id))
    error_message = "org_id is the number of the organisation, not ...@AdobeOrg; credential_id is not the client id: both stand in the URLs of the Developer Console."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of all roles."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(key, "imsvault:")])
    error_message = "Tags that begin with imsvault: are written by imsvault."
  }
}
