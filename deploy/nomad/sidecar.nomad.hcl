# CVAT's backups as a sidecar: one container beside the work, with Redis inside, in at most 4 GB.
#
#   nomad job run -var image=registry.example.com/cvat-backups-sidecar:latest -var cvat_url=https://cvat.example.com \
#     deploy/nomad/sidecar.nomad.hcl
#
# The login is read from Nomad's variables: nomad var put nomad/jobs/cvat-backups cvat_username=backup cvat_password=…

variable "image" { type = string }
variable "cvat_url" { type = string }

job "cvat-backups" {
  type = "service"

  group "backup" {
    count = 1

    # Made once by the operator, on NFS or a disk: docs/deployment.md says for which uid.
    volume "archives" {
      type   = "host"
      source = "cvat-backups"
    }

    network {
      mode = "bridge"
      port "monitoring" { to = 9464 }
    }

    # Beside a task of your own it becomes a sidecar in Nomad's sense: add `lifecycle { hook = "poststart", sidecar = true }`.
    task "backup" {
      driver = "docker"
      user   = "1000:1000"

      config {
        image           = var.image
        args            = ["serve"]
        ports           = ["monitoring"]
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]
        pids_limit      = 200

        # Also for the state of Redis: what is queued need not outlive the allocation, the next run finds out what is missing.
        mount {
          type   = "tmpfs"
          target = "/tmp"
        }
      }

      env {
        CVAT_URL                    = var.cvat_url
        CVAT_PASSWORD_FILE          = "${NOMAD_SECRETS_DIR}/cvat_password"
        CVAT_BACKUP_DIR             = "/cvat-backups"
        CVAT_BACKUP_STATE_DIR       = "/tmp/cvat-backups"
        CVAT_BACKUP_MONITORING_HOST = "0.0.0.0"
        CVAT_BACKUP_MONITORING_PORT = "9464"
        TZ                          = "Europe/Berlin"
      }

      template {
        data        = "{{ with nomadVar \"nomad/jobs/cvat-backups\" }}{{ .cvat_password }}{{ end }}"
        destination = "secrets/cvat_password"
        perms       = "0400"
        uid         = 1000
        gid         = 1000
      }

      template {
        data        = "CVAT_USERNAME={{ with nomadVar \"nomad/jobs/cvat-backups\" }}{{ .cvat_username }}{{ end }}"
        destination = "secrets/login.env"
        env         = true
      }

      volume_mount {
        volume      = "archives"
        destination = "/cvat-backups"
      }

      service {
        provider = "nomad"
        name     = "cvat-backups"
        port     = "monitoring"
        check {
          type     = "http"
          path     = "/healthz"
          interval = "30s"
          timeout  = "5s"
        }
      }

      # A service hands its work back within nine seconds.
      kill_timeout = "20s"

      resources {
        cpu        = 500
        memory     = 512
        memory_max = 4096
      }
    }
  }
}
