# One ECS service makes the tokens; virtual machines and other tasks read them.
module "imsvault" {
  source = "../.."

  name     = "ims/fusion"
  renewer  = { services = ["ecs"] }
  consumer = { services = ["ecs", "ec2"] }
}

output "imsvault" {
  value = module.imsvault
}
