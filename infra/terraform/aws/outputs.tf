output "credential_secret_arn" {
  description = "Put the credential there; README.md says how."
  value       = local.credential_arn
}

output "token_secret_arn" {
  value = local.token_arn
}

output "kms_key_arn" {
  value = local.kms_key_arn
}

output "role_arns" {
  description = "By identity: renewer, consumer; only those that somebody may assume. Task role, execution role, eks.amazonaws.com/role-arn."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "instance_profile_names" {
  description = "By identity, where its services have ec2."
  value       = { for name, profile in aws_iam_instance_profile.this : name => profile.name }
}

output "rotation_function_arn" {
  value = one([for function in aws_lambda_function.rotation : function.arn])
}

output "renewer_config" {
  description = "imsvault.config.yaml of a renewer."
  value       = <<-EOT
    credentials:
      provider: aws-secrets-manager
      secretId: ${local.credential_arn}
      region: ${local.region}
    tokenStore:
      provider: aws-secrets-manager
      secretId: ${local.token_arn}
      region: ${local.region}
      create: false
  EOT
}

output "consumer_config" {
  description = "imsvault.config.yaml of a consumer, who cannot read the credential."
  value       = <<-EOT
    tokenStore:
      provider: aws-secrets-manager
      secretId: ${local.token_arn}
      region: ${local.region}
  EOT
}
