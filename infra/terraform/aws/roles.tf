locals {
  role_prefix = replace(var.name, "/[^A-Za-z0-9_+=,.@-]/", "-")

  identities = { renewer = var.renewer, consumer = var.consumer }

  # An identity that nobody may assume is not made.
  used = {
    for name, identity in local.identities : name => identity
    if length(identity.services) + length(identity.principal_arns) > 0 || identity.irsa != null || identity.pod_identity != null
  }

  policies = {
    for name in keys(local.identities) : name => templatefile("${path.module}/policies/${name}.json.tftpl", {
      credential_arn = local.credential_arn
      token_arn      = local.token_arn
    })
  }

  kms_uses = {
    renewer  = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], secret_arns = [local.credential_arn, local.token_arn] }
    consumer = { actions = ["kms:Decrypt"], secret_arns = [local.token_arn] }
    rotation = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], secret_arns = [local.credential_arn] }
  }

  has_kms_key = var.create_kms_key || var.kms_key_arn != null

  kms_policies = {
    for name, use in local.kms_uses : name => templatefile("${path.module}/policies/kms.json.tftpl", {
      actions     = use.actions
      secret_arns = use.secret_arns
      kms_key_arn = local.has_kms_key ? local.kms_key_arn : ""
      region      = local.region
      dns_suffix  = local.dns_suffix
    })
  }

  # Where the service can act for others, only when it does so for this account.
  service_principals = {
    ec2    = { service = "ec2.amazonaws.com", condition = null }
    lambda = { service = "lambda.amazonaws.com", condition = null }
    ecs = {
      service = "ecs-tasks.amazonaws.com"
      condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account_id}:*" }
      }
    }
  }

  trust = {
    for name, identity in local.used : name => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [for service in sort(identity.services) : merge(
          {
            Effect    = "Allow"
            Principal = { Service = local.service_principals[service].service }
            Action    = "sts:AssumeRole"
          },
          local.service_principals[service].condition == null ? {} : { Condition = local.service_principals[service].condition },
        )],
        [for irsa in identity.irsa[*] : {
          Effect    = "Allow"
          Principal = { Federated = irsa.oidc_provider_arn }
          Action    = "sts:AssumeRoleWithWebIdentity"
          Condition = { StringEquals = {
            "${split(":oidc-provider/", irsa.oidc_provider_arn)[1]}:aud" = "sts.amazonaws.com"
            "${split(":oidc-provider/", irsa.oidc_provider_arn)[1]}:sub" = "system:serviceaccount:${irsa.namespace}:${irsa.service_account}"
          } }
        }],
        [for pod in identity.pod_identity[*] : {
          Effect    = "Allow"
          Principal = { Service = "pods.eks.amazonaws.com" }
          Action    = ["sts:AssumeRole", "sts:TagSession"]
          Condition = { StringEquals = {
            "aws:RequestTag/eks-cluster-name"           = pod.cluster_name
            "aws:RequestTag/kubernetes-namespace"       = pod.namespace
            "aws:RequestTag/kubernetes-service-account" = pod.service_account
          } }
        }],
        length(identity.principal_arns) == 0 ? [] : [{
          Effect    = "Allow"
          Principal = { AWS = sort(identity.principal_arns) }
          Action    = "sts:AssumeRole"
        }],
      )
    })
  }
}

resource "aws_iam_role" "this" {
  for_each = local.used

  name                 = "${local.role_prefix}-${each.key}"
  description          = each.key == "renewer" ? "Reads ${var.name}, reads and writes ${var.name}-token." : "Reads ${var.name}-token."
  assume_role_policy   = local.trust[each.key]
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "secrets" {
  for_each = local.used

  name   = "imsvault-${each.key}"
  role   = aws_iam_role.this[each.key].name
  policy = local.policies[each.key]
}

resource "aws_iam_role_policy" "kms" {
  for_each = { for name, identity in local.used : name => identity if local.has_kms_key }

  name   = "imsvault-${each.key}-kms"
  role   = aws_iam_role.this[each.key].name
  policy = local.kms_policies[each.key]
}

resource "aws_iam_instance_profile" "this" {
  for_each = { for name, identity in local.used : name => identity if contains(identity.services, "ec2") }

  name = aws_iam_role.this[each.key].name
  role = aws_iam_role.this[each.key].name
  tags = var.tags
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = { for name, identity in local.used : name => identity if identity.pod_identity != null }

  cluster_name    = each.value.pod_identity.cluster_name
  namespace       = each.value.pod_identity.namespace
  service_account = each.value.pod_identity.service_account
  role_arn        = aws_iam_role.this[each.key].arn
  tags            = var.tags
}
