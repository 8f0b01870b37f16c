# Neither secret gets a value here: it would stand in the state.
resource "aws_secretsmanager_secret" "credential" {
  name                    = var.name
  description             = "Adobe IMS credential: client_id and client_secret, as JSON."
  kms_key_id              = local.kms_key_arn
  recovery_window_in_days = var.recovery_window_in_days
  tags                    = var.tags
}

resource "aws_secretsmanager_secret" "token" {
  name                    = "${var.name}-token"
  description             = "Token document of imsvault. Whoever can write it decides which token is used."
  kms_key_id              = local.kms_key_arn
  recovery_window_in_days = var.recovery_window_in_days
  tags                    = var.tags

  lifecycle {
    # imsvault writes tags of its own (imsvault:expires-at and others) with each token.
    ignore_changes = [tags["imsvault:expires-at"], tags["imsvault:generation"], tags["imsvault:client-id"]]
  }
}

resource "aws_kms_key" "this" {
  count = var.create_kms_key ? 1 : 0

  description         = "Secrets of imsvault: ${var.name}"
  enable_key_rotation = true
  tags                = var.tags

  lifecycle {
    precondition {
      condition     = var.kms_key_arn == null
      error_message = "Set create_kms_key or kms_key_arn, not both."
    }
  }
}

locals {
  kms_key_arn    = var.create_kms_key ? aws_kms_key.this[0].arn : var.kms_key_arn
  credential_arn = aws_secretsmanager_secret.credential.arn
  token_arn      = aws_secretsmanager_secret.token.arn

  # arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME
  partition  = split(":", local.token_arn)[1]
  region     = split(":", local.token_arn)[3]
  account_id = split(":", local.token_arn)[4]
  dns_suffix = local.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"
}
