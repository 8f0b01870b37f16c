{{- define "imsvault.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "imsvault.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository: your registry's name for the image of infra/docker" $image.repository -}}
{{- if $image.digest -}}
{{- $repository }}@{{ $image.digest -}}
{{- else -}}
{{- $repository }}:{{ default .Chart.AppVersion $image.tag -}}
{{- end -}}
{{- end -}}

{{- define "imsvault.serviceAccountName" -}}
{{- default (ternary (include "imsvault.name" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "imsvault.labels" -}}
app.kubernetes.io/name: imsvault
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "imsvault.selectorLabels" -}}
app.kubernetes.io/name: imsvault
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Ours is the file's alone: the same uid and group as in the image. */}}
{{- define "imsvault.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "imsvault.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What every imsvault container has. The folder is mounted, not the file: a file would keep its first content. */}}
{{- define "imsvault.container" -}}
image: {{ include "imsvault.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "imsvault.containerSecurityContext" . | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
env:
  - name: IMSVAULT_CONFIG
    value: /etc/imsvault/imsvault.config.yaml
  - name: IMSVAULT_CACHE
    value: 'off'
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "imsvault.mounts" -}}
- name: imsvault-config
  mountPath: /etc/imsvault
  readOnly: true
{{- if .Values.serviceAccountToken.enabled }}
- name: imsvault-service-account-token
  mountPath: /var/run/secrets/imsvault
  readOnly: true
{{- end }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "imsvault.baseVolumes" -}}
{{- if .Values.serviceAccountToken.enabled }}
- name: imsvault-service-account-token
  projected:
    sources:
      - serviceAccountToken:
          path: service-account-token
          audience: {{ .Values.serviceAccountToken.audience | quote }}
          expirationSeconds: {{ .Values.serviceAccountToken.expirationSeconds }}
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "imsvault.configVolume" -}}
- name: imsvault-config
  configMap:
    name: {{ include "imsvault.name" . }}-config
{{- end -}}

{{- define "imsvault.healthProbes" -}}
startupProbe:
  httpGet: { path: {{ .startup }}, port: imsvault-health }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /livez, port: imsvault-health }
  periodSeconds: 10
  timeoutSeconds: 3
{{- end -}}
