# The renewer is an app with a managed identity, the consumers are pods of AKS.
terraform {
  required_version = ">= 1.5"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 3.70, < 5.0"
    }
  }
}

provider "azurerm" {
  features {}
}

variable "key_vault_id" {
  type = string
}

variable "oidc_issuer" {
  description = "Of the AKS cluster."
  type        = string
}

module "imsvault" {
  source = "../.."

  key_vault_id           = var.key_vault_id
  location               = "westeurope"
  resource_group_name    = "ims"
  credential_secret_name = "ims-fusion"

  federated = {
    consumer = { issuer = var.oidc_issuer, namespace = "fusion", service_account = "worker" }
  }
}

output "imsvault" {
  value = module.imsvault
}
