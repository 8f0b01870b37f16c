variable "rotate" {
  description = "Set this once the credential is in its secret."
  type        = bool
  default     = false
}

variable "zip_file" {
  description = "Made by: node infra/lambda/rotation/build.mjs"
  type        = string
  default     = "../../../../lambda/rotation/dist/rotation.zip"
}

# The client secret is rotated by AWS; both secrets have a key of their own.
module "imsvault" {
  source = "../.."

  name           = "ims/fusion"
  create_kms_key = true
  renewer        = { services = ["lambda"] }
  consumer       = { services = ["lambda"] }

  rotation = var.rotate ? {
    zip_file      = var.zip_file
    org_id        = "1234567"
    credential_id = "890123"
  } : null
}

output "imsvault" {
  value = module.imsvault
}
