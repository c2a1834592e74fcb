{{- define "repr.fullname" -}}
{{- if contains "repr" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-repr" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "repr.selector" -}}
app.kubernetes.io/name: repr
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "repr.labels" -}}
{{ include "repr.selector" . }}
app.kubernetes.io/component: worker
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "repr.scheme" -}}
{{ if .Values.tls.existingSecret }}https{{ else }}http{{ end }}
{{- end }}

{{- /* The host that requesters and workers call: certificates are for names, and addresses are enough without. */ -}}
{{- define "repr.host" -}}
{{ if .Values.tls.existingSecret }}$(POD_NAME).{{ include "repr.fullname" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}{{ else }}$(POD_IP){{ end }}
{{- end }}

{{- /* The settings file: what is given, and what the other values mean. */ -}}
{{- define "repr.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $settings "Tls" (dict "CertificateFile" "/etc/repr/tls/tls.crt" "KeyFile" "/etc/repr/tls/tls.key") -}}
{{- end -}}
{{- if .Values.auth.tokensSecret -}}
{{- $_ := set $settings "Authentication" (prepend (get $settings "Authentication" | default list) (dict "Plugin" "token" "Options" (dict "File" "/etc/repr/auth/tokens"))) -}}
{{- end -}}
{{- if .Values.auth.caSecret -}}
{{- $_ := set $settings "Peers" (merge (dict "CertificateAuthority" "/etc/repr/ca/ca.crt") (get $settings "Peers" | default dict)) -}}
{{- end -}}
{{- if .Values.metrics.enabled -}}
{{- $_ := set $settings "Telemetry" (append (get $settings "Telemetry" | default list) (dict "Plugin" "prometheus" "Options" (dict "Listen" "http://0.0.0.0:9464"))) -}}
{{- end -}}
{{- toPrettyJson $settings -}}
{{- end }}

{{- define "repr.validate" -}}
{{- if and (not .Values.trustNetwork) (not (and .Values.tls.existingSecret (or .Values.auth.tokensSecret .Values.settings.Authentication))) -}}
{{- fail "Set tls.existingSecret and auth.tokensSecret (or settings.Authentication), or trustNetwork: true in a network that you trust: a worker runs any command for anyone who reaches it." -}}
{{- end -}}
{{- if and (not .Values.tls.existingSecret) (or .Values.auth.tokensSecret .Values.settings.Authentication) -}}
{{- fail "Set tls.existingSecret: tokens and sources would travel unencrypted." -}}
{{- end -}}
{{- if and .Values.autoscaling.keda.enabled .Values.autoscaling.hpa.enabled -}}
{{- fail "Set autoscaling.keda.enabled or autoscaling.hpa.enabled, not both: KEDA makes an HPA of its own." -}}
{{- end -}}
{{- if not (has .Values.sandbox.mode (list "privileged" "unprivileged")) -}}
{{- fail "sandbox.mode is privileged or unprivileged." -}}
{{- end -}}
{{- end }}
