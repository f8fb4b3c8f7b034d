{{- define "secrets.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "secrets.labels" -}}
helm.sh/chart: {{ include "secrets.chart" . }}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* What a container runtime reads of one registry: the text of .dockerconfigjson. */}}
{{- define "secrets.dockerConfig" -}}
{{- $login := dict "username" .username "password" .password "auth" (printf "%s:%s" .username .password | b64enc) }}
{{- with .email }}
{{- $_ := set $login "email" . }}
{{- end }}
{{- dict "auths" (dict .server $login) | toJson }}
{{- end }}
