{{/*
For pods of your own charts, with this chart as a dependency:
  spec:
    serviceAccountName: {{ include "imsvault.serviceAccountName" .Subcharts.imsvault }}
    securityContext: {{- include "imsvault.podSecurityContext" .Subcharts.imsvault | nindent … }}   fsGroup is what counts
    initContainers:  {{- include "imsvault.sidecar" .Subcharts.imsvault | nindent … }}
    containers: [{ volumeMounts: {{- include "imsvault.clientMounts" .Subcharts.imsvault | nindent … }} }]
    volumes:         {{- include "imsvault.sidecarVolumes" .Subcharts.imsvault | nindent … }}
and imsvault.podLabels among the pod's labels. ../example-app is such a chart.
*/}}

{{/* An init container with restartPolicy Always: it is there before the others start, and does not keep a Job from ending. */}}
{{- define "imsvault.sidecar" -}}
- name: imsvault
  restartPolicy: Always
  args:
    - serve
    - --listen=127.0.0.1:7717
    - --health-listen={{ .Values.healthHost }}:7718
    - --token-file=/run/imsvault/agent-token
    - --token-file-mode=0640
  {{- include "imsvault.container" . | nindent 2 }}
  ports:
    - { name: imsvault-health, containerPort: 7718 }
  # The other containers start when there is a token. Later an outage of IMS does not take the pod out of service.
  {{- include "imsvault.healthProbes" (dict "startup" "/readyz") | nindent 2 }}
  volumeMounts:
    {{- include "imsvault.mounts" . | nindent 4 }}
    - name: imsvault-run
      mountPath: /run/imsvault
{{- end -}}

{{- define "imsvault.sidecarVolumes" -}}
{{ include "imsvault.configVolume" . }}
{{- include "imsvault.baseVolumes" . }}
- name: imsvault-run
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- end -}}

{{/* Read only: whoever could write there could give the agent another token to ask for. */}}
{{- define "imsvault.clientMounts" -}}
- name: imsvault-run
  mountPath: /run/imsvault
  readOnly: true
{{- end -}}

{{- define "imsvault.podLabels" -}}
imsvault/serves: 'true'
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
