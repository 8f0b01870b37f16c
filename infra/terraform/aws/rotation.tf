locals {
  rotation      = var.rotation == null ? {} : { this = var.rotation }
  rotation_name = "${local.role_prefix}-rotation"
}

resource "aws_cloudwatch_log_group" "rotation" {
  for_each = local.rotation

  name              = "/aws/lambda/${local.rotation_name}"
  retention_in_days = 90
  tags              = var.tags
}

resource "aws_iam_role" "rotation" {
  for_each = local.rotation

  name        = local.rotation_name
  description = "Rotates the client secret in ${var.name}."
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "rotation" {
  for_each = local.rotation

  name = "imsvault-rotation"
  role = aws_iam_role.rotation[each.key].name
  policy = templatefile("${path.module}/policies/rotation.json.tftpl", {
    credential_arn = local.credential_arn
    log_group_arn  = aws_cloudwatch_log_group.rotation[each.key].arn
  })
}

resource "aws_iam_role_policy" "rotation_kms" {
  for_each = local.has_kms_key ? local.rotation : {}

  name   = "imsvault-rotation-kms"
  role   = aws_iam_role.rotation[each.key].name
  policy = local.kms_policies.rotation
}

resource "aws_lambda_function" "rotation" {
  for_each = local.rotation

  function_name    = local.rotation_name
  description      = "Rotates the Adobe IMS client secret in ${var.name}: a step for each call of Secrets Manager."
  role             = aws_iam_role.rotation[each.key].arn
  filename         = each.value.zip_file
  source_code_hash = filebase64sha256(each.value.zip_file)
  handler          = "index.handler"
  runtime          = "nodejs22.x"
  architectures    = ["arm64"]
  memory_size      = 256
  timeout          = 120
  tags             = var.tags

  environment {
    variables = merge(
      {
        IMSVAULT_ROTATION_SECRET_ARN    = local.credential_arn
        IMSVAULT_ROTATION_ORG_ID        = each.value.org_id
        IMSVAULT_ROTATION_CREDENTIAL_ID = each.value.credential_id
      },
      each.value.token_endpoint == null ? {} : { IMSVAULT_ROTATION_TOKEN_ENDPOINT = each.value.token_endpoint },
      each.value.api_endpoint == null ? {} : { IMSVAULT_ROTATION_API_ENDPOINT = each.value.api_endpoint },
    )
  }

  depends_on = [aws_iam_role_policy.rotation]
}

resource "aws_lambda_permission" "rotation" {
  for_each = local.rotation

  statement_id   = "secrets-manager"
  function_name  = aws_lambda_function.rotation[each.key].function_name
  action         = "lambda:InvokeFunction"
  principal      = "secretsmanager.amazonaws.com"
  source_account = local.account_id
  source_arn     = local.credential_arn
}

resource "aws_secretsmanager_secret_rotation" "credential" {
  for_each = local.rotation

  secret_id           = local.credential_arn
  rotation_lambda_arn = aws_lambda_function.rotation[each.key].arn
  # Not when Terraform runs: the first rotation comes with the schedule, or by aws secretsmanager rotate-secret.
  rotate_immediately = false

  rotation_rules {
    automatically_after_days = each.value.every_days
  }

  depends_on = [aws_lambda_permission.rotation]
}
