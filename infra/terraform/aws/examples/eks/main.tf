# The renewer by Pod Identity, the consumers by IRSA; either would do for both.
module "imsvault" {
  source = "../.."

  name = "ims/fusion"
  renewer = {
    pod_identity = { cluster_name = "apps", namespace = "ims", service_account = "imsvault" }
  }
  consumer = {
    irsa = {
      oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
      namespace         = "fusion"
      service_account   = "worker"
    }
  }
}

output "imsvault" {
  value = module.imsvault
}
