# Servers log in by AppRole, the pods of one service account by Kubernetes.
terraform {
  required_version = ">= 1.5"

  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 3.20, < 6.0"
    }
  }
}

provider "vault" {}

module "imsvault" {
  source = "../.."

  mount           = "secret"
  credential_path = "ims/fusion"

  approle = {
    identities    = ["renewer"]
    bound_cidrs   = ["10.20.0.0/16"]
    secret_id_ttl = 2592000
  }
  kubernetes = {
    identities = { consumer = { namespace = "fusion", service_account = "worker" } }
  }
}

output "imsvault" {
  value = module.imsvault
}
